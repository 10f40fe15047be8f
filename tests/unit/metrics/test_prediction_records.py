"""Predictions as records: taken, relabelled, written to a file and read again."""

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.core.errors import DataError
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import arrow_schema
from patent_spark.metrics.prediction_records import (
    Predictions,
    columns_of,
    concatenated,
    read_predictions,
    read_sample,
    write_sample,
)
from tests.support.errors import raises
from tests.support.predictions import patents_of

COUNT = 400
CLASSES = tuple(f"A{i:02d}" for i in range(9))
SPLITS = ("test_2011", "test_2012")
PATENT_FIELDS = ("keys", "family", "cpc_class", "split", "truth")
SCORES = ("predicted", "in_top5", "squared_error", "confidence", "top1_probability")


def predictions(seed=1, labels=LEVELS, count=COUNT):
    """Predictions with some skill for pairs of patents that are families; the labels depend on the patent
    alone."""
    keys = np.arange(count)
    patents = patents_of(
        keys % len(labels),
        labels,
        keys=3_900_000 + keys,
        family=keys // 2,
        split=keys >= count // 2,
        splits=SPLITS,
    )
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(labels)), count).astype(np.float32)
    probabilities = 0.5 * probabilities + 0.5 * np.eye(len(labels), dtype=np.float32)[patents.truth]
    return Predictions.from_probabilities(patents, probabilities)


def assert_same(one, other):
    assert (one.patents.labels, one.patents.splits) == (other.patents.labels, other.patents.splits)
    for name in PATENT_FIELDS:
        assert getattr(one.patents, name).tolist() == getattr(other.patents, name).tolist(), name
    for name in SCORES:
        assert getattr(one, name).dtype == getattr(other, name).dtype, name
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name


@pytest.mark.parametrize("labels", [LEVELS, CLASSES], ids=["levels", "classes"])
def test_a_file_is_read_as_it_was_written(tmp_path, labels):
    kept = predictions(labels=labels)
    write_sample(tmp_path / "a.parquet", kept, 10**6)
    read, total = read_sample(tmp_path / "a.parquet")
    assert total == COUNT
    assert_same(read, kept)


def test_no_patents_in_a_file(tmp_path):
    write_sample(tmp_path / "a.parquet", predictions().take(np.zeros(0, int)), 10)
    read, total = read_sample(tmp_path / "a.parquet")
    assert (len(read), total) == (0, 0)


def test_of_many_patents_the_same_families_are_kept_in_every_run(tmp_path):
    for number, order in enumerate((np.arange(COUNT), np.random.default_rng(3).permutation(COUNT))):
        write_sample(tmp_path / f"{number}.parquet", predictions(seed=number).take(order), 101)
    (one, total), (other, _) = (read_sample(tmp_path / f"{number}.parquet") for number in (0, 1))
    assert total == COUNT
    keys = sorted(one.patents.keys)
    assert len(keys) == 101
    assert keys == sorted(other.patents.keys) != list(range(3_900_000, 3_900_101))
    assert len(np.unique(one.patents.family)) == 51  # whole families, except for the last one


@pytest.mark.parametrize("labels", [LEVELS, CLASSES], ids=["levels", "classes"])
def test_rows_of_the_table_are_read_as_they_were_written(tmp_path, labels):
    kept = predictions(labels=labels)
    schema = arrow_schema("BASELINE_PREDICTIONS")
    with pa.parquet.ParquetWriter(tmp_path / "part-0.parquet", schema) as writer:
        for task, predictor, rows in (
            ("other", "x", kept), ("task", "y", kept.take(slice(9))), ("task", "x", kept.take(slice(0, 300))),
            ("task", "x", kept.take(slice(300, None))),
        ):  # fmt: skip
            columns = columns_of(rows)
            columns |= {"task": pa.repeat(task, len(rows)), "predictor": pa.repeat(predictor, len(rows))}
            writer.write_table(pa.table([columns[name] for name in schema.names], schema.names).cast(schema))
    assert_same(read_predictions(tmp_path, "task", labels, SPLITS, predictor="x"), kept)
    second = read_predictions(tmp_path, "task", labels, ["test_2012"], predictor="x")
    assert second.patents.keys.tolist() == kept.patents.keys[kept.patents.rows_of("test_2012")].tolist()
    with raises(DataError, task="nothing"):
        read_predictions(tmp_path, "nothing", labels, SPLITS)


def test_some_patents():
    whole = predictions()
    rows = np.array([7, 3, 3])
    some = whole.take(rows)
    assert some.patents.keys.tolist() == (3_900_000 + rows).tolist()
    assert some.confidence.tolist() == whole.confidence[rows].tolist()
    assert_same(concatenated([whole.take(slice(0, 150)), whole.take(slice(150, None))]), whole)
    assert_same(some.sorted_by_patent(), whole.take(np.array([3, 3, 7])))
    assert len(whole.patents.rows_of("test_2011")) == len(whole.patents.rows_of("test_2012")) == COUNT // 2
    assert len(whole.patents.rows_of("test_2013")) == 0


def test_other_places_of_labels():
    whole = predictions(labels=("A01", "B01", "C01"))
    turned = whole.with_labels(["X01", "C01", "B01", "A01"])
    for one, other in ((whole.patents.truth, turned.patents.truth), (whole.predicted, turned.predicted)):
        names = np.array(whole.patents.labels)[one], np.array(turned.patents.labels)[other]
        assert (names[0] == names[1]).all()
