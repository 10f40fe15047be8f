"""Class weights and smoothed labels, by hand."""

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.stages.shard.row_groups import write_groups
from patent_spark.stages.train.model.loss import class_weights, label_counts, objective, objective_of_early


@pytest.fixture
def examples(tmp_path):
    """Labels 0 (8 times), 1 (twice), 3 (twice), and padding, whose label 0 does not count."""
    labels = [0] * 8 + [1] * 2 + [3] * 2
    columns = {
        "patent_key": range(12),
        "label": pa.array(labels, pa.int32()),
        "length": pa.array([1] * 12, pa.int32()),
    }
    write_groups(tmp_path, [pa.table({**columns, "tokens": [bytes(8)] * 12})], 12, 5, 3, max_tokens=2)
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("none", [1, 1, 0, 1]),
        ("balanced", [0.5, 2, 0, 2]),  # each of three labels has a third of the whole weight of 12
        (
            "sqrt",
            [0.75, 1.5, 0, 1.5],
        ),  # in the ratio 1/sqrt(8) : 1/sqrt(2), with the sum 8 * 0.75 + 4 * 1.5 = 12
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
    by_hand = [
        2 * -(0.8 * np.log(0.5) + 0.1 * np.log(0.25) * 2),
        -(0.8 * np.log(0.2) + 0.1 * np.log(0.1) + 0.1 * np.log(0.7)),
    ]
    assert np.allclose(smoothed, by_hand, atol=1e-6)


def test_an_early_level_is_worth_its_likelihood_under_what_the_network_says():
    """Not cited after a year: 0.1 of those that will be cited, all that will not. Where it tells nothing, it costs the same whatever is said."""
    logits = np.log(np.array([[0.75, 0.25], [0.2, 0.8], [0.9, 0.1]], np.float32)) - 1
    likelihoods = np.array([[0.1, 1.0], [0.4, 0.4]], np.float32)
    found = objective_of_early(np.array([0, 0, 1], np.int32), logits, likelihoods, 0.0).numpy()
    assert found == pytest.approx([-np.log(0.325), -np.log(0.82), -np.log(0.4)], abs=1e-6)
    smoothed = objective_of_early(np.array([0, 0, 1], np.int32), logits, likelihoods, 0.5).numpy()
    assert smoothed[1] == pytest.approx(-0.5 * np.log(0.82) - 0.25 * np.log(0.2 * 0.8), abs=1e-6)


def test_a_likelihood_that_only_one_label_has_makes_it_that_label():
    logits, labels = (
        np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32),
        np.array([0, 1, 2, 3, 1], np.int32),
    )
    sure = objective_of_early(labels, logits, np.eye(4, dtype=np.float32) + 1e-30, 0.1).numpy()
    assert sure == pytest.approx(objective(labels, logits, np.ones(4, np.float32), 0.1).numpy(), abs=1e-6)
