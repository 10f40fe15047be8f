import numpy as np
import pytest

from patent_spark.evaluation.bootstrap import interval, resampled_weights, verdict


def means(values, families, resamples=1000, seed=1):
    return np.concatenate([values @ weights / weights.sum(axis=0) for weights in resampled_weights(families, resamples, seed)])


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
    monkeypatch.setattr("patent_spark.evaluation.bootstrap._CELLS", 350)
    batches = list(resampled_weights(families, 20, 3))
    assert [batch.shape[1] for batch in batches] == [7, 7, 6]
    assert (np.concatenate(batches, axis=1) == whole).all()


def test_copies_of_a_patent_are_no_further_witnesses():
    """Four copies of each patent: by family the error stays that of the 200, by patent it would be half of it."""
    values = np.random.default_rng(0).random(200)
    copies, families = np.repeat(values, 4), np.repeat(np.arange(200), 4)
    error = values.std() / np.sqrt(200)
    assert means(copies, families).std() == pytest.approx(error, rel=0.1)
    assert means(copies, np.arange(800)).std() == pytest.approx(error / 2, rel=0.1)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    rng = np.random.default_rng(2)
    held = 0
    for trial in range(200):
        low, high = interval(means((rng.random(150) < 0.3).astype(float), np.arange(150), 300, trial))
        held += low <= 0.3 <= high
    assert 0.9 <= held / 200 <= 0.985


def test_intervals_and_their_words():
    assert interval(np.arange(1001.0)) == pytest.approx([25, 975])
    mostly = np.where(np.arange(1000) < 50, np.nan, 1.0)
    assert interval(mostly) == [1, 1]
    assert interval(np.where(np.arange(1000) < 100, np.nan, 1.0)) is None
    assert interval(np.zeros(0)) is None
    assert [verdict(each) for each in ([0.01, 0.2], [-0.1, 0.2], [-0.2, -0.1], None)] == ["better", "no better than", "worse", "no better than"]
