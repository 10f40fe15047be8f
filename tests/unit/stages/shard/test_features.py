"""The column `features` of EXAMPLES: fitted to training examples, a part of which is hidden."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from patent_spark.config import load_config
from patent_spark.core.features import encode_rows
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from patent_spark.stages.shard.features import hidden_values
from tests.support.factories import publish

COUNT = 400
SPLITS = {"train": range(1, 301), "test_2011": range(301, COUNT + 1)}
COLUMNS = ("num_claims", "cpc_class", "length")


def claims(key):
    return None if key % 5 == 0 else key % 7


def length(key):
    """Words of a text: of 1 to 4 known ones; cut at 3."""
    return min(1 + key % 4, 3)


@pytest.fixture(scope="module")
def store(tmp_path_factory, engine):
    root = tmp_path_factory.mktemp("features")
    store, keys = Store(root), range(1, COUNT + 1)
    publish(
        store,
        "ingest",
        {
            "PATENTS": [{"patent_key": key, "num_claims": claims(key)} for key in keys],
            "CPC": [
                {"patent_key": key, "cpc_sequence": 0, "cpc_class": "AH"[key % 2] + "01"} for key in keys
            ],
        },
    )
    publish(store, "label", {"LABELS": [{"patent_key": key, "citation_level": "top1"} for key in keys]})
    splits = [
        {"patent_key": key, "task": "citation_level", "split": split}
        for split, members in SPLITS.items()
        for key in members
    ]
    publish(store, "split", {"SPLITS": splits})
    tokens = [{"patent_key": key, "tokens": ["w1"] * (1 + key % 4) + ["unknown"]} for key in keys]
    words = {"TOKENS": tokens, "VOCABULARY": [{"word": "w1", "id": 1}]}
    publish(store, "text", words, {"vocabulary_digest": "v"})
    sets = [
        f"warehouse.root={root}", f"engine.name={engine.name}", "tasks=citation_level",
        "shard.world_sizes=[1]", "citation_level.max_tokens=3", "citation_level.min_tokens=1",
        "model.features=[claims, class, text_length]",
    ]  # fmt: skip
    run_stage("shard", load_config(sets=sets)[0])
    return store


def features_of(store, split):
    rows = pq.read_table(store.directory("EXAMPLES") / "citation_level" / split).to_pylist()
    return {
        row["patent_key"]: np.frombuffer(row["features"], "<f4") for row in rows if row["patent_key"] >= 0
    }


@pytest.mark.engine
def test_the_table_has_raw_values_of_what_is_asked_for(store):
    rows = {row["patent_key"]: row for row in store.read_arrow("FEATURES").to_pylist()}
    assert sorted(rows) == list(range(1, COUNT + 1))
    for key, row in rows.items():
        assert (row["num_claims"], row["cpc_class"]) == (claims(key), "AH"[key % 2] + "01")
        assert row["patent_type"] is row["examiner_citations"] is row["family_size"] is None


@pytest.mark.engine
def test_the_encoding_is_that_of_the_training_examples(store):
    encoding = store.metadata(ShardMetadata).tasks["citation_level"].features
    assert tuple(column.column for column in encoding.columns) == COLUMNS
    known = np.log1p([claims(key) for key in SPLITS["train"] if claims(key) is not None])
    lengths = np.log1p([length(key) for key in SPLITS["train"]])
    of_claims, of_class, of_length = encoding.columns
    assert (of_claims.mean, of_claims.scale) == pytest.approx((known.mean(), known.std()))
    assert (of_claims.known, of_class.values) == (240, ("A01", "H01"))
    assert (of_length.mean, of_length.scale) == pytest.approx((lengths.mean(), lengths.std()))


def expected(store, key, hidden=(False, False)):
    encoding = store.metadata(ShardMetadata).tasks["citation_level"].features
    known = {"num_claims": claims(key), "cpc_class": "AH"[key % 2] + "01"}
    seen = {
        name: value for (name, value), is_hidden in zip(known.items(), hidden, strict=True) if not is_hidden
    }
    return encode_rows(encoding, [seen], np.array([length(key)]))[0]


@pytest.mark.engine
def test_test_examples_have_all_that_is_known(store):
    found = features_of(store, "test_2011")
    assert sorted(found) == list(SPLITS["test_2011"])
    for key, features in found.items():
        assert features == pytest.approx(expected(store, key), abs=1e-6)


@pytest.mark.engine
def test_a_part_of_the_training_examples_is_hidden(store):
    found = features_of(store, "train")
    hidden = hidden_values(np.array(SPLITS["train"]), COLUMNS)
    for key, of_key in zip(SPLITS["train"], hidden.tolist(), strict=True):
        assert found[key] == pytest.approx(expected(store, key, of_key[:2]), abs=1e-6)
    assert hidden.any() and not hidden.all(axis=1).any()


def test_who_is_hidden_follows_from_the_key_alone():
    """A tenth of the patents have nothing, another tenth half of it; the length is always known."""
    keys = np.arange(1, 100_001)
    hidden = hidden_values(keys, ("num_claims", "length", "cpc_class"))
    assert not hidden[:, 1].any()
    assert hidden[:, [0, 2]].mean(axis=0) == pytest.approx([0.15, 0.15], abs=0.005)
    assert hidden[:, [0, 2]].all(axis=1).mean() == pytest.approx(0.125, abs=0.005)
    assert (hidden_values(keys[50:60], ("num_claims", "length", "cpc_class")) == hidden[50:60]).all()


@pytest.mark.engine
def test_without_the_setting_examples_have_no_such_column(store, tmp_path, engine):
    sets = [
        f"warehouse.root={store.root}", f"engine.name={engine.name}", "tasks=citation_level",
        "shard.world_sizes=[1]", "citation_level.max_tokens=3", "citation_level.min_tokens=1",
    ]  # fmt: skip
    run_stage("shard", load_config(sets=sets)[0])
    assert "FEATURES" not in store.manifest("shard").tables
    assert store.metadata(ShardMetadata).tasks["citation_level"].features is None
    table = pq.read_table(store.directory("EXAMPLES") / "citation_level" / "train")
    assert table.column_names == ["patent_key", "position", "label", "length", "tokens"]
