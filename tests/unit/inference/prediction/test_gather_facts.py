"""Facts of a package, from the tables of a small warehouse."""

import datetime
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.core.store import Store
from patent_spark.inference.model_package import Package
from patent_spark.inference.prediction.facts import PredictionFacts
from patent_spark.inference.prediction.gather_facts import gather_facts
from tests.support.backtest_reports import model, publish_backtest, year
from tests.support.corruption import rewrite_manifest
from tests.support.factories import publish
from tests.support.small_package import WORDS, small_package

LEARNED = range(5_000_000, 5_000_010)
"""Of the small package."""
TESTED = range(6_000_000, 6_000_150)


def level(key, cpc_class, citation_level):
    return {"patent_key": key, "cpc_class": cpc_class, "citation_level": citation_level}


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "warehouse")
    titles = [
        {"cpc_class": "H04", "cpc_class_title": "ELECTRIC COMMUNICATION TECHNIQUE", "cpc_group": "H04L1/00"},
        {"cpc_class": "H04", "cpc_class_title": "ELECTRIC COMMUNICATION TECHNIQUE", "cpc_group": "H04L3/00"},
        {"cpc_class": "A61", "cpc_class_title": "Medicine", "cpc_group": "A61K1/00"},
        {"cpc_class": "G06", "cpc_class_title": None, "cpc_group": "G06F1/00"},
    ]
    publish(store, "ingest", {"CPC_TITLES": titles}, {"data_to_date": datetime.date(2018, 5, 29)})
    labels = [
        *(level(key, "H04", "btm90") for key in LEARNED[:4]),
        level(LEARNED[4], "H04", "top1"),
        *(level(key, "A61", "zerocite") for key in LEARNED[5:8]),
        level(LEARNED[8], "A61", None),
        *(level(key, "A61", "top10") for key in TESTED),
    ]
    publish(store, "label", {"LABELS": labels})
    publish(store, "split", {})
    rng = np.random.default_rng(1)
    tokens = [
        {"patent_key": key, "tokens": list(rng.choice([*WORDS, "other"], 5 + key % 20))}
        for key in [*LEARNED, *TESTED]
    ]
    publish(store, "text", {"TOKENS": tokens})

    def fill(draft):
        for task in ("technology", "citation_level"):
            folder = draft.path("EXAMPLES") / task
            for split, keys in (("train", LEARNED), ("test", [-1, *TESTED])):
                (folder / split).mkdir(parents=True)
                table = pa.table({"patent_key": pa.array(keys, pa.int64())})
                pq.write_table(table, folder / split / "0.parquet")

    publish(store, "shard", {}, fill=fill)
    return store


@pytest.fixture
def package(tmp_path):
    return small_package(tmp_path / "package")


def test_usual_levels_are_those_of_the_patents_that_the_model_learned_from(store, package):
    assert gather_facts(store, package).usual_levels == {
        "": {"btm90": 4, "top1": 1, "zerocite": 3},
        "H04": {"btm90": 4, "top1": 1},
        "A61": {"zerocite": 3},
    }


def test_titles_of_the_release_are_no_capitals(store, package):
    assert gather_facts(store, package).titles == {
        "H04": "Electric communication technique",
        "A61": "Medicine",
    }


def test_a_warehouse_of_a_version_without_titles(store, package):
    publish(store, "ingest", {})
    assert gather_facts(store, package).titles == {}


def test_the_reference_are_the_test_patents_texts(store, package):
    found = gather_facts(store, package).texts
    assert {task: each.texts for task, each in found.items()} == {"technology": 150, "citation_level": 150}
    # 5 to 24 words, a 31st of them unknown
    assert found["technology"].shortest in (4, 5)


def test_what_the_labels_know(store, package):
    by_default = gather_facts(store, package).levels
    assert (by_default.horizon_months, by_default.reference_set) == (60, "class_year")
    assert by_default.known_until == 2010  # the year before the first test year
    rewrite_manifest(store, "split", settings={"split.embargo": False})
    assert gather_facts(store, package).levels.known_until == 2018
    rewrite_manifest(store, "split", settings={"citation_level.protocol": "stratified"})
    assert gather_facts(store, package).levels.known_until == 2018
    rewrite_manifest(store, "label", settings={"label.horizon_months": 36, "label.reference_set": "class"})
    changed = gather_facts(store, package).levels
    assert (changed.horizon_months, changed.reference_set) == (36, "class")


def test_a_back_test_of_the_release_goes_along(store, package):
    assert gather_facts(store, package).backtest is None
    publish_backtest(store, model(2006, year(2006, 1, 9, (0.2, 0.1), (0.7, 0.6))), release_id="small")
    assert [each.metric for each in gather_facts(store, package).backtest] == ["top1.pr_auc", "accuracy"]


def test_a_model_of_technology_alone_has_no_levels(store, tmp_path):
    facts = gather_facts(store, small_package(tmp_path / "one", tasks=["technology"]))
    assert (facts.levels, facts.usual_levels, facts.backtest) == (None, {}, None)
    assert list(facts.texts) == ["technology"]


def test_facts_are_the_same_after_they_were_written(store, package):
    facts = gather_facts(store, package)
    facts.write(package.folder)
    assert PredictionFacts.read(package.folder) == facts


def test_a_model_of_subclasses_knows_their_titles_too(store, package):
    titles = {
        "cpc_class": "H04",
        "cpc_class_title": "RADIO",
        "cpc_subclass": "H04L",
        "cpc_subclass_title": "BITS",
    }
    publish(store, "ingest", {"CPC_TITLES": [titles]}, {"data_to_date": datetime.date(2018, 5, 29)})
    assert gather_facts(store, package).titles == {"H04": "Radio"}
    task = package.folder / "technology" / "task.json"
    about = json.loads(task.read_text())
    task.write_text(json.dumps(about | {"labels": ["A61K", "G06N", "H01L", "H04L"]}))
    assert gather_facts(store, Package(package.folder)).titles == {"H04": "Radio", "H04L": "Bits"}
