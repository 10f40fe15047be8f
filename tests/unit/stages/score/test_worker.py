"""Batches of texts in, answers out, without an engine."""

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.score.texts import chunks
from patent_spark.stages.score.worker import ScoreRequest, packed_task, scored


def texts(*values):
    rows = len(values)
    return pa.table(
        {
            "patent_key": pa.array(range(rows), pa.int64()),
            "patent_id": [str(i) for i in range(rows)],
            "row": pa.array([None] * rows, pa.int64()),
            "text": pa.array(values, pa.string()),
        }
    )


def request(package, task, top=3):
    return ScoreRequest(str(package.folder), task, top, chunk_rows=4, batch=2)


def answers(package, task, *values, top=3):
    return scored(package.task(task), texts(*values), request(package, task, top)).to_pylist()


def test_the_most_probable_labels_stand_first(package):
    (row,) = answers(package, "technology", "a neural network", top=3)
    packed = package.task("technology")
    probabilities = packed.probabilities(packed.encode(["a neural network"]))[0]
    order = sorted(range(4), key=lambda label: -probabilities[label])[:3]
    assert row["top_labels"] == [packed.labels[label] for label in order]
    assert row["top_probabilities"] == [float(probabilities[label]) for label in order]
    assert (row["label"], row["probability"]) == (row["top_labels"][0], row["top_probabilities"][0])
    assert row["top1_probability"] is row["level_probabilities"] is None


def test_levels_have_their_probabilities_in_the_order_of_the_levels(package):
    (row,) = answers(package, "citation_level", "battery cell", top=1)
    packed = package.task("citation_level")
    probabilities = packed.probabilities(packed.encode(["battery cell"]))[0]
    by_label = dict(zip(packed.labels, map(float, probabilities), strict=True))
    assert row["level_probabilities"] == [by_label[level] for level in LEVELS]
    assert row["top1_probability"] == by_label["top1"]
    assert len(row["top_labels"]) == 1


def test_more_labels_than_the_model_has_are_not_made_up(package):
    (row,) = answers(package, "technology", "pump", top=50)
    assert len(row["top_labels"]) == len(row["top_probabilities"]) == 4


@pytest.mark.parametrize("text", [None, "", "unheard", "≈ ∅"])
def test_a_text_without_a_known_word_has_no_label(package, text):
    first, empty, last = answers(package, "citation_level", "pump", text, "valve")
    assert [first["label"], last["label"]] == [
        answers(package, "citation_level", word)[0]["label"] for word in ("pump", "valve")
    ]
    assert {empty[name] for name in ("label", "probability", "top_labels", "top1_probability")} == {None}
    assert empty["level_probabilities"] is empty["top_probabilities"] is None
    assert (empty["known_words"], empty["too_short"]) == (0, True)
    assert empty["known_share"] == (0 if empty["words"] else None)


def test_only_texts_without_a_known_word(package):
    assert [row["label"] for row in answers(package, "technology", "", "", None)] == [None] * 3


def test_known_words_are_counted(package):
    (row,) = answers(package, "technology", "pump unheard pump unknown")
    assert (row["words"], row["known_words"], row["known_share"]) == (4, 2, 0.5)
    assert not row["too_short"]  # the model's shortest text has one word


def test_how_rows_are_grouped_changes_no_bit(package):
    values = [" ".join(["pump", "valve", "laser"][: 1 + i % 3] * (1 + i % 7)) for i in range(23)]
    whole = scored(package.task("technology"), texts(*values), request(package, "technology"))
    batches = [batch for start in range(0, 23, 5) for batch in texts(*values).slice(start, 5).to_batches()]
    parts = list(request(package, "technology")(iter(batches)))
    assert [part.num_rows for part in parts] == [4, 4, 4, 4, 4, 3]
    grouped = pa.Table.from_batches(parts)["top_probabilities"].to_pylist()
    assert grouped == whole.column("top_probabilities").to_pylist()


def test_chunks_keep_all_rows_in_order():
    batches = [pa.record_batch([np.arange(start, stop)], names=["x"]) for start, stop in
               ((0, 3), (3, 3), (3, 14), (14, 15))]  # fmt: skip
    made = list(chunks(iter(batches), 4))
    assert [table.num_rows for table in made] == [4, 4, 4, 3]
    assert pa.concat_tables(made)["x"].to_pylist() == list(range(15))
    assert list(chunks(iter([]), 4)) == []


def test_a_process_loads_a_model_once(package):
    first = packed_task(str(package.folder), "technology")
    assert packed_task(str(package.folder), "technology") is first
    assert packed_task(str(package.folder), "citation_level").about.task == "citation_level"
