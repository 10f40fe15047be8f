"""Ranking metrics by hand and beside scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from patent_spark.metrics.ranking import Ranking, ranking_metrics


def ranked(positive, score, weights=None, fixed_precision=0.5):
    """Metrics by weighting; weights [patents, weightings]."""
    ranking = Ranking(positive, score)
    weights = np.ones((len(score), 1)) if weights is None else weights
    patents, positives = (
        np.zeros((ranking.cells, weights.shape[1])),
        np.zeros((ranking.steps, weights.shape[1])),
    )
    np.add.at(patents, ranking.cell, weights)
    np.add.at(positives, ranking.step, weights[positive])
    return ranking_metrics(patents, positives, fixed_precision)


def first(metrics):
    return {name: values[0] for name, values in metrics.items()}


def precision_at(positive, score, kept, weights):
    """The precision among the first `kept`, patent by patent, each repeated by its weight; ties by their
    mean."""
    rows = np.repeat(np.arange(len(score)), weights)
    cut = np.sort(score[rows])[len(rows) - kept]
    above, tied = score[rows] > cut, score[rows] == cut
    return (positive[rows][above].sum() + (kept - above.sum()) * positive[rows][tied].mean()) / kept


def test_by_hand():
    metrics = first(
        ranked(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]), fixed_precision=0.6)
    )
    assert metrics["share"] == 0.5
    assert metrics["pr_auc"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics["roc_auc"] == pytest.approx(3 / 4)  # three of the four pairs are in order
    assert (metrics["precision_at_1_percent"], metrics["lift_at_1_percent"]) == (
        1.0,
        2.0,
    )  # at least one patent
    assert metrics["recall_at_precision"] == 1.0  # the first three have both, with precision 2/3
    metrics = first(
        ranked(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]), fixed_precision=0.9)
    )
    assert metrics["recall_at_precision"] == 0.5


def test_ties_at_the_cut_count_with_their_mean():
    positive = np.zeros(100, bool)
    positive[[0, 4, 50]] = True
    score = np.array([9.0, 8, 7, *[6] * 4, *np.linspace(5, 1, 93)])
    # 5 of 100: the three above, and two of the four that tie, of which one is positive: 1 + 2/4.
    assert first(ranked(positive, score))["precision_at_5_percent"] == pytest.approx(1.5 / 5)
    order = np.random.default_rng(1).permutation(100)
    assert first(ranked(positive[order], score[order])) == pytest.approx(first(ranked(positive, score)))


@pytest.mark.parametrize("seed", range(6))
def test_weighted_metrics_are_those_of_scikit_learn(seed):
    """Scores with and without ties, rare and frequent positives, weights of a resample: zeros and repeats."""
    rng = np.random.default_rng(seed)
    count = 400
    positive = rng.random(count) < (0.03, 0.5)[seed % 2]
    score = (rng.random(count) + 0.4 * positive).round((1, 2, 9)[seed % 3]).astype(np.float32)
    weights = np.column_stack([np.ones(count, int), *rng.poisson(1.0, (3, count))])
    metrics = ranked(positive, score, weights, fixed_precision=0.3)
    for i, weight in enumerate(weights.T):
        assert metrics["pr_auc"][i] == pytest.approx(
            average_precision_score(positive, score, sample_weight=weight)
        )
        assert metrics["roc_auc"][i] == pytest.approx(roc_auc_score(positive, score, sample_weight=weight))
        precision, recall, _ = precision_recall_curve(positive, score, sample_weight=weight)
        assert metrics["recall_at_precision"][i] == pytest.approx(recall[precision >= 0.3].max())
        for name, share in (("1_percent", 0.01), ("5_percent", 0.05)):
            expected = precision_at(positive, score, round(weight.sum() * share), weight)
            assert metrics[f"precision_at_{name}"][i] == pytest.approx(expected)
            assert metrics[f"lift_at_{name}"][i] == pytest.approx(
                expected / (weight[positive].sum() / weight.sum())
            )


def test_an_undefined_metric_is_not_a_number():
    none = first(ranked(np.zeros(3, bool), np.array([0.3, 0.2, 0.1])))
    assert np.isnan(
        [none[name] for name in ("pr_auc", "roc_auc", "lift_at_1_percent", "recall_at_precision")]
    ).all()
    assert none["precision_at_1_percent"] == 0
    every = first(ranked(np.ones(3, bool), np.array([0.3, 0.2, 0.1])))
    assert every["pr_auc"] == 1
    assert np.isnan(every["roc_auc"])
    empty = first(ranked(np.zeros(0, bool), np.zeros(0)))
    assert np.isnan(empty["precision_at_5_percent"])
