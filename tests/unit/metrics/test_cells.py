"""METRICS as cells: names of metrics, values with intervals, differences."""

import pytest

from patent_spark.metrics.cells import (
    METRIC_ROWS,
    TOP1_ROWS,
    difference_cell,
    interval_text,
    metric_cell,
    metric_name,
    question,
    shown_baselines,
    split_table,
    task_title,
)
from patent_spark.metrics.report_schema import Metric, MetricDifference, Metrics, SplitMetrics

BEST = {"difference": 0.5, "interval": None, "verdict": "better", "baseline": "majority"}
ROWS = {row.metric: row for row in (*METRIC_ROWS, *TOP1_ROWS)}


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (Metric.ACCURACY, "accuracy"),
        (Metric.BRIER, "Brier score"),
        (Metric.TOP1_BRIER, "Brier score of top1"),
        (Metric.TOP1_PR_AUC, "PR-AUC of top1"),
        (Metric.TOP1_PRECISION_AT_1_PERCENT, "precision of top1 in the first 1 %"),
    ],
)
def test_names_outside_of_a_table(metric, name):
    assert metric_name(metric) == name


def test_values_have_the_form_of_their_metric():
    metrics = Metrics(
        accuracy=0.714,
        intervals={"accuracy": (0.7, 0.728)},
        top1={"lift_at_1_percent": 6.93, "pr_auc": None, "intervals": {"lift_at_1_percent": (0, 23.25)}},
    )
    cells = {
        metric: metric_cell(metrics, ROWS[metric])
        for metric in (Metric.ACCURACY, Metric.TOP1_LIFT_AT_1_PERCENT, Metric.TOP1_PR_AUC)
    }
    accuracy, lift, pr_auc = cells.values()
    assert (accuracy.text, accuracy.range, accuracy.key) == ("71.4 %", "70.0 to 72.8 %", 0.714)
    assert (lift.text, lift.range) == ("6.9 ×", "0.0 to 23.2 ×")
    assert (pr_auc.text, pr_auc.range, pr_auc.key) == ("–", "", None)
    assert metric_cell(None, ROWS[Metric.ACCURACY]).text == "–"
    assert interval_text(None, "share") == ""


@pytest.mark.parametrize(
    ("metric", "text", "ends"),
    [(Metric.ACCURACY, "−1.2", "−3.0 to +0.5"), (Metric.MACRO_F1, "−0.012", "−0.030 to +0.005")],
)
def test_differences_of_accuracies_are_in_points(metric, text, ends):
    difference = MetricDifference(difference=-0.012, interval=(-0.03, 0.005), verdict="no better than")
    cell = difference_cell(difference, metric)
    assert (cell.text, cell.range, cell.kind, cell.key) == (text, ends, "same", -0.012)


@pytest.mark.parametrize("verdict", ["better", "worse"])
def test_a_significant_difference_stands_out(verdict):
    difference = MetricDifference(difference=0.1, interval=None, verdict=verdict)
    cell = difference_cell(difference, Metric.KAPPA)
    assert (cell.kind, cell.range) == (verdict, "")


def test_a_baseline_that_old_metrics_lack_is_left_out():
    old, new = (
        SplitMetrics(
            examples=2,
            accuracy=1.0,
            baselines={name: {"accuracy": 0.5} for name in names},
            best_baseline={"accuracy": BEST},
        )
        for names in (["majority"], ["majority", "tfidf_linear"])
    )
    assert shown_baselines([new]) == ["tfidf_linear", "majority"]
    assert shown_baselines([old, new]) == ["majority"]
    titles = [row.name for row in split_table({"test": old}).rows]
    assert "majority class" in titles and "TF-IDF + linear" not in titles


@pytest.mark.parametrize(
    ("labels", "title", "level"),
    [
        (["A", "H"], "Technology section", "CPC section"),
        (["A01", "H04"], "Technology class", "CPC class"),
        (["A01B", "H04L"], "Technology subclass", "CPC subclass"),
    ],
)
def test_titles_name_the_level_of_technology(labels, title, level):
    assert task_title("technology", labels) == title
    assert level in question("technology", labels)
    assert task_title("citation_level", ["top1", "top10"]) == "Citation level"
