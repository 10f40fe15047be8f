"""METRICS as records: equal to the JSON file after a round trip, and metrics by name."""

import json

import pytest
from pydantic import ValidationError

from patent_spark.metrics.report_schema import Metric, Metrics, headline_parts, headline_split, year_of_split

DIFFERENCE = {"difference": 0.1, "interval": [0.05, 0.15], "verdict": "better"}
FILE = {
    "task": "citation_level",
    "accuracy": 0.1 + 0.2,
    "macro_f1": None,
    "examples": 7,
    "intervals": {"accuracy": [0.25, 1 / 3], "macro_f1": None},
    "top1": {"pr_auc": 0.125, "roc_auc": None, "intervals": {"pr_auc": [0.0625, 0.5]}},
    "per_class": {"top1": {"precision": None, "support": 2}},
    "baselines": {"majority": {"accuracy": 0.25, "model_better_by": {"top1.pr_auc": DIFFERENCE}}},
    "best_baseline": {"top1.pr_auc": {"baseline": "majority"} | DIFFERENCE},
}


def test_a_file_is_the_same_after_a_round_trip():
    written = json.loads(json.dumps(Metrics.model_validate(FILE).as_json(), allow_nan=False))
    assert written == FILE
    assert written["accuracy"].hex() == FILE["accuracy"].hex()


def test_metrics_by_name():
    metrics = Metrics.model_validate(FILE)
    assert metrics.value(Metric.ACCURACY) == 0.1 + 0.2
    assert metrics.interval(Metric.ACCURACY) == (0.25, 1 / 3)
    assert metrics.value(Metric.TOP1_PR_AUC) == 0.125
    assert metrics.interval(Metric.TOP1_PR_AUC) == (0.0625, 0.5)
    assert metrics.value(Metric.MACRO_F1) is metrics.interval(Metric.MACRO_F1) is None
    assert metrics.value(Metric.KAPPA) is metrics.interval(Metric.TOP1_ROC_AUC) is None
    baseline = metrics.baselines["majority"]
    assert (baseline.value(Metric.TOP1_PR_AUC), baseline.interval(Metric.TOP1_PR_AUC)) == (None, None)
    assert baseline.model_better_by[Metric.TOP1_PR_AUC].difference == 0.1
    assert metrics.best_baseline[Metric.TOP1_PR_AUC].baseline == "majority"


@pytest.mark.parametrize("metric", list(Metric))
def test_every_metric_has_a_field(metric):
    assert Metrics(top1={}).value(metric) is None


def test_a_key_that_metrics_does_not_have_is_an_error():
    with pytest.raises(ValidationError):
        Metrics.model_validate(FILE | {"acuracy": 1})


@pytest.mark.parametrize(
    ("splits", "headline", "parts"),
    [
        (["large_test", "test"], "test", ["test"]),
        (["test_2011", "test_2012"], "test_years", ["test_2011", "test_2012"]),
        (["large_test"], "large_test", ["large_test"]),
    ],
)
def test_the_headline_split(splits, headline, parts):
    assert (headline_split(splits), headline_parts(splits)) == (headline, parts)


def test_the_year_of_a_split():
    assert [year_of_split(split) for split in ("test_2011", "test", "large_test", "test_20111")] == [
        "2011", "", "", "",
    ]  # fmt: skip
