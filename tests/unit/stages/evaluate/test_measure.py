import dataclasses
import json

import numpy as np
import pytest

from patent_spark.config import Evaluate
from patent_spark.core.schemas import LEVELS
from patent_spark.experiments.compare.collect import TaskPair
from patent_spark.experiments.compare.tables import figure_table, label_table
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.estimator import said
from patent_spark.metrics.prediction_records import Judged
from patent_spark.stages.evaluate.measure import task_result, tracked_figures
from patent_spark.stages.evaluate.report_tables import class_table, contest_table, level_tables, split_table
from patent_spark.stages.evaluate.warnings import doubts_about

QUICK = Evaluate(resamples=50)


def says(truth, predicted, labels, top1=None):
    """Sure of its label; top1: the probability of that level, when it shall rank the patents."""
    probabilities = np.eye(labels, dtype=np.float32)[np.asarray(predicted)]
    words = said(
        np.asarray(truth), probabilities, list(LEVELS) if labels == 4 else [str(i) for i in range(labels)]
    )
    return words if top1 is None else dataclasses.replace(words, top1=np.asarray(top1, np.float32))


def judged(truth, predicted, linear=None, labels=4, top1=None, nearest=None):
    count = len(truth)
    model = says(truth, predicted, labels, top1)
    others = {"tfidf_linear": linear, "tfidf_nearest": nearest}
    readers = {
        name: says(truth, truth if said_ is None else said_, labels, top1) for name, said_ in others.items()
    }
    return Judged(
        np.arange(count),
        np.asarray(truth, np.int16),
        np.arange(count),
        np.full(count, "H04", "S3"),
        {"model": model, "uncalibrated": model, **readers},
    )


def levels(truth, predicted, linear=None):
    return judged(truth, predicted, linear, top1=np.linspace(1, 0, len(truth)))


def result_of(labels, splits, training, attainable=None):
    return task_result(
        labels, splits, training, attainable, Calibration(1.25, learned_on="development", patents=9), QUICK
    )


def test_years_are_pooled_into_the_headline():
    splits = {
        "test_2011": levels([0, 1, 2, 3], [0, 1, 2, 2]),
        "test_2012": levels([2, 2], [2, 3], linear=[0, 0]),
    }
    result = result_of(list(LEVELS), splits, np.array([1, 2, 9, 4]), None)
    assert (result["headline"], result["accuracy"], result["examples"]) == ("test_years", 4 / 6, 6)
    assert {year: each["accuracy"] for year, each in result["by_year"].items()} == {"2011": 0.75, "2012": 0.5}
    assert result["by_year"]["2012"] == result["splits"]["test_2012"]
    assert result["confusion"]["matrix"] == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 2, 1], [0, 0, 1, 0]]
    assert {name: values["accuracy"] for name, values in result["baselines"].items()} == {
        "majority": 3 / 6,
        "class_prior": pytest.approx((1 * 1 + 1 * 2 + 3 * 9 + 1 * 4) / 16 / 6),
        "tfidf_nearest": 1.0,
        "tfidf_linear": 4 / 6,
    }
    assert result["top1"]["precision"] == 1.0
    assert result["by_year"]["2012"]["top1"]["roc_auc"] is None
    assert result["attainable"] is None
    json.dumps(result, allow_nan=False)
    flat = tracked_figures(result)
    assert flat["test/accuracy"] == 4 / 6
    assert flat["test_2012/accuracy"] == 0.5
    assert flat["test/baseline_majority_accuracy"] == 0.5
    assert "test/top1_roc_auc" in flat and "test_2012/top1_roc_auc" not in flat


def test_a_stratified_task_has_its_test_split_as_headline():
    splits = {"large_test": judged([0, 0], [1, 1], labels=6), "test": judged([0, 1], [0, 1], labels=6)}
    result = result_of(list("ABCDEF"), splits, np.ones(6, int), {"accuracy": 0.9})
    assert (result["headline"], result["accuracy"], result["splits"]["large_test"]["accuracy"]) == (
        "test",
        1.0,
        0.0,
    )
    assert result["top5_accuracy"] == 1.0
    assert "by_year" not in result
    assert "top1" not in result
    assert tracked_figures(result)["large_test/accuracy"] == 0.0


def test_a_year_has_its_own_attainable():
    release = {
        "accuracy": 0.7,
        "top1_average_precision": 0.3,
        "posterior": {},
        "by_year": {"2011": {"accuracy": 0.9, "top1_average_precision": 0.5}},
    }
    splits = {"test_2011": levels([0, 1, 2], [0, 1, 2]), "test_2012": levels([2], [2])}
    result = result_of(list(LEVELS), splits, np.ones(4, int), release)
    assert result["by_year"]["2011"]["attainable"] == {"accuracy": 0.9, "top1_average_precision": 0.5}
    assert result["by_year"]["2012"]["attainable"] == {"accuracy": 0.7, "top1_average_precision": 0.3}
    assert result["attainable"] == pytest.approx(
        {"accuracy": (3 * 0.9 + 0.7) / 4, "top1_average_precision": (3 * 0.5 + 0.3) / 4}
    )


def test_what_cannot_be_had_is_a_dash_and_no_zero():
    """Of ten patents none is called top1, and zerocite is called but has none."""
    truth, predicted = [0, 0, 1, 1, 1, 2, 2, 2, 2, 2], [1, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    result = result_of(
        list(LEVELS),
        {"test_2011": levels(truth, predicted), "test_2012": levels([0, 1], [0, 1])},
        np.array([2, 3, 5, 1]),
    )
    year = result["by_year"]["2011"]
    top1, zerocite = year["per_class"]["top1"], year["per_class"]["zerocite"]
    assert (
        top1["precision"],
        top1["recall"],
        year["top1"]["precision"],
        year["top1"]["intervals"]["precision"],
    ) == (None, 0, None, None)
    assert (zerocite["precision"], zerocite["recall"], zerocite["intervals"]["recall"]) == (0, None, None)
    assert year["macro_precision"] == pytest.approx((0 + 2 / 4 + 4 / 5 + 0) / 4)  # as scikit-learn has it
    assert year["weighted_recall"] == pytest.approx((0 + 2 + 4) / 10)
    assert "test_2012/top1_precision" in tracked_figures(
        result
    ) and "test_2011/top1_precision" not in tracked_figures(result)
    json.dumps(result, allow_nan=False)

    def line(table, name):
        return [cell.text for cell in next(row for row in table.rows if row.name == name).cells]

    precision, recall, *_ = level_tables({"2011": year, "2012": result["by_year"]["2012"]})
    assert (line(precision, "top1"), line(recall, "top1")) == (["–", "1.000"], ["0.000", "1.000"])
    assert (line(precision, "zerocite"), line(recall, "zerocite")) == (["0.000", "–"], ["–", "–"])
    assert line(split_table(result["splits"]), "precision") == ["–", "1.000"]
    alone = result_of(list(LEVELS), {"test_2011": levels(truth, predicted)}, np.array([2, 3, 5, 1]))
    assert line(class_table(alone), "top1")[:4] == ["2", "–", "0.000", "0.000"]
    assert line(contest_table(alone), "precision")[0] == "–"
    both = TaskPair((alone, result), None, "the test sets differ", 0, ({}, {}))
    assert line(label_table(both), "zerocite")[:3] == ["0", "–", "–"]
    assert line(figure_table(both), "precision") == ["–", "1.000", ""]


def text_of(result, training=(5, 5, 5, 5)):
    labels = result["labels"]
    return "\n".join(doubts_about(result, dict(zip(labels, training, strict=False)), 0.95))


def test_doubts():
    many = np.tile([0, 1, 2, 3], 400)
    wrong = (many + 1) % 4
    fine = np.where(np.arange(1600) % 5, many, wrong)
    assert (
        text_of(
            result_of(
                list("ABCD"),
                {"test": judged(many, fine, wrong, nearest=wrong)},
                np.array([5, 5, 5, 5]),
                {"accuracy": 0.81},
            )
        )
        == ""
    )
    found = text_of(
        result_of(list("ABCD"), {"test": judged(many, fine)}, np.array([5, 5, 5, 5]), {"accuracy": 0.7})
    )
    assert "The model is worse than TF-IDF nearest in accuracy (−0.200, 95 % interval −0.2" in found
    assert "above the best attainable on this release (70.0 %): look for a leak" in found
    found = text_of(
        result_of(list("ABCD"), {"test": judged([0, 0, 1, 3], [1, 1, 0, 0])}, np.array([5, 5, 5, 0]), None),
        (5, 5, 5, 0),
    )
    assert "Only 4 test patents" in found
    assert "no better than always saying the most frequent label" in found
    assert "1 label (D) is in the test but not in the training patents" in found
    found = text_of(
        result_of(list("ABCD"), {"test": judged([0, 2, 3, 0], [0, 0, 0, 0])}, np.array([5, 5, 5, 5]), None)
    )
    assert "2 labels (C, D) are never predicted" in found
    first, last = levels(many, many), levels(many, fine)
    found = text_of(
        result_of(list(LEVELS), {"test_2011": first, "test_2012": last}, np.array([5, 5, 5, 5]), None)
    )
    assert "Accuracy falls from 100.0 % in 2011 to 80.0 % in 2012" in found
    ranked = np.sort(many)
    found = text_of(
        result_of(list(LEVELS), {"test_2011": levels(ranked, ranked)}, np.array([5, 5, 5, 5]), None)
    )
    assert "ROC-AUC of top1 is 1.000" in found


def test_labels_of_another_frequency_than_in_training_are_told():
    """Twice as often, of enough patents to know; of fewer, or by less, nothing is said."""
    many = np.repeat([0, 1, 2, 3], [40, 160, 1200, 600])
    result = result_of(list(LEVELS), {"test_2011": levels(many, many)}, np.ones(4, int))
    found = text_of(result, (200, 400, 2400, 1000))
    assert (
        "top1 is 5.0 % of the training but 2.0 % of the test patents, more apart than by chance" in found
        and "label.reference_set" in found
    )
    assert found.count("of the training but") == 1
    assert "of the training but" not in text_of(result, (5, 8, 60, 27))  # 5 of 100: chance
    assert "of the training but" not in text_of(
        result, (1160, 3200, 24000, 11640)
    )  # 2.9 %: less than half as much again
    classes = result_of(list("ABCD"), {"test": judged(many, many)}, np.ones(4, int))
    told = "Classes are not as frequent in the test as in training: 13.0 % of the patents would have to change theirs."
    assert told in text_of(classes, (300, 160, 940, 600))
    assert "as frequent" not in text_of(classes, (1, 1, 4, 4)) + text_of(classes, (50, 160, 1200, 600))
