"""What METRICS/<task>.json says: the figures of a task, for each test split and as a headline, beside the baselines."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Evaluate
from patent_spark.core.schemas import TEST, TOP1
from patent_spark.metrics import classification
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.calibration_fit import reliability
from patent_spark.metrics.comparison import Measured, best_baselines, differences, measure, written
from patent_spark.metrics.constant_baselines import BASELINES, CLASS_PRIOR, MAJORITY, class_prior, majority
from patent_spark.metrics.prediction_records import MODEL, TEMPERED, UNCALIBRATED, Judged, pool
from patent_spark.metrics.report_schema import TEST_YEARS, headline_parts, headline_split, year_of_split

Result = dict[str, Any]


def task_result(
    labels: list[str],
    splits: Mapping[str, Judged],
    training: NDArray[np.int64],
    attainable: Mapping[str, Any] | None,
    calibration: Calibration,
    config: Evaluate,
) -> Result:
    """The figures of one task.

    The top level is the headline: the split `test`, or all test years pooled. `splits` has the same for each test
    split, `by_year` for each test year, and `by_section` for the headline's patents of each CPC section; the citation
    level, whose labels are no classes, has `by_class` too. training: training patents of each label. attainable: what
    a simulated release says the best possible classifier reaches, else None. calibration: what the model's
    probabilities went through.
    """
    pooled = pool(list(splits.values()))
    headline = headline_split(list(splits))
    groups, sizes = _groups(splits, headline)
    sections = _cohorts(pooled.cpc_class, groups[headline], "S1")
    classes = _cohorts(pooled.cpc_class, groups[headline], "S3") if TOP1 in labels else {}
    predictors = {MODEL: pooled.says[MODEL]}
    predictors |= {
        MAJORITY: majority(training, pooled.truth, labels),
        CLASS_PRIOR: class_prior(training, pooled.truth, labels),
    }
    predictors |= {name: pooled.says[name] for name in BASELINES if name in pooled.says}
    labelled = [(group, MODEL) for group in groups]
    measured = measure(
        predictors, pooled.truth, pooled.family, labels, groups | sections | classes, config, labelled
    )
    by_split = {}
    for name, chosen in groups.items():
        by_split[name] = _result(measured[name], labels)
        matrix = classification.confusion(
            pooled.truth[chosen], pooled.says[MODEL].predicted[chosen], len(labels)
        )
        by_split[name]["confusion"] = {"labels": labels, "matrix": matrix.tolist()}
        by_split[name]["attainable"] = attainable_on(
            attainable, sizes if name == TEST_YEARS else {name: len(chosen)}
        )
    result = by_split[headline] | {
        "headline": headline,
        "labels": labels,
        "families": len(np.unique(pooled.family[groups[headline]])),
    }
    result["calibration"] = dataclasses.asdict(calibration) | _reliability(pooled, groups[headline], labels)
    result["by_section"] = {name: _result(measured[name], labels, by_label=False) for name in sections}
    if classes:
        result["by_class"] = {
            name: _without_baselines(_result(measured[name], labels, by_label=False)) for name in classes
        }
    if years := {year_of_split(name): by_split[name] for name in splits if year_of_split(name)}:
        result["by_year"] = years
    return result | {"splits": {name: by_split[name] for name in splits}}


def _groups(
    splits: Mapping[str, Judged], headline: str
) -> tuple[dict[str, NDArray[np.int64]], dict[str, int]]:
    """Rows of each split, and of the headline, when all splits are joined; sizes of the splits that are the headline."""
    sizes = {name: len(judged.truth) for name, judged in splits.items()}
    ends = dict(zip(sizes, np.cumsum(list(sizes.values())).tolist(), strict=True))
    groups = {name: np.arange(ends[name] - size, ends[name]) for name, size in sizes.items()}
    parts = {name: sizes[name] for name in headline_parts(list(splits))}
    if headline in groups:
        return groups, parts
    return groups | {headline: np.concatenate([groups[name] for name in parts])}, parts


def _cohorts(
    cpc_class: NDArray[np.bytes_], among: NDArray[np.int64], width: str
) -> dict[str, NDArray[np.int64]]:
    """Rows of the patents of each CPC section (S1) or class (S3); those without a class are in none."""
    codes = cpc_class[among].astype(width).astype(str)
    return {str(code): among[codes == code] for code in np.unique(codes) if code}


def _without_baselines(result: Result) -> Result:
    return {name: value for name, value in result.items() if name != "baselines"}


def attainable_on(release: Mapping[str, Any] | None, sizes: Mapping[str, int]) -> dict[str, float] | None:
    """The attainable on some splits together; sizes: their patents.

    A test year has its own where the release tells it by grant year, and years count by their patents.
    """
    if not release:
        return None
    by_year = release.get("by_year") or {}
    parts = [by_year.get(year_of_split(split), release) for split in sizes]
    weights = [max(1, size) / sum(max(1, other) for other in sizes.values()) for size in sizes.values()]
    names = [name for name in _ATTAINABLE if all(name in part for part in parts)]
    return {
        name: sum(part[name] * weight for part, weight in zip(parts, weights, strict=True)) for name in names
    }


_ATTAINABLE = ("accuracy", "bag_of_words_accuracy", "top1_average_precision")


def _result(measured: Mapping[str, Measured], labels: list[str], *, by_label: bool = True) -> Result:
    """The model's figures on a group of patents, those of the baselines, and how they differ."""
    baselines = {name: measured[name] for name in BASELINES if name in measured}
    told = differences(measured[MODEL], baselines)
    return written(measured[MODEL], labels, by_label=by_label) | {
        "baselines": {
            name: written(each, labels, by_label=by_label) | {"model_better_by": told[name]}
            for name, each in baselines.items()
        },
        "best_baseline": best_baselines(baselines, told),
    }


def _reliability(judged: Judged, chosen: NDArray[np.int64], labels: list[str]) -> Result:
    times = {name: judged.says[of].of(chosen) for name, of in _TIMES.items() if of in judged.says}
    return reliability(times, judged.truth[chosen], labels.index(TOP1) if TOP1 in labels else None)


_TIMES = {"before": UNCALIBRATED, "temperature_alone": TEMPERED, "after": MODEL}


def tracked_figures(result: Result) -> dict[str, float]:
    """The figures that go to MLflow beside the training metrics; what stands before the slash, such as the split, is a group of charts there."""
    named = {"test": result} | {
        split: figures for split, figures in result["splits"].items() if split != TEST
    }
    flat: dict[str, float | None] = {}
    for split, figures in named.items():
        for name in ("accuracy", "macro_f1", "weighted_f1", "top5_accuracy", "kappa", "brier"):
            flat[f"{split}/{name}"] = figures.get(name)
        for name, value in figures.get("top1", {}).items():
            if name != "intervals":
                flat[f"{split}/top1_{name}"] = value
        for baseline, values in figures["baselines"].items():
            flat[f"{split}/baseline_{baseline}_accuracy"] = values["accuracy"]
        for name, against in figures["best_baseline"].items():
            flat[f"{split}/{name.replace('.', '_')}_above_best_baseline"] = against["difference"]
    flat |= {f"test/attainable_{name}": value for name, value in (result["attainable"] or {}).items()}
    flat["test/temperature"] = result["calibration"]["temperature"]
    flat |= {
        f"test/ece_{name}_calibration": result["calibration"][name]["ece"] for name in ("before", "after")
    }
    return {name: float(value) for name, value in flat.items() if value is not None}


def at(result: Mapping[str, Any], place: str) -> Any:
    """A figure of METRICS by its place, such as top1.pr_auc; None where there is none."""
    found: Any = result
    for key in place.split("."):
        found = (found or {}).get(key)
    return found


def interval_at(result: Mapping[str, Any], place: str) -> list[float] | None:
    """Its 95 % interval."""
    way, _, name = place.rpartition(".")
    ends: list[float] | None = at(result, f"{way}.intervals.{name}" if way else f"intervals.{name}")
    return ends
