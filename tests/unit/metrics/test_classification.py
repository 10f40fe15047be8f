import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, cohen_kappa_score, top_k_accuracy_score

from patent_spark.metrics import classification
from patent_spark.metrics.classification import Tally

# By hand: 4 patents of A (3 right, 1 taken for B), 2 of B (1 right, 1 taken for A), 1 of C (taken for A); D occurs nowhere.
TRUTH = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 0])
MATRIX = np.array([[3, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


def tally_of(matrix):
    return Tally(matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix))


def test_figures_by_hand():
    assert (classification.confusion(TRUTH, PREDICTED, 4) == MATRIX).all()
    tally = tally_of(MATRIX)
    assert classification.accuracy(tally) == 4 / 7
    precision, recall = classification.precision(tally), classification.recall(tally)
    assert (
        precision[:2].tolist() == [3 / 5, 1 / 2] and np.isnan(precision[2:]).all()
    )  # nothing is called C or D
    assert recall[:3].tolist() == [3 / 4, 1 / 2, 0] and np.isnan(recall[3])  # there is no D
    assert classification.macro(tally, precision) == pytest.approx((3 / 5 + 1 / 2 + 0) / 3)
    assert classification.weighted(tally, precision) == pytest.approx((4 * 3 / 5 + 2 * 1 / 2) / 7)
    f1 = classification.f1(tally)
    assert f1.tolist() == [6 / 9, 1 / 2, 0, 0]
    # D occurs neither as truth nor as prediction and is left out of the macro average.
    assert classification.macro(tally, f1) == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert classification.weighted(tally, f1) == pytest.approx((4 * 2 / 3 + 2 * 1 / 2) / 7)
    assert classification.by_row(MATRIX)[0].tolist() == [0.75, 0.25, 0, 0]
    assert classification.by_row(MATRIX)[3].tolist() == [0, 0, 0, 0]
    assert classification.by_column(MATRIX)[:, 0].tolist() == [0.6, 0.2, 0.2, 0]


def test_several_weightings_at_once():
    """A last axis holds weightings: the second one counts every patent of A twice."""
    twice = MATRIX * np.array([[2], [1], [1], [1]])
    both = Tally(
        *(
            np.stack([getattr(tally_of(each), name) for each in (MATRIX, twice)], axis=1)
            for name in ("true", "said", "right")
        )
    )
    alone = tally_of(twice)
    for figure in (
        classification.accuracy,
        classification.precision,
        classification.recall,
        classification.f1,
    ):
        assert np.array_equal(figure(both)[..., 1], figure(alone), equal_nan=True)
    assert classification.macro(both, classification.f1(both))[1] == classification.macro(
        alone, classification.f1(alone)
    )


def test_nothing_has_figures():
    tally = tally_of(np.zeros((2, 2), int))
    assert (
        classification.accuracy(tally),
        classification.macro(tally, classification.f1(tally)),
        classification.weighted(tally, classification.f1(tally)),
    ) == (0, 0, 0)
    assert np.isnan(classification.quadratic_kappa(tally, np.zeros(())))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_figures_are_those_of_scikit_learn(pairs):
    truth, predicted = np.array(pairs).T
    tally = tally_of(classification.confusion(truth, predicted, 5))
    told = classification_report(truth, predicted, output_dict=True, zero_division=0)
    for name, figure in (
        ("precision", classification.precision),
        ("recall", classification.recall),
        ("f1-score", classification.f1),
    ):
        values = figure(tally)
        assert classification.macro(tally, values) == pytest.approx(told["macro avg"][name])
        assert classification.weighted(tally, values) == pytest.approx(told["weighted avg"][name])
        for label in np.union1d(truth, predicted):
            assert np.nan_to_num(values[label]) == pytest.approx(told[str(label)][name])
    kappa = classification.quadratic_kappa(tally, np.asarray(((truth - predicted) ** 2).sum(), float))
    if len(np.union1d(truth, predicted)) > 1:
        assert kappa == pytest.approx(
            cohen_kappa_score(truth, predicted, labels=range(5), weights="quadratic")
        )


def test_truth_among_the_most_probable():
    scores = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    truth = np.array([1, 2, 1])
    assert classification.top_hits(truth, scores, 1).tolist() == [
        False,
        False,
        True,
    ]  # a tie for the first place counts
    assert classification.top_hits(truth, scores, 2).tolist() == [True, False, True]
    rng = np.random.default_rng(0)
    scores, truth = rng.random((200, 9)), rng.integers(0, 9, 200)
    assert classification.top_hits(truth, scores, 5).mean() == top_k_accuracy_score(
        truth, scores, k=5, labels=range(9)
    )
