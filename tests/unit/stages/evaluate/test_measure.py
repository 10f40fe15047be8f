"""METRICS of a task from predictions: splits, baselines, references, undefined metrics, tables."""

import json

import numpy as np
import pytest

from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.cells import comparison_table, split_table
from patent_spark.metrics.report_schema import GroupMetrics, Metric
from patent_spark.stages.evaluate.mlflow_logging import logged_metrics
from patent_spark.stages.evaluate.report_tables import class_table, group_table, level_tables
from tests.support.small_metrics import levels, metrics_of, split

GROUP = ("examples", "accuracy", "kappa", "top1", "too_few", "best_baseline")


def line(table, name):
    return [cell.text for cell in next(row for row in table.rows if row.name == name).cells]


def test_years_together_are_the_headline():
    splits = {
        "test_2011": levels([0, 1, 2, 3], [0, 1, 2, 2]),
        "test_2012": levels([2, 2], [2, 3], linear=[0, 0]),
    }
    metrics = metrics_of(LEVELS, splits, [1, 2, 9, 4])
    assert (metrics.headline, metrics.accuracy, metrics.examples) == ("test_years", 4 / 6, 6)
    assert {year: each.accuracy for year, each in metrics.by_year.items()} == {"2011": 0.75, "2012": 0.5}
    assert metrics.by_year["2012"] == metrics.splits["test_2012"]
    assert metrics.confusion.matrix == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 1], [0, 0, 1, 0]]
    assert {name: values.accuracy for name, values in metrics.baselines.items()} == {
        "majority": 3 / 6,
        "class_prior": pytest.approx((1 * 1 + 1 * 2 + 3 * 9 + 1 * 4) / 16 / 6),
        "tfidf_nearest": 1.0,
        "tfidf_linear": 4 / 6,
    }
    assert metrics.top1.precision == 1.0
    assert metrics.by_year["2012"].top1.roc_auc is None
    assert metrics.references == {}
    json.dumps(metrics.as_json(), allow_nan=False)
    logged = logged_metrics(metrics)
    assert logged["test/accuracy"] == 4 / 6
    assert logged["test_2012/accuracy"] == 0.5
    assert logged["test/baseline_majority_accuracy"] == 0.5
    assert "test/top1_roc_auc" in logged and "test_2012/top1_roc_auc" not in logged


def test_a_stratified_task_has_its_test_split_as_headline():
    splits = {"large_test": split([0, 0], [1, 1]), "test": split([0, 1], [0, 1])}
    metrics = metrics_of("ABCDEF", splits, np.ones(6), {"accuracy": 0.9})
    assert (metrics.headline, metrics.accuracy) == ("test", 1.0)
    assert metrics.splits["large_test"].accuracy == 0.0
    assert metrics.top5_accuracy == 1.0
    written = metrics.as_json()
    assert "by_year" not in written and "top1" not in written and "by_class" not in written
    assert logged_metrics(metrics)["large_test/accuracy"] == 0.0


def test_a_year_has_its_own_reference():
    release = {
        "accuracy": 0.7,
        "top1_average_precision": 0.3,
        "posterior": {},
        "by_year": {"2011": {"accuracy": 0.9, "top1_average_precision": 0.5}},
    }
    splits = {"test_2011": levels([0, 1, 2], [0, 1, 2]), "test_2012": levels([2], [2])}
    metrics = metrics_of(LEVELS, splits, np.ones(4), release)

    def values(part):
        assert set(part.references) == {"bayes_optimal"}
        reference = part.references["bayes_optimal"]
        return [reference.value(metric) for metric in (Metric.ACCURACY, Metric.TOP1_PR_AUC)]

    assert values(metrics.by_year["2011"]) == [0.9, 0.5]
    assert values(metrics.by_year["2012"]) == [0.7, 0.3]
    assert values(metrics) == pytest.approx([(3 * 0.9 + 0.7) / 4, (3 * 0.5 + 0.3) / 4])
    assert (
        logged_metrics(metrics)["test/bayes_optimal_accuracy"] == metrics.references["bayes_optimal"].accuracy
    )


def test_a_reference_for_bags_of_words_is_no_upper_bound():
    rates = {"accuracy": 0.9, "bag_of_words_accuracy": 0.8}
    references = metrics_of("AB", {"test": split([0, 1], [0, 1])}, [1, 1], rates).references
    bounds = {name: (each.accuracy, each.upper_bound) for name, each in references.items()}
    assert bounds == {"bayes_optimal": (0.9, True), "bayes_optimal_bag_of_words": (0.8, False)}
    table = comparison_table(metrics_of("AB", {"test": split([0, 1], [0, 1])}, [1, 1], rates))
    titles = [each.title for each in references.values()]
    assert table.columns[-2:] == titles
    assert line(table, "accuracy")[-2:] == ["90.0 %", "80.0 %"]


def test_an_undefined_metric_is_a_dash_and_not_zero():
    """Of a hundred patents none is predicted top1. zerocite is predicted but has no patents."""
    truth = 10 * [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]
    predicted = 10 * [1, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    splits = {"test_2011": levels(truth, predicted), "test_2012": levels(10 * [0, 1], 10 * [0, 1])}
    metrics = metrics_of(LEVELS, splits, [2, 3, 5, 1])
    year = metrics.by_year["2011"]
    top1, zerocite = year.per_class["top1"], year.per_class["zerocite"]
    assert (top1.precision, top1.recall) == (None, 0)
    assert (year.value(Metric.TOP1_PRECISION), year.interval(Metric.TOP1_PRECISION)) == (None, None)
    assert (zerocite.precision, zerocite.recall, zerocite.intervals["recall"]) == (0, None, None)
    assert year.macro_precision == pytest.approx((0 + 2 / 4 + 4 / 5 + 0) / 4)  # as in scikit-learn
    assert year.weighted_recall == pytest.approx((0 + 2 + 4) / 10)
    logged = logged_metrics(metrics)
    assert "test_2012/top1_precision" in logged and "test_2011/top1_precision" not in logged
    json.dumps(metrics.as_json(), allow_nan=False)

    precision, recall, *_ = level_tables({"2011": year, "2012": metrics.by_year["2012"]})
    assert (line(precision, "top1"), line(recall, "top1")) == (["–", "1.000"], ["0.000", "1.000"])
    assert (line(precision, "zerocite"), line(recall, "zerocite")) == (2 * ["too few"], 2 * ["too few"])
    assert line(split_table(metrics.splits), "precision") == ["–", "1.000"]
    alone = metrics_of(LEVELS, {"test_2011": levels(truth, predicted)}, [2, 3, 5, 1])
    assert line(class_table(alone), "top1")[:4] == ["20", "–", "0.000", "0.000"]
    assert line(comparison_table(alone), "precision")[0] == "–"


def test_a_label_with_too_few_patents_for_a_metric_says_so():
    """Nine patents of top1 and of btm90, ten and more of the others; one class has nine patents."""
    truth = np.repeat([0, 1, 2, 3], [9, 10, 9, 40])
    metrics = metrics_of(LEVELS, {"test_2011": levels(truth, truth)}, np.ones(4))
    assert {label: each.too_few for label, each in metrics.per_class.items()} == {
        "top1": True, "top10": False, "btm90": True, "zerocite": False,
    }  # fmt: skip
    assert metrics.as_json()["per_class"]["top1"]["too_few"] is True
    assert "too_few" not in metrics.as_json()["per_class"]["top10"]
    table = class_table(metrics)
    assert line(table, "top1")[:5] == ["9", *4 * ["too few"]]
    assert line(table, "top10")[:5] == ["10", *4 * ["1.000"]]
    compared = comparison_table(metrics)
    assert line(compared, "ROC-AUC")[0] == line(compared, "PR-AUC of top1")[1] == "too few"
    assert line(compared, "accuracy")[0] == "100.0 %"
    assert line(compared, "share of top1 among the patents")[0] == "13.2 %"
    many = metrics_of(LEVELS, {"test_2011": levels(np.repeat(truth, 2), np.repeat(truth, 2))}, np.ones(4))
    assert line(comparison_table(many), "ROC-AUC")[0] == "1.000"


def test_a_class_or_year_with_too_few_patents_says_so():
    splits = {"test_2011": levels([0, 1, 2] * 4, [0, 1, 2] * 4), "test_2012": levels([2] * 9, [2] * 9)}
    metrics = metrics_of(LEVELS, splits, np.ones(4))
    assert (metrics.by_year["2011"].too_few, metrics.by_year["2012"].too_few) == (False, True)
    assert line(split_table(metrics.splits), "accuracy") == ["100.0 %", "too few"]
    of_class = GroupMetrics.model_validate(metrics.by_year["2012"].model_dump(include=set(GROUP)))
    cells = line(group_table({"A01": of_class}, "CPC class"), "A01")
    assert cells[0] == "9" and set(cells[1:]) == {"too few", ""}
