"""Classification metrics by hand and beside scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, cohen_kappa_score, top_k_accuracy_score

from patent_spark.metrics import classification
from patent_spark.metrics.classification import LabelCounts

# 4 patents of A (3 correct, 1 predicted B), 2 of B (1 correct, 1 predicted A), 1 of C (predicted A); D never
# occurs.
TRUTH = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 0])
MATRIX = np.array([[3, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


def counts_of(matrix):
    return LabelCounts(matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix))


def test_metrics_by_hand():
    assert (classification.confusion(TRUTH, PREDICTED, 4) == MATRIX).all()
    counts = counts_of(MATRIX)
    assert classification.accuracy(counts) == 4 / 7
    precision, recall = classification.precision(counts), classification.recall(counts)
    # C and D are never predicted.
    assert precision[:2].tolist() == [3 / 5, 1 / 2] and np.isnan(precision[2:]).all()
    assert recall[:3].tolist() == [3 / 4, 1 / 2, 0] and np.isnan(recall[3])  # there is no D
    assert classification.macro(counts, precision) == pytest.approx((3 / 5 + 1 / 2 + 0) / 3)
    assert classification.weighted(counts, precision) == pytest.approx((4 * 3 / 5 + 2 * 1 / 2) / 7)
    f1 = classification.f1(counts)
    assert f1.tolist() == [6 / 9, 1 / 2, 0, 0]
    # D occurs neither as truth nor as prediction and is left out of the macro average.
    assert classification.macro(counts, f1) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert classification.weighted(counts, f1) == pytest.approx((4 * 2 / 3 + 2 * 1 / 2) / 7)
    assert classification.by_row(MATRIX)[0].tolist() == [0.75, 0.25, 0, 0]
    assert classification.by_row(MATRIX)[3].tolist() == [0, 0, 0, 0]
    assert classification.by_column(MATRIX)[:, 0].tolist() == [0.6, 0.2, 0.2, 0]


def test_several_weightings_at_once():
    """A last axis holds weightings: the second one counts every patent of A twice."""
    twice = MATRIX * np.array([[2], [1], [1], [1]])
    both = LabelCounts(
        *(
            np.stack([getattr(counts_of(each), name) for each in (MATRIX, twice)], axis=1)
            for name in ("true", "predicted", "correct")
        )
    )
    alone = counts_of(twice)
    for metric in (
        classification.accuracy,
        classification.precision,
        classification.recall,
        classification.f1,
    ):
        assert np.array_equal(metric(both)[..., 1], metric(alone), equal_nan=True)
    assert classification.macro(both, classification.f1(both))[1] == classification.macro(
        alone, classification.f1(alone)
    )


def test_no_patents():
    counts = counts_of(np.zeros((2, 2), int))
    assert (
        classification.accuracy(counts),
        classification.macro(counts, classification.f1(counts)),
        classification.weighted(counts, classification.f1(counts)),
    ) == (0, 0, 0)
    assert np.isnan(classification.quadratic_kappa(counts, np.zeros(())))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_metrics_are_those_of_scikit_learn(pairs):
    truth, predicted = np.array(pairs).T
    counts = counts_of(classification.confusion(truth, predicted, 5))
    report = classification_report(truth, predicted, output_dict=True, zero_division=0)
    for name, metric in (
        ("precision", classification.precision),
        ("recall", classification.recall),
        ("f1-score", classification.f1),
    ):
        values = metric(counts)
        assert classification.macro(counts, values) == pytest.approx(report["macro avg"][name])
        assert classification.weighted(counts, values) == pytest.approx(report["weighted avg"][name])
        for label in np.union1d(truth, predicted):
            assert np.nan_to_num(values[label]) == pytest.approx(report[str(label)][name])
    kappa = classification.quadratic_kappa(counts, np.asarray(((truth - predicted) ** 2).sum(), float))
    if len(np.union1d(truth, predicted)) > 1:
        assert kappa == pytest.approx(
            cohen_kappa_score(truth, predicted, labels=range(5), weights="quadratic")
        )


def test_hits_among_the_most_probable_labels():
    scores = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    truth = np.array([1, 2, 1])
    # A tie for the first place counts as a hit.
    assert classification.top_hits(truth, scores, 1).tolist() == [False, False, True]
    assert classification.top_hits(truth, scores, 2).tolist() == [True, False, True]
    rng = np.random.default_rng(0)
    scores, truth = rng.random((200, 9)), rng.integers(0, 9, 200)
    assert classification.top_hits(truth, scores, 5).mean() == top_k_accuracy_score(
        truth, scores, k=5, labels=range(9)
    )
