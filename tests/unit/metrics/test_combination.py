"""The combination of network and linear model: by hand, and on probabilities of a known mixture."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import log_loss

from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.combination import Combination
from patent_spark.metrics.combination_fit import fit_combination


def evidence(count, seed, signal):
    """Labels of `count` patents, and probabilities of two parts that see a signal of these strengths each."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 4, count)
    parts = []
    for strength in signal:
        scores = rng.normal(size=(count, 4))
        scores[np.arange(count), truth] += strength
        parts.append(softmax(strength * scores, axis=1).astype(np.float32))
    return truth, parts


def test_powers_are_multiplied_by_hand():
    network, linear = np.array([[0.5, 0.3, 0.2]], np.float32), np.array([[0.1, 0.4, 0.5]], np.float32)
    powers = np.array([0.5**2 * 0.1**0.5, 0.3**2 * 0.4**0.5, 0.2**2 * 0.5**0.5])
    combination = Combination(2.0, 0.5, "")
    assert combination(network, linear)[0] == pytest.approx(powers / powers.sum())
    assert Combination(1.0, 0.0, "")(network, linear) == pytest.approx(network)
    assert Calibration(2.0, combination=combination)(network, linear)[0] == pytest.approx(
        np.sqrt(powers) / np.sqrt(powers).sum()
    )


def test_independent_evidence_of_calibrated_parts_counts_in_full():
    """Naive Bayes: with two calibrated parts that err independently, both exponents are 1."""
    truth, parts = evidence(20_000, 0, (1.0, 1.5))
    combination = fit_combination(*parts, truth, "d")
    assert (combination.network, combination.linear) == pytest.approx((1.0, 1.0), abs=0.05)
    assert (combination.learned_on, combination.patents, combination.linear_digest) == (
        "development", 20_000, "d",
    )  # fmt: skip


def test_a_part_that_knows_nothing_is_left_out_and_the_other_is_not_harmed():
    truth, parts = evidence(5_000, 1, (1.2, 0.0))
    noise = softmax(np.random.default_rng(2).normal(0, 2, (5_000, 4)), axis=1).astype(np.float32)
    combination = fit_combination(parts[0], noise, truth, "d")
    assert combination.linear < 0.03
    other, others = evidence(5_000, 3, (1.2, 0.0))
    assert log_loss(other, combination(others[0], noise)) < log_loss(other, others[0]) + 0.002


def test_no_patents_leave_the_weights_equal_and_a_handful_move_them_little():
    truth, parts = evidence(6, 4, (1.0, 1.0))
    nothing = fit_combination(parts[0][:0], parts[1][:0], truth[:0], "d")
    assert (nothing.network, nothing.linear, nothing.learned_on) == (0.5, 0.5, None)
    few = fit_combination(*parts, truth, "d")
    assert 0 < few.network < 2 and 0 < few.linear < 2


def test_a_label_that_one_part_rules_out_can_still_be_found():
    network, linear = np.array([[0.98, 0.02]], np.float32), np.array([[0.0, 1.0]], np.float32)
    combined = Combination(1.0, 0.1, "")(network, linear)
    assert combined[0, 0] == pytest.approx(0.98 * 1e-6**0.1 / (0.98 * 1e-6**0.1 + 0.02), rel=1e-4)


def test_probabilities_of_one_part_are_no_combination():
    calibration = Calibration(combination=Combination(0.5, 0.5, ""))
    with pytest.raises(ValueError, match="linear"):
        calibration(np.full((1, 2), 0.5, np.float32))
