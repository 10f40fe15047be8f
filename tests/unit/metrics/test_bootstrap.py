"""The cluster bootstrap: resamples of families, intervals, verdicts."""

import numpy as np
import pytest

from patent_spark.metrics.bootstrap import interval, resampled_weights, verdict
from patent_spark.metrics.estimator import MetricEstimator
from tests.support.predictions import certain, patents_of


def means(values, families, resamples=1000, seed=1):
    return np.concatenate(
        [values @ weights / weights.sum(axis=0) for weights in resampled_weights(families, resamples, seed)]
    )


def test_families_are_drawn_whole_and_as_many_as_there_are():
    families = np.array([7, -3, 7, 12, 12, 12])
    weights = np.concatenate(list(resampled_weights(families, 500, 1)), axis=1)
    assert weights.shape == (6, 500)
    assert (weights[0] == weights[2]).all()
    assert (weights[3] == weights[4]).all()
    assert (weights[[0, 1, 3]].sum(axis=0) == 3).all()
    assert weights.mean(axis=1) == pytest.approx(np.ones(6), abs=0.15)
    assert (np.concatenate(list(resampled_weights(families, 500, 1)), axis=1) == weights).all()
    assert list(resampled_weights(np.zeros(0), 10, 1)) == []


def test_batches_do_not_change_what_is_drawn(monkeypatch):
    families = np.arange(50) // 2
    whole = np.concatenate(list(resampled_weights(families, 20, 3)), axis=1)
    monkeypatch.setattr("patent_spark.metrics.bootstrap._CELLS", 350)
    batches = list(resampled_weights(families, 20, 3))
    assert [batch.shape[1] for batch in batches] == [7, 7, 6]
    assert (np.concatenate(batches, axis=1) == whole).all()


def test_copies_of_a_patent_are_not_independent_observations():
    """Four copies of each patent: by family the error stays that of the 200, by patent it would be half of
    it."""
    values = np.random.default_rng(0).random(200)
    copies, families = np.repeat(values, 4), np.repeat(np.arange(200), 4)
    error = values.std() / np.sqrt(200)
    assert means(copies, families).std() == pytest.approx(error, rel=0.1)
    assert means(copies, np.arange(800)).std() == pytest.approx(error / 2, rel=0.1)


def shares(rng, trial):
    values = (rng.random(150) < 0.3).astype(float)
    return means(values, np.arange(150), 300, trial), values.mean(), 0.3


def macro_f1s(rng, trial):
    """Macro F1 of 40 labels with 2 patents each and one of 100: a resample often lacks a label."""
    truth = np.concatenate([np.repeat(np.arange(40), 2), np.full(100, 40)])
    correct = rng.random(len(truth)) < 0.6
    predicted = np.where(correct, truth, 40)
    patents = patents_of(truth, [str(i) for i in range(41)])
    estimator = MetricEstimator(certain(patents, predicted), np.arange(len(truth)), 0.5)
    resampled = np.concatenate(
        [estimator(weights)["macro_f1"] for weights in resampled_weights(np.arange(len(truth)), 200, trial)]
    )
    return resampled, estimator(np.ones((len(truth), 1)))["macro_f1"][0], None


@pytest.mark.parametrize(("draw", "least"), [(shares, 0.9), (macro_f1s, 0.85)])
def test_ninety_five_of_a_hundred_intervals_contain_the_true_value(draw, least):
    """The true value of a metric without a closed form is taken to be its mean over all trials."""
    rng = np.random.default_rng(2)
    drawn = [draw(rng, trial) for trial in range(200)]
    truth = np.mean([value for _, value, _ in drawn]) if drawn[0][2] is None else drawn[0][2]
    ends = np.array([interval(resampled, value) for resampled, value, _ in drawn])
    assert all(low <= value <= high for (low, high), (_, value, _) in zip(ends, drawn, strict=True))
    assert least <= ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean() <= 0.99


def test_intervals_and_verdicts():
    assert interval(np.arange(1001.0), 500) == pytest.approx([25, 975])
    # The resamples are ten too high on average.
    assert interval(np.arange(1001.0), 490) == pytest.approx([15, 965])
    assert interval(np.arange(1001.0), 20) == pytest.approx([0, 495])  # no further than any resample
    mostly = np.where(np.arange(1000) < 50, np.nan, 1.0)
    assert interval(mostly, 1) == (1, 1)
    assert interval(np.where(np.arange(1000) < 100, np.nan, 1.0), 1) is None
    assert interval(np.zeros(0), 1) is None
    assert interval(np.zeros(9), np.nan) is None
    assert [verdict(each) for each in ((0.01, 0.2), (-0.1, 0.2), (-0.2, -0.1), None)] == [
        "better",
        "no better than",
        "worse",
        "no better than",
    ]
