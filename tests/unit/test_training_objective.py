"""Class weights and smoothed labels, by hand."""

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.shards.groups import write_groups
from patent_spark.training.objective import class_weights, label_counts, objective


@pytest.fixture
def examples(tmp_path):
    """Labels 0 (8 times), 1 (twice), 3 (twice), and padding, whose label 0 does not count."""
    labels = [0] * 8 + [1] * 2 + [3] * 2
    columns = {"patent_key": range(12), "label": pa.array(labels, pa.int32()), "length": pa.array([1] * 12, pa.int32())}
    write_groups(tmp_path, [pa.table({**columns, "tokens": [bytes(8)] * 12})], 12, 5, 3, max_tokens=2)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("none", [1, 1, 0, 1]),
        ("balanced", [0.5, 2, 0, 2]),  # each of three labels has a third of the whole weight of 12
        ("sqrt", [0.75, 1.5, 0, 1.5]),  # in the ratio 1/sqrt(8) : 1/sqrt(2), with the sum 8 * 0.75 + 4 * 1.5 = 12
    ],
)
def test_rare_labels_count_more_and_the_mean_stays_1(examples, kind, expected):
    assert np.allclose(class_weights(label_counts(examples, 4), kind), expected)


def test_the_objective_is_the_weighted_cross_entropy_against_smoothed_labels():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], np.float32)) + 3
    label, weights = np.array([0, 1], np.int32), np.array([2, 1, 5], np.float32)
    plain = objective(label, logits, np.ones(3, np.float32), 0.0).numpy()
    assert np.allclose(plain, [np.log(2), np.log(5)], atol=1e-6)
    smoothed = objective(label, logits, weights, 0.3).numpy()
    by_hand = [2 * -(0.8 * np.log(0.5) + 0.1 * np.log(0.25) * 2), -(0.8 * np.log(0.2) + 0.1 * np.log(0.1) + 0.1 * np.log(0.7))]
    assert np.allclose(smoothed, by_hand, atol=1e-6)
