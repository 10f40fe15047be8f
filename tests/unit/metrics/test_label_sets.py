"""Rankings of labels against all labels of a patent: by hand, and as scikit-learn has it."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import label_ranking_average_precision_score

from patent_spark.metrics.label_sets import constant_ranks, label_sets, ranks, set_scores

LABELS = ("A", "B", "C", "D", "E", "F")


def sets_of(*codes):
    return label_sets(pa.array(codes, pa.list_(pa.string())), LABELS)


def test_scores_by_hand():
    sets = sets_of(["A", "C"], ["F"], ["B", "Z"])  # Z: no label of the task
    probabilities = np.array([[6, 5, 4, 3, 2, 1], [6, 5, 4, 3, 2, 1], [1, 9, 8, 7, 6, 5]], np.float32)
    scores = set_scores(sets, ranks(probabilities, sets))
    assert scores.size.tolist() == [2, 1, 2]
    assert scores.found.tolist() == [[1, 2, 2], [0, 0, 0], [1, 1, 1]]
    # A is first: 1/1, C is third with A before it: 2/3. F is sixth. B is first, Z is never found.
    assert scores.ranking_precision == pytest.approx([(1 + 2 / 3) / 2, 1 / 6, 1 / 2])
    taken = scores.take(np.array([2, 0]))
    assert (taken.size.tolist(), taken.found[:, 1].tolist()) == ([2, 2], [1, 2])


def test_of_equal_probabilities_the_first_label_ranks_higher():
    sets = sets_of(["B", "C"], ["A"])
    assert ranks(np.full((2, 6), 0.1, np.float32), sets).tolist() == [2, 3, 1]


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(6), 300).astype(np.float32)
    truth = rng.random((300, 6)) < 0.3
    truth[np.arange(300), rng.integers(0, 6, 300)] = True
    sets = sets_of(*([LABELS[i] for i in np.flatnonzero(row)] for row in truth))
    scores = set_scores(sets, ranks(probabilities, sets))
    expected = label_ranking_average_precision_score(truth, probabilities)
    assert scores.ranking_precision.mean() == pytest.approx(expected, abs=1e-6)
    first = np.argsort(-probabilities, axis=1)
    for place, cut in enumerate((1, 3, 5)):
        found = np.take_along_axis(truth, first[:, :cut], axis=1).sum(axis=1)
        assert scores.found[:, place].tolist() == found.tolist()


def test_pairs_are_ranked_in_pieces(monkeypatch):
    rng = np.random.default_rng(2)
    probabilities, sets = rng.random((50, 6)), sets_of(*([["A", "Z", "D"]] * 50))
    whole = ranks(probabilities, sets)
    monkeypatch.setattr("patent_spark.metrics.label_sets._PAIRS", 7)
    assert ranks(probabilities, sets).tolist() == whole.tolist()


def test_a_constant_ranking_ranks_as_its_probabilities():
    shares, sets = np.array([0.1, 0.4, 0.05, 0.2, 0.15, 0.1]), sets_of(["A", "F", "Z"], ["B"], [])
    ranked = constant_ranks(np.argsort(-shares, kind="stable"), sets)
    assert ranked.tolist() == ranks(np.tile(shares, (3, 1)), sets).tolist() == [4, 5, 7, 1]
    scores = set_scores(sets, ranked)
    assert (scores.size.tolist(), scores.ranking_precision[2]) == ([3, 1, 0], 0)
