"""Warnings about metrics: which ones, and the values they are about."""

import numpy as np
import pytest

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.evaluate.warnings import metric_warnings
from tests.support.small_metrics import levels, metrics_of, split

MANY = np.tile([0, 1, 2, 3], 400)
WRONG = (MANY + 1) % 4
FOUR_OF_FIVE = np.where(np.arange(1600) % 5, MANY, WRONG)


def warnings_of(metrics, training=(5, 5, 5, 5)):
    """Warnings by code; each message has the numbers it is about."""
    by_label = dict(zip(metrics.labels, training, strict=True))
    return {warning.code: warning for warning in metric_warnings(metrics, by_label, 0.95)}


def test_a_good_model_has_no_warnings():
    splits = {"test": split(MANY, FOUR_OF_FIVE, linear=WRONG, nearest=WRONG)}
    assert warnings_of(metrics_of("ABCD", splits, [5] * 4, {"accuracy": 0.81})) == {}


def test_a_model_worse_than_a_baseline_and_better_than_possible():
    actual = warnings_of(metrics_of("ABCD", {"test": split(MANY, FOUR_OF_FIVE)}, [5] * 4, {"accuracy": 0.7}))
    worse, above = actual["worse_than_baseline"], actual["above_upper_bound"]
    assert worse.facts["baseline"] == "tfidf_nearest"
    assert worse.facts["difference"] == pytest.approx(-0.2, abs=0.01)
    assert above.facts == {"accuracy": pytest.approx(0.8), "bound": 0.7}
    assert "70.0 %" in above.message


def test_few_patents_and_nothing_learned():
    splits = {"test": split([0, 0, 1, 3], [1, 1, 0, 0])}
    actual = warnings_of(metrics_of("ABCD", splits, [5, 5, 5, 0]), (5, 5, 5, 0))
    assert actual["small_test_set"].facts["patents"] == 4
    assert "not_better_than_majority" in actual
    assert actual["untrained_labels"].facts == {"labels": ["D"]}
    assert "(D)" in actual["untrained_labels"].message


def test_labels_that_are_never_predicted():
    actual = warnings_of(metrics_of("ABCD", {"test": split([0, 2, 3, 0], [0, 0, 0, 0])}, [5] * 4))
    assert actual["never_predicted"].facts == {"labels": ["C", "D"]}
    assert "untrained_labels" not in actual


def test_labels_with_few_test_patents():
    truth = np.repeat([0, 1, 2, 3], [9, 10, 200, 1])
    actual = warnings_of(metrics_of("ABCD", {"test": split(truth, truth)}, [5] * 4))
    assert actual["few_of_a_label"].facts == {"labels": ["A", "D"]}
    assert "(A, D)" in actual["few_of_a_label"].message


def test_accuracy_that_falls_over_the_years():
    splits = {"test_2011": levels(MANY, MANY), "test_2012": levels(MANY, FOUR_OF_FIVE)}
    drift = warnings_of(metrics_of(LEVELS, splits, [5] * 4))["drift"]
    assert drift.facts == {
        "first_year": "2011", "first": 1.0, "last_year": "2012", "last": pytest.approx(0.8),
    }  # fmt: skip
    assert "80.0 %" in drift.message


def test_a_ranking_that_is_too_good():
    ranked = np.sort(MANY)
    actual = warnings_of(metrics_of(LEVELS, {"test_2011": levels(ranked, ranked)}, [5] * 4))
    assert actual["suspicious_top1"].facts == {"roc_auc": 1.0}


def test_levels_with_another_share_than_in_training():
    """A warning for half the share of enough patents; none for chance, nor for a smaller difference."""
    many = np.repeat([0, 1, 2, 3], [40, 160, 1200, 600])
    metrics = metrics_of(LEVELS, {"test_2011": levels(many, many)}, np.ones(4))
    shift = warnings_of(metrics, (200, 400, 2400, 1000))["label_shift"]
    assert shift.facts == {"label": "top1", "training": pytest.approx(0.05), "test": pytest.approx(0.02)}
    assert "label.reference_set" in shift.message
    assert "label_shift" not in warnings_of(metrics, (5, 8, 60, 27))  # 5 of 100: chance
    # 2.9 %: less than one and a half times the share of the test patents.
    assert "label_shift" not in warnings_of(metrics, (1160, 3200, 24000, 11640))


def test_classes_with_another_distribution_than_in_training():
    many = np.repeat([0, 1, 2, 3], [40, 160, 1200, 600])
    metrics = metrics_of("ABCD", {"test": split(many, many)}, np.ones(4))
    assert warnings_of(metrics, (300, 160, 940, 600))["class_shift"].facts == {"moved": pytest.approx(0.13)}
    for training in ((1, 1, 4, 4), (50, 160, 1200, 600)):
        assert "class_shift" not in warnings_of(metrics, training)
