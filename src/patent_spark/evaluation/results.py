"""What METRICS/<task>.json says: the figures of a task, for each test split and as a headline, beside the baselines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.evaluation import metrics
from patent_spark.evaluation.baselines import CLASS_PRIOR, MAJORITY, TFIDF_LINEAR, majority_matrix, prior_matrix
from patent_spark.evaluation.predictions import Judged, pool
from patent_spark.schemas import LARGE_TEST, TEST, TOP1

Result = dict[str, Any]


def task_result(labels: list[str], splits: Mapping[str, Judged], training: NDArray[np.int64], attainable: Mapping[str, Any] | None) -> Result:
    """The figures of one task.

    The top level is the headline: the split `test`, or all test years pooled. `splits` has the same for each test
    split, and `by_year` for each test year. training: training patents of each label. attainable: what a simulated
    release says the best possible classifier reaches, else None.
    """
    by_split = {name: split_result(judged, labels, training) for name, judged in splits.items()}
    sizes = {name: result["examples"] for name, result in by_split.items()}
    for name, result in by_split.items():
        result["attainable"] = attainable_on(attainable, {name: sizes[name]})
    years = {year_of(name): result for name, result in by_split.items() if year_of(name)}
    name = headline_split(list(splits))
    if name in by_split:
        headline = by_split[name]
    else:
        pooled = [split for split in splits if year_of(split)]
        headline = split_result(pool([splits[split] for split in pooled]), labels, training)
        headline["attainable"] = attainable_on(attainable, {split: sizes[split] for split in pooled})
    result = headline | {"headline": name, "labels": labels, "splits": by_split}
    return result | ({"by_year": years} if years else {})


def attainable_on(release: Mapping[str, Any] | None, sizes: Mapping[str, int]) -> dict[str, float] | None:
    """The attainable on some splits together; sizes: their patents.

    A test year has its own where the release tells it by grant year, and years count by their patents.
    """
    if not release:
        return None
    by_year = release.get("by_year") or {}
    parts = [by_year.get(year_of(split), release) for split in sizes]
    weights = [max(1, size) / sum(max(1, other) for other in sizes.values()) for size in sizes.values()]
    names = [name for name in _ATTAINABLE if all(name in part for part in parts)]
    return {name: sum(part[name] * weight for part, weight in zip(parts, weights, strict=True)) for name in names}


_ATTAINABLE = ("accuracy", "bag_of_words_accuracy", "top1_average_precision")


def split_result(judged: Judged, labels: list[str], training: NDArray[np.int64]) -> Result:
    """Figures of the model and of each baseline on the same patents."""
    count = len(labels)
    matrix = metrics.confusion(judged.truth, judged.predicted, count)
    test = matrix.sum(axis=1)
    linear = metrics.figures(metrics.confusion(judged.truth, judged.linear, count), labels)
    result = metrics.figures(matrix, labels) | {"confusion": {"labels": labels, "matrix": matrix.tolist()}}
    if count > 5:
        result["top5_accuracy"] = float(judged.top5.mean()) if len(judged.top5) else 0.0
    if TOP1 in labels:
        result["top1"] = _top1(judged, labels, judged.top1_score, result)
        linear["top1"] = _top1(judged, labels, judged.top1_linear, linear)
    result["baselines"] = {
        MAJORITY: metrics.figures(majority_matrix(training, test), labels),
        CLASS_PRIOR: metrics.figures(prior_matrix(training, test), labels),
        TFIDF_LINEAR: linear,
    }
    return result


def headline_split(splits: list[str]) -> str:
    """`test` where there is one; else `test_years`, all test years together; else the large test set."""
    if TEST in splits:
        return TEST
    return "test_years" if any(year_of(split) for split in splits) else LARGE_TEST


def year_of(split: str) -> str:
    """The grant year of a split such as test_2011; empty for others."""
    match = re.fullmatch(rf"{TEST}_(\d{{4}})", split)
    return match[1] if match else ""


def tracked_figures(result: Result) -> dict[str, float]:
    """The figures that go to MLflow beside the training metrics, under flat names."""
    named = {"test": result} | {split: figures for split, figures in result["splits"].items() if split != TEST}
    flat: dict[str, float | None] = {}
    for split, figures in named.items():
        for name in ("accuracy", "macro_f1", "weighted_f1", "top5_accuracy"):
            flat[f"{split}_{name}"] = figures.get(name)
        for name, value in figures.get("top1", {}).items():
            flat[f"{split}_top1_{name}"] = value
        for baseline, values in figures["baselines"].items():
            flat[f"{split}_baseline_{baseline}_accuracy"] = values["accuracy"]
    for name, value in (result["attainable"] or {}).items():
        flat[f"attainable_{name}"] = value
    return {name: float(value) for name, value in flat.items() if value is not None}


def _top1(judged: Judged, labels: list[str], score: NDArray[np.float32], figures: Result) -> Result:
    decided = {name: figures["per_class"][TOP1][name] for name in ("precision", "recall", "f1")}
    return decided | metrics.ranking(judged.truth == labels.index(TOP1), score)
