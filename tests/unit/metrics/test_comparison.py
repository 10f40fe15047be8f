"""Estimates by group and predictor, and paired differences between predictors."""

import dataclasses

import numpy as np
import pytest

from patent_spark.config import Evaluate
from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.comparison import best_baselines, classifier_metrics, differences, estimate
from patent_spark.metrics.estimator import MetricEstimator
from patent_spark.metrics.prediction_records import Predictions
from patent_spark.metrics.report_schema import COMPARED, Metric
from tests.support.predictions import patents_of

COUNT = 300
LABELS = {"technology": [f"A{i:02d}" for i in range(7)], "citation_level": list(LEVELS)}
GROUPS = {"all": np.arange(COUNT), "first": np.arange(100), "none": np.arange(0)}


def patents_with(labels, seed):
    rng = np.random.default_rng(seed)
    return patents_of(rng.choice(len(labels), COUNT, p=shares_of(labels)), labels)


def shares_of(labels):
    return np.arange(1, len(labels) + 1) / sum(range(1, len(labels) + 1))


def predictor(patents, skill, seed):
    """Probabilities that favour the truth by `skill`."""
    noise = np.random.default_rng(seed).normal(size=(COUNT, len(patents.labels)))
    scores = np.exp(noise + skill * np.eye(len(patents.labels))[patents.truth])
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return Predictions.from_probabilities(patents, probabilities)


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("drawn", [False, True], ids=["predicted", "drawn at random"])
def test_a_weight_is_a_number_of_copies(labels, drawn):
    """Metrics under weights are the metrics of the patents repeated as often as they weigh."""
    predictions = predictor(patents_with(labels, 1), 3.0, 101)
    if drawn:
        predictions = dataclasses.replace(predictions, label_shares=shares_of(labels))
    chosen = np.arange(40, 240)
    weights = np.random.default_rng(2).poisson(1.0, (COUNT, 3))
    weighted = MetricEstimator(predictions, chosen, 0.6)(weights)
    for i in range(3):
        copies = np.repeat(chosen, weights[chosen, i])
        repeated = MetricEstimator(predictions.take(copies), np.arange(len(copies)), 0.6)
        alone = repeated(np.ones((len(copies), 1)))
        assert set(alone) == set(weighted)
        for name, values in alone.items():
            assert weighted[name][..., i] == pytest.approx(values[..., 0], rel=1e-5, abs=1e-7), name


def estimated(resamples=400, labels=LABELS["citation_level"], **skills):
    """Estimates of predictors with these skills, and the differences of `model` to the others."""
    patents = patents_with(labels, 1)
    predictors = {name: predictor(patents, skill, seed) for seed, (name, skill) in enumerate(skills.items())}
    estimates = estimate(predictors, GROUPS, Evaluate(resamples=resamples), [("all", "model")])
    of_all = estimates["all"]
    return estimates, {name: differences(of_all["model"], of_all[name]) for name in skills if name != "model"}


def test_differences_are_paired():
    """Two predictors that agree on nearly all patents: the difference has a much smaller interval than
    each."""
    other = predictor(patents_with(LABELS["citation_level"], 1), 1.0, 101)
    truth, better = other.patents.truth, other.predicted.copy()
    better[np.flatnonzero(other.predicted != truth)[:12]] = truth[other.predicted != truth][:12]
    predictors = {"model": dataclasses.replace(other, predicted=better), "other": other}
    estimates = estimate(predictors, {"all": np.arange(COUNT)}, Evaluate(resamples=500))["all"]
    difference = differences(estimates["model"], estimates["other"])[Metric.ACCURACY]
    assert difference.difference == pytest.approx(12 / COUNT)
    assert difference.verdict == "better"
    low, high = classifier_metrics(estimates["model"], LABELS["citation_level"])["accuracy_interval"]
    assert difference.interval[1] - difference.interval[0] < 0.5 * (high - low)


def test_the_best_baseline_is_the_best_in_that_metric():
    estimates, better_by = estimated(model=2.0, weak=0.5, strong=5.0)
    best = best_baselines({name: estimates["all"][name] for name in ("weak", "strong")}, better_by)
    assert set(best) == set(COMPARED) - {Metric.TOP5_ACCURACY}  # four labels are too few for it
    accuracy = best[Metric.ACCURACY]
    assert accuracy.as_json() == {"baseline": "strong"} | better_by["strong"][Metric.ACCURACY].as_json()
    assert (accuracy.verdict, better_by["weak"][Metric.ACCURACY].verdict) == ("worse", "better")
    values = {name: estimates["all"][name].values["accuracy"] for name in ("model", "strong")}
    assert accuracy.difference == values["model"] - values["strong"]


def test_metrics_of_a_group():
    estimates, _ = estimated(model=2.0)
    whole = classifier_metrics(estimates["all"]["model"], LABELS["citation_level"])
    assert whole["accuracy_interval"] == whole["intervals"]["accuracy"]
    assert whole["accuracy_interval"][0] < whole["accuracy"] < whole["accuracy_interval"][1]
    assert set(whole["top1"]["intervals"]) == set(whole["top1"]) - {"intervals", "share"}
    assert set(whole["per_class"]["top1"]) == {"precision", "recall", "f1", "support", "intervals"}
    assert sum(each["support"] for each in whole["per_class"].values()) == whole["examples"] == COUNT
    part = classifier_metrics(estimates["first"]["model"], LABELS["citation_level"])
    assert "intervals" not in part["per_class"]["top1"]  # not requested
    nothing = classifier_metrics(estimates["none"]["model"], LABELS["citation_level"], by_label=False)
    assert (nothing["examples"], nothing["accuracy"]) == (0, 0)
    assert (nothing["top1"]["pr_auc"], nothing["top1"]["intervals"]["pr_auc"]) == (None, None)
    assert "per_class" not in nothing


def test_without_resamples_there_are_no_intervals():
    estimates, better_by = estimated(resamples=0, model=2.0, other=1.0)
    metrics = classifier_metrics(estimates["all"]["model"], LABELS["citation_level"])
    assert metrics["accuracy_interval"] is None
    assert better_by["other"][Metric.ACCURACY].interval is None
    assert better_by["other"][Metric.ACCURACY].verdict == "no better than"
