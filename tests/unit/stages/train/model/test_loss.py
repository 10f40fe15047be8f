"""Class weights, smoothed labels and the loss of interim levels, by hand."""

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.core.label_counts import label_counts
from patent_spark.stages.shard.row_groups import write_groups
from patent_spark.stages.train.model.loss import (
    class_weights,
    interim_loss,
    weighted_cross_entropy,
    weighted_ordinal_loss,
)


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
        # Each of three labels has a third of the whole weight of 12.
        ("balanced", [0.5, 2, 0, 2]),
        # In the ratio 1/sqrt(8) : 1/sqrt(2), with the sum 8 * 0.75 + 4 * 1.5 = 12.
        ("sqrt", [0.75, 1.5, 0, 1.5]),
    ],
)
def test_rare_labels_weigh_more_and_the_mean_weight_stays_1(examples, kind, expected):
    assert np.allclose(class_weights(label_counts(examples, 4).astype(float), kind), expected)


def test_the_weighted_cross_entropy_against_smoothed_labels():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], np.float32)) + 3
    label, weights = np.array([0, 1], np.int32), np.array([2, 1, 5], np.float32)
    plain = weighted_cross_entropy(label, logits, np.ones(3, np.float32), 0.0).numpy()
    assert np.allclose(plain, [np.log(2), np.log(5)], atol=1e-6)
    smoothed = weighted_cross_entropy(label, logits, weights, 0.3).numpy()
    by_hand = [
        2 * -(0.8 * np.log(0.5) + 0.1 * np.log(0.25) * 2),
        -(0.8 * np.log(0.2) + 0.1 * np.log(0.1) + 0.1 * np.log(0.7)),
    ]
    assert np.allclose(smoothed, by_hand, atol=1e-6)


def test_the_ordinal_loss_is_that_of_each_step_between_labels():
    """Three labels: "the first" against the rest, and "the first two" against the last."""
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], np.float32)) + 3
    label, weights = np.array([0, 1], np.int32), np.array([2, 1, 5], np.float32)
    plain = weighted_ordinal_loss(label, logits, weights, 0.0).numpy()
    assert plain == pytest.approx([-2 * np.log(0.5 * 0.8), -np.log(0.9 * 0.3)], abs=1e-6)
    smoothed = weighted_ordinal_loss(label, logits, weights, 0.3).numpy()  # targets 0.8, 0.1, 0.1
    first = -(0.8 * np.log(0.5) + 0.2 * np.log(0.5) + 0.9 * np.log(0.8) + 0.1 * np.log(0.2))
    assert smoothed[0] == pytest.approx(2 * first, abs=1e-6)


def test_the_ordinal_loss_costs_more_the_further_the_label_is():
    probable = np.log(np.array([[0.91, 0.03, 0.03, 0.03]] * 4, np.float32))
    ordinal = weighted_ordinal_loss(np.arange(4, dtype=np.int32), probable, np.ones(4, np.float32), 0.0)
    assert (np.diff(ordinal.numpy()) > 1).all()


def test_the_ordinal_loss_of_two_labels_is_the_cross_entropy():
    logits = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    of_two = np.array([0, 1] * 3, np.int32), logits, np.array([3, 1], np.float32), 0.1
    assert weighted_ordinal_loss(*of_two).numpy() == pytest.approx(
        weighted_cross_entropy(*of_two).numpy(), abs=1e-6
    )


def test_the_loss_of_an_interim_level_is_its_negative_log_likelihood():
    """Not cited after a year: 0.1 of the patents that will be cited, all of those that will not.

    An interim level that says nothing costs the same whatever the network predicts.
    """
    logits = np.log(np.array([[0.75, 0.25], [0.2, 0.8], [0.9, 0.1]], np.float32)) - 1
    likelihoods = np.array([[0.1, 1.0], [0.4, 0.4]], np.float32)
    level = np.array([0, 0, 1], np.int32)
    plain = interim_loss(level, logits, likelihoods, 0.0).numpy()
    assert plain == pytest.approx([-np.log(0.325), -np.log(0.82), -np.log(0.4)], abs=1e-6)
    smoothed = interim_loss(level, logits, likelihoods, 0.5).numpy()
    assert smoothed[1] == pytest.approx(-0.5 * np.log(0.82) - 0.25 * np.log(0.2 * 0.8), abs=1e-6)


def test_an_interim_level_that_only_one_label_can_have_is_that_label():
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    labels = np.array([0, 1, 2, 3, 1], np.int32)
    certain = interim_loss(labels, logits, np.eye(4, dtype=np.float32) + 1e-30, 0.1).numpy()
    expected = weighted_cross_entropy(labels, logits, np.ones(4, np.float32), 0.1).numpy()
    assert certain == pytest.approx(expected, abs=1e-6)
