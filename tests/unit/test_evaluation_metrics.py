import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import classification_report, top_k_accuracy_score

from patent_spark.evaluation import metrics

# By hand: 4 patents of A (3 right, 1 taken for B), 2 of B (1 right, 1 taken for A), 1 of C (taken for A); D occurs nowhere.
TRUTH = np.array([0, 0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 0, 1, 1, 0, 0])
MATRIX = np.array([[3, 1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


def test_figures_by_hand():
    assert (metrics.confusion(TRUTH, PREDICTED, 4) == MATRIX).all()
    found = metrics.figures(MATRIX, ["A", "B", "C", "D"])
    assert found["per_class"] == {
        "A": {"precision": 3 / 5, "recall": 3 / 4, "f1": 6 / 9, "support": 4},
        "B": {"precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2, "support": 2},
        "C": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1},
        "D": {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0},
    }
    assert found["accuracy"] == 4 / 7
    assert found["examples"] == 7
    # D occurs neither as truth nor as prediction and is left out of the macro averages.
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found["macro_precision"] == pytest.approx((3 / 5 + 1 / 2 + 0) / 3)
    assert found["macro_recall"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert found["weighted_f1"] == pytest.approx((4 * 2 / 3 + 2 * 1 / 2) / 7)
    assert metrics.by_row(MATRIX)[0].tolist() == [0.75, 0.25, 0, 0]
    assert metrics.by_row(MATRIX)[3].tolist() == [0, 0, 0, 0]
    assert metrics.by_column(MATRIX)[:, 0].tolist() == [0.6, 0.2, 0.2, 0]


def test_an_empty_split_has_figures():
    found = metrics.figures(np.zeros((2, 2), int), ["A", "B"])
    assert (found["accuracy"], found["macro_f1"], found["weighted_f1"], found["examples"]) == (0.0, 0.0, 0.0, 0)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_figures_are_those_of_scikit_learn(pairs):
    truth, predicted = np.array(pairs).T
    found = metrics.figures(metrics.confusion(truth, predicted, 5), list("01234"))
    told = classification_report(truth, predicted, output_dict=True, zero_division=0)
    for average in ("macro", "weighted"):
        for mine, theirs in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
            assert found[f"{average}_{mine}"] == pytest.approx(told[f"{average} avg"][theirs])
    for label in {str(value) for value in np.union1d(truth, predicted)}:
        assert found["per_class"][label]["f1"] == pytest.approx(told[label]["f1-score"])
        assert found["per_class"][label]["support"] == told[label]["support"]


def test_wilson_interval():
    # 50 of 100, from the closed form: (0.5 + z²/200 ± z sqrt(0.25/100 + z²/40000)) / (1 + z²/100)
    assert metrics.interval(0.5, 100) == pytest.approx([0.40383, 0.59617], abs=1e-5)
    assert metrics.interval(1.0, 10) == pytest.approx([0.72247, 1.0], abs=1e-5)
    assert metrics.interval(0.0, 0) == [0.0, 1.0]


def test_truth_among_the_most_probable():
    scores = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2], [0.4, 0.4, 0.2]])
    truth = np.array([1, 2, 1])
    assert metrics.top_hits(truth, scores, 1).tolist() == [False, False, True]  # a tie for the first place counts
    assert metrics.top_hits(truth, scores, 2).tolist() == [True, False, True]
    rng = np.random.default_rng(0)
    scores, truth = rng.random((200, 9)), rng.integers(0, 9, 200)
    assert metrics.top_hits(truth, scores, 5).mean() == top_k_accuracy_score(truth, scores, k=5, labels=range(9))


def test_precision_of_the_first_share():
    positive = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 1], bool)
    score = np.array([9, 8, 7, 7, 7, 1, 1, 1, 1, 1.0])
    assert metrics.precision_at(positive, score, 0.1) == 1.0
    assert metrics.precision_at(positive, score, 0.2) == 0.5
    # Three tie for the third place and one of them is positive: 1 + 1/3 of 3.
    assert metrics.precision_at(positive, score, 0.3) == pytest.approx((1 + 1 / 3) / 3)
    assert metrics.precision_at(positive, score, 0.001) == 1.0  # at least one patent
    order = np.random.default_rng(1).permutation(10)
    assert metrics.precision_at(positive[order], score[order], 0.3) == metrics.precision_at(positive, score, 0.3)
    assert metrics.precision_at(positive[:0], score[:0], 0.1) is None


def test_ranking_by_hand():
    positive = np.array([True, False, True, False])
    found = metrics.ranking(positive, np.array([0.9, 0.8, 0.7, 0.1]))
    assert found["share"] == 0.5
    assert found["pr_auc"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert found["roc_auc"] == pytest.approx(3 / 4)  # three of the four pairs stand right
    assert (found["precision_at_1_percent"], found["lift_at_1_percent"]) == (1.0, 2.0)


def test_what_cannot_be_had_is_none_and_never_nan():
    none = metrics.ranking(np.zeros(3, bool), np.array([0.3, 0.2, 0.1]))
    assert (none["pr_auc"], none["roc_auc"], none["lift_at_1_percent"]) == (None, None, None)
    every = metrics.ranking(np.ones(3, bool), np.array([0.3, 0.2, 0.1]))
    assert (every["pr_auc"], every["roc_auc"]) == (1.0, None)
    empty = metrics.ranking(np.zeros(0, bool), np.zeros(0))
    assert all(value is None or not math.isnan(value) for value in (*none.values(), *every.values(), *empty.values()))
