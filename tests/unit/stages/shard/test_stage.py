import hashlib
import random
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.config import load_config
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from patent_spark.stages.shard.encode import encode_batch
from patent_spark.stages.shard.layout import Layout, group_file, keys_digest, labels_of_tasks, plan
from patent_spark.stages.shard.row_groups import cut, write_groups
from tests.support.errors import raises
from tests.support.factories import examples, publish, shuffled_order
from tests.support.messages import line_with, no_line_with

WORDS = ["the", "a", "red", "plug"]


def batch(*texts):
    """A batch of (label, text), the keys counting from 1."""
    return pa.RecordBatch.from_pydict(
        {
            "split": ["train"] * len(texts),
            "patent_key": pa.array(range(1, len(texts) + 1), pa.int64()),
            "label": pa.array([label for label, _ in texts], pa.string()),
            "tokens": pa.array(
                [text if text is None else text.split() for _, text in texts], pa.list_(pa.string())
            ),
        }
    )


def decoded(encoded):
    ids = [np.frombuffer(tokens, "<i4").tolist() for tokens in encoded.column("tokens").to_pylist()]
    return list(
        zip(
            *(encoded.column(name).to_pylist() for name in ("patent_key", "label", "length")),
            ids,
            strict=True,
        )
    )


def encode(texts, max_tokens, min_tokens):
    return decoded(encode_batch(texts, pa.array(WORDS), pa.array(["H01", "H04"]), max_tokens, min_tokens))


def test_words_become_ids():
    texts = batch(
        ("H04", "the red plug"),
        ("H01", "odd the odd odd a odd red the"),
        ("H01", "the"),
        ("H01", "odd odd odd"),
        ("H99", "a a"),
        ("H04", ""),
        ("H04", None),
    )
    assert encode(texts, max_tokens=3, min_tokens=2) == [
        (1, 1, 3, [1, 3, 4]),
        (2, 0, 3, [1, 2, 3]),  # unknown words go first, then the text is cut
        (5, None, 2, [2, 2, 0]),
    ]
    assert encode(texts, max_tokens=1, min_tokens=1)[2] == (3, 0, 1, [1])


def test_a_slice_of_a_batch_is_encoded_as_itself():
    texts = batch(*[("H01", " ".join(WORDS[: i % 5])) for i in range(20)])
    whole = encode(texts, 4, 1)
    assert encode(texts.slice(7, 6), 4, 1) == [row for row in whole if 8 <= row[0] <= 13]
    assert encode(texts.slice(0, 0), 4, 1) == []


def test_random_texts_against_loops():
    rng = random.Random(5)
    vocabulary = [f"w{i}" for i in range(30)]
    texts = [" ".join(f"w{rng.randrange(45)}" for _ in range(rng.randrange(25))) for _ in range(300)]
    expected = []
    for key, text in enumerate(texts, 1):
        ids = [vocabulary.index(word) + 1 for word in text.split() if word in vocabulary][:10]
        if len(ids) >= 3:
            expected.append((key, 0, len(ids), ids + [0] * (10 - len(ids))))
    texts = batch(*[("x", text) for text in texts])
    assert decoded(encode_batch(texts, pa.array(vocabulary), pa.array(["x"]), 10, 3)) == expected


@pytest.mark.parametrize(
    ("rows", "virtual_shards", "largest", "groups", "rows_per_group"),
    [
        (1, 4, 10, 4, 1),
        (4, 4, 10, 4, 1),
        (5, 4, 10, 4, 2),
        (40, 4, 10, 4, 10),
        (41, 4, 10, 8, 6),
        (81, 4, 10, 12, 7),
        (100, 1, 10, 10, 10),
        (7, 16, 1, 16, 1),
    ],
)
def test_plan(rows, virtual_shards, largest, groups, rows_per_group):
    assert plan(rows, virtual_shards, largest) == {
        "rows": rows,
        "padding": groups * rows_per_group - rows,
        "groups": groups,
        "rows_per_group": rows_per_group,
    }


def test_cut_makes_tables_of_the_given_sizes():
    table = pa.table({"x": range(10)})
    stream = [table.slice(0, 0), table.slice(0, 1), table.slice(1, 6), table.slice(7, 3)]
    assert [part["x"].to_pylist() for part in cut(stream, [3, 0, 4, 3])] == [
        [0, 1, 2],
        [],
        [3, 4, 5, 6],
        [7, 8, 9],
    ]
    with pytest.raises(ValueError, match="2 rows"):
        list(cut(stream, [8, 4]))
    with pytest.raises(ValueError, match="more rows"):
        list(cut(stream, [8]))


@pytest.mark.parametrize("rows", [1, 3, 4, 10, 41])
def test_files_of_a_split(tmp_path, rows):
    table = examples(range(100, 100 + rows), [1] * rows, [[5, 6]] * rows, max_tokens=3)
    described = write_groups(tmp_path, [table.slice(start, 7) for start in range(0, rows, 7)], rows, 4, 10, 3)
    layout = Layout(**described.model_dump(), virtual_shards=4, max_tokens=3)
    paths = sorted(tmp_path.iterdir())
    assert [path.name for path in paths] == [group_file(group) for group in range(layout.groups)]
    assert {(pq.read_metadata(path).num_row_groups, pq.read_metadata(path).num_rows) for path in paths} == {
        (1, layout.rows_per_group)
    }
    groups = [pq.read_table(path).to_pylist() for path in paths]
    written = [row for group in groups for row in group]
    assert [row["patent_key"] for row in written if row["patent_key"] >= 0] == table["patent_key"].to_pylist()
    assert sorted(row["position"] for row in written) == list(range(rows + layout.padding))
    assert all(row["position"] == row["patent_key"] - 100 for row in written if row["patent_key"] >= 0)
    padding = [row for row in written if row["patent_key"] < 0]
    assert [row["patent_key"] for row in padding] == [-1 - i for i in range(layout.padding)]
    assert all(
        (row["label"], row["length"], row["tokens"], row["position"])
        == (0, 0, bytes(12), rows - 1 - row["patent_key"])
        for row in padding
    )
    assert [sum(row["patent_key"] >= 0 for row in group) for group in groups] == [
        layout.examples_in(group) for group in range(layout.groups)
    ]
    assert [group[0]["position"] for group in groups] == [
        layout.first_position(group) for group in range(layout.groups)
    ]
    assert described.keys_digest == keys_digest(np.arange(100, 100 + rows))


# technology: 9 in train and 3 in test, of which 12 and 11 have too little text; citation_level: a test year
# without text
CLASSES = ["A01", "B01", "C01"]
SPLITS = {
    "technology": {key: "test" if key in (9, 10, 11) else "train" for key in range(1, 13)},
    "citation_level": {1: "train", 2: "train", 12: "test_2011"},
}
ORDER = {"train": shuffled_order(range(1, 9), seed=7), "test": shuffled_order([9, 10], seed=7)}


@pytest.fixture
def warehouse(tmp_path, engine):
    """Stages ingest, text, label and split with twelve patents; a run of stage shard with given settings."""
    store = Store(tmp_path)
    publish(store, "ingest", {"PATENTS": []})
    tokens = {
        key: [f"w{key}", "unknown", "w1"] if key < 11 else ["unknown"] for key in range(1, 12)
    }  # 12 has no text at all
    publish(
        store,
        "text",
        {
            "TOKENS": [{"patent_key": key, "tokens": text} for key, text in tokens.items()],
            "VOCABULARY": [{"word": f"w{id_}", "id": id_} for id_ in range(1, 13)],
        },
        {"vocabulary_digest": "v"},
    )
    labels = [
        {
            "patent_key": key,
            "cpc_class": CLASSES[2] if key == 9 else CLASSES[key % 2],
            "citation_level": "btm90",
        }
        for key in range(1, 13)
    ]
    publish(store, "label", {"LABELS": labels})
    publish(
        store,
        "split",
        {
            "SPLITS": [
                {"patent_key": key, "task": task, "split": split}
                for task, keys in SPLITS.items()
                for key, split in keys.items()
            ]
        },
    )

    def run(*settings, metadata=MappingProxyType({}), **tables):
        for stage, of_stage in tables.items():
            publish(store, stage, of_stage, metadata.get(stage))
        sets = [
            f"warehouse.root={tmp_path}",
            f"engine.name={engine.name}",
            "shard.world_sizes=[1, 2]",
            "shard.row_group_rows=3",
            "shard.seed=7",
            "technology.max_tokens=4",
            "citation_level.max_tokens=2",
            "citation_level.min_tokens=1",
            "train.batch=2",
            *settings,
        ]
        run_stage("shard", load_config(sets=sets)[0])
        return store

    return run


@pytest.mark.engine
def test_the_stage(warehouse, capsys):
    store = warehouse()
    metadata = store.metadata(ShardMetadata).to_json()
    assert (metadata["virtual_shards"], metadata["vocabulary_digest"], metadata["too_short"]) == (
        2,
        "v",
        {"technology": 2, "citation_level": 1},
    )
    technology, level = metadata["tasks"]["technology"], metadata["tasks"]["citation_level"]
    for split in ("train", "test"):
        files = sorted((store.directory("EXAMPLES") / "technology" / split).iterdir())
        assert technology["splits"][split].pop("contents") == [
            hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files
        ]
    assert (technology["labels"], technology["max_tokens"]) == (CLASSES, 4)  # C01 is in the test split alone
    assert (level["labels"], level["max_tokens"]) == (["top1", "top10", "btm90", "zerocite"], 2)
    assert technology["splits"] == {
        "train": {
            "rows": 8,
            "padding": 0,
            "groups": 4,
            "rows_per_group": 2,
            "keys_digest": keys_digest(np.arange(1, 9)),
        },
        "test": {
            "rows": 2,
            "padding": 0,
            "groups": 2,
            "rows_per_group": 1,
            "keys_digest": keys_digest(np.array([9, 10])),
        },
    }
    assert list(level["splits"]) == ["train"]
    messages = capsys.readouterr().err
    line_with(messages, "citation_level: ", "test_2011", "1 patents", "1 known words")
    assert no_line_with(messages, "max_tokens")
    for split, order in ORDER.items():
        rows = [
            row
            for path in sorted((store.directory("EXAMPLES") / "technology" / split).iterdir())
            for row in pq.read_table(path).to_pylist()
        ]
        assert [row["patent_key"] for row in rows] == order
        assert [row["position"] for row in rows] == list(range(len(order)))
        for row in rows:
            key = row["patent_key"]
            expected = (2 if key == 9 else key % 2, 2, [key, 1, 0, 0])
            assert (row["label"], row["length"], np.frombuffer(row["tokens"], "<i4").tolist()) == expected
    assert not list(store.directory("EXAMPLES").parent.glob("shuffled*"))


@pytest.mark.engine
def test_truncated_texts_with_claims_are_reported(warehouse, capsys):
    """Both training texts of citation_level have its 2 words, none of technology has its 4."""
    warehouse("text.fields=[title, abstract, claims]", "text.claims=all")
    messages = capsys.readouterr().err
    line_with(
        messages, "citation_level: ", "100%", "2 words", "citation_level.max_tokens", "text.claims=first"
    )
    assert no_line_with(messages, "technology.max_tokens")


@pytest.mark.engine
def test_joint_examples(warehouse):
    """Three classes and four levels: the label is 5 * class + level, with 3 and 4 for none."""
    split = {
        "technology": {1: "train", 2: "train", 3: "train", 4: "development", 5: "development", 9: "test"},
        "citation_level": {1: "train", 6: "train", 5: "development", 9: "test_2011"},
    }
    splits = [
        {"patent_key": key, "task": task, "split": name}
        for task, keys in split.items()
        for key, name in keys.items()
    ]
    levels = {1: "zerocite", 5: "top10", 6: "top1", 9: "btm90"}
    labels = [
        {"patent_key": key, "cpc_class": CLASSES[key % 3], "citation_level": levels.get(key)}
        for key in range(1, 13)
    ]
    settings = [
        "tasks=joint",
        "citation_level.max_tokens=4",
        "technology.max_tokens=4",
        "citation_level.min_tokens=2",
    ]
    store = warehouse(*settings, label={"LABELS": labels}, split={"SPLITS": splits})
    described = store.metadata(ShardMetadata).to_json()["tasks"]
    joint = described["joint"]
    assert [described[task]["labels"] for task in ("technology", "citation_level")] == [CLASSES, list(LEVELS)]
    assert (joint["labels"], joint["max_tokens"]) == ([], 4)
    assert {name: (of["rows"], of["keys_digest"]) for name, of in joint["splits"].items()} == {
        "train": (4, keys_digest(np.array([1, 2, 3, 6]))),
        "development": (2, keys_digest(np.array([4, 5]))),
    }
    rows = pq.read_table(store.directory("EXAMPLES") / "joint").to_pylist()
    actual = {
        row["patent_key"]: (row["label"], row["length"], np.frombuffer(row["tokens"], "<i4").tolist())
        for row in rows
    }
    numbers = {1: 5 * 1 + 3, 2: 5 * 2 + 4, 3: 5 * 0 + 4, 4: 5 * 1 + 4, 5: 5 * 2 + 1, 6: 5 * 3 + 0}
    assert actual == {key: (label, 2, [key, 1, 0, 0]) for key, label in numbers.items()}
    stand_for = labels_of_tasks([3, 4])
    assert [stand_for[numbers[key]].tolist() for key in (1, 2, 6)] == [[1, 3], [2, 4], [3, 0]]
    assert labels_of_tasks([3])[:3].tolist() == [[0], [1], [2]]


@pytest.mark.engine
def test_interim_levels_have_their_own_numbers_and_likelihoods(warehouse):
    """1 to 4 train on their level, 5 to 8 on their interim level after 12 or 24 months, 9 is tested."""
    levels = {1: "top1", 2: "zerocite", 3: "zerocite", 4: "btm90", 9: "top1", 5: "top1", 6: "top1"}
    shown = {
        1: ("btm90", "top10"),
        2: ("zerocite",) * 2,
        3: ("zerocite",) * 2,
        4: ("zerocite", "btm90"),
        9: ("top1",) * 2,
        5: ("zerocite", "btm90"),
        6: ("btm90", "top1"),
        7: ("top10", "top10"),
        8: ("zerocite", "zerocite"),
    }
    follow_ups = {1: 60, 2: 60, 3: 60, 4: 60, 5: 12, 6: 24, 7: 24, 8: 12, 9: 60}
    splits = [
        {
            "patent_key": key,
            "task": "citation_level",
            "split": "test_2011" if key == 9 else "train",
            "follow_up_months": months,
        }
        for key, months in follow_ups.items()
    ]
    interim = [
        {"patent_key": key, "follow_up_months": months, "citation_level": level}
        for key, each in shown.items()
        for months, level in zip((12, 24), each, strict=True)
    ]
    tables = {
        "LABELS": [{"patent_key": key, "citation_level": levels.get(key)} for key in range(1, 13)],
        "INTERIM_LEVELS": interim,
    }
    metadata = {"split": {"on_interim_levels": {"24": 2, "12": 2}}}
    store = warehouse("tasks=citation_level", label=tables, split={"SPLITS": splits}, metadata=metadata)
    described = store.metadata(ShardMetadata).to_json()["tasks"]["citation_level"]
    assert described["labels"] == list(LEVELS)
    assert [each["label"] for each in described["interim"]] == [
        f"{level}@{months}" for months in (12, 24) for level in LEVELS
    ]
    likelihood = {each["label"]: each["likelihood"] for each in described["interim"]}
    # Over the training patents of each level: (patents with the interim level + 1/2) / (patents + 2).
    assert likelihood["zerocite@12"] == pytest.approx([0.5 / 3, 0.5 / 2, 1.5 / 3, 2.5 / 4])
    assert likelihood["btm90@12"] == pytest.approx([1.5 / 3, 0.5 / 2, 0.5 / 3, 0.5 / 4])
    assert likelihood["top10@24"] == pytest.approx([1.5 / 3, 0.5 / 2, 0.5 / 3, 0.5 / 4])
    assert np.sum([each["likelihood"] for each in described["interim"]], axis=0) == pytest.approx([2.0] * 4)
    rows = pq.read_table(store.directory("EXAMPLES") / "citation_level").to_pylist()
    actual = {row["patent_key"]: row["label"] for row in rows if row["patent_key"] >= 0}
    assert actual == {1: 0, 2: 3, 3: 3, 4: 2, 5: 4 + 3, 6: 8 + 0, 7: 8 + 1, 8: 4 + 3, 9: 0}


@pytest.mark.engine
def test_nothing_to_train_on(warehouse):
    facts = {"task": "technology", "split": "train", "patents": 9, "setting": "technology.min_tokens"}
    with raises(DataError, table="EXAMPLES", **facts):
        warehouse("technology.min_tokens=3")


@pytest.mark.engine
def test_a_patent_without_its_label(warehouse):
    with raises(DataError, table="SPLITS", task="technology", patents=1, patent_key=4):
        warehouse(
            "tasks=technology",
            label={
                "LABELS": [
                    {"patent_key": key, "cpc_class": None if key == 4 else "A01"} for key in range(1, 13)
                ]
            },
        )
