"""The combined headline of two test sets, against the metrics of all their patents."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from patent_spark.experiments.ablation.combined_test_sets import combine_test_splits
from patent_spark.metrics.report_schema import Metric, Metrics

LABELS = ["A01", "B02", "C03"]
SIZES = {"test": 50, "large_test": 450}


@pytest.fixture(scope="module")
def predictions():
    """By split: truth, and the predictions of a model and two baselines."""
    rng = np.random.default_rng(5)
    by_split = {}
    for split, size in SIZES.items():
        truth = rng.integers(0, 3, size)
        error_rates = {"model": 0.3 if split == "test" else 0.1, "majority": 0.6, "tfidf_linear": 0.2}
        predicted = {
            name: np.where(rng.random(size) < rate, (truth + 1) % 3, truth)
            for name, rate in error_rates.items()
        }
        by_split[split] = (truth, predicted)
    return by_split


def metrics_of(truth, predicted):
    """METRICS of a split: intervals +-0.1 of the model's metrics, -0.02 to +0.03 of the differences."""
    accuracy = {name: accuracy_score(truth, each) for name, each in predicted.items()}
    values = {"accuracy": accuracy.pop("model")}
    for mean in ("macro", "weighted"):
        values[f"{mean}_f1"] = f1_score(truth, predicted["model"], average=mean)
    baselines = {}
    for name, value in accuracy.items():
        difference = values["accuracy"] - value
        interval = [difference - 0.02, difference + 0.03]
        better_by = {"difference": difference, "interval": interval, "verdict": "better"}
        baselines[name] = {"accuracy": value, "model_better_by": {"accuracy": better_by}}
    matrix = confusion_matrix(truth, predicted["model"], labels=range(3)).tolist()
    return values | {
        "intervals": {name: [value - 0.1, value + 0.1] for name, value in values.items()},
        "examples": len(truth),
        "baselines": baselines,
        "confusion": {"labels": LABELS, "matrix": matrix},
    }


def metrics_with(predictions, *splits):
    parts = {split: metrics_of(*predictions[split]) for split in splits}
    whole = {"labels": LABELS, "headline": splits[0], "splits": parts, "run_id": "abc"}
    return Metrics.model_validate(parts[splits[0]] | whole)


def test_both_test_sets_are_the_headline(predictions):
    combined = combine_test_splits(metrics_with(predictions, "test", "large_test"))
    truth = np.concatenate([predictions[split][0] for split in SIZES])
    predicted = {
        name: np.concatenate([predictions[split][1][name] for split in SIZES])
        for name in ("model", "majority", "tfidf_linear")
    }
    whole = metrics_of(truth, predicted)
    assert (combined.headline, combined.examples, combined.run_id) == ("test+large_test", 500, "abc")
    assert (combined.accuracy, combined.macro_f1, combined.weighted_f1) == pytest.approx(
        (whole["accuracy"], whole["macro_f1"], whole["weighted_f1"])
    )
    majority = whole["baselines"]["majority"]["accuracy"]
    assert combined.baselines["majority"].accuracy == pytest.approx(majority)
    width = 0.1 * (0.1**2 + 0.9**2) ** 0.5  # one tenth and nine tenths of the patents
    expected = [whole["accuracy"] - width, whole["accuracy"] + width]
    assert combined.interval(Metric.ACCURACY) == pytest.approx(expected)
    best = combined.best_baseline[Metric.ACCURACY]
    difference = whole["baselines"]["tfidf_linear"]["model_better_by"]["accuracy"]["difference"]
    assert (best.baseline, best.verdict) == ("tfidf_linear", "better")
    assert best.difference == pytest.approx(difference)
    assert best.interval == pytest.approx([difference - width / 5, difference + width * 0.3])


def test_without_a_large_test_set_nothing_changes(predictions):
    metrics = metrics_with(predictions, "test")
    assert combine_test_splits(metrics) is metrics


def test_without_the_interval_of_a_part_there_is_none_of_the_whole(predictions):
    metrics = metrics_with(predictions, "test", "large_test")
    metrics.splits["test"].intervals["macro_f1"] = None
    combined = combine_test_splits(metrics)
    assert combined.interval(Metric.MACRO_F1) is None
    assert combined.interval(Metric.ACCURACY) is not None
