"""Which figures the report shows of a task, and what is written below them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from patent_spark.metrics.constant_baselines import BASELINES, NAMES
from patent_spark.reporting.html import Picture, picture, share
from patent_spark.stages.evaluate import plots
from patent_spark.stages.evaluate.report_tables import split_name

Result = dict[str, Any]
_FEW_LABELS = 6


def draw_pictures(
    task: str, result: Result, history: Sequence[dict[str, float]], folder: Path
) -> list[Picture]:
    """Draw the task's figures into the folder, as PNG files."""
    pictures = _confusions(task, result, folder)
    if len(result.get("by_year", {})) > 1:
        pictures.append(_by_year(folder / f"{task}_by_year.png", result, "accuracy", "Accuracy"))
        if "top1" in result:
            pictures.append(
                _by_year(folder / f"{task}_top1_by_year.png", result, "top1.pr_auc", "PR-AUC of top1")
            )
    if result["examples"]:
        pictures.append(_reliability(folder / f"{task}_reliability.png", result["calibration"]))
    if history:
        path = folder / f"{task}_training.png"
        plots.draw_training(path, history)
        kept = result.get("kept_epoch")
        pictures.append(
            picture(
                path,
                f"Training by epoch; the weights of epoch {kept} were kept."
                if kept
                else "Training by epoch.",
            )
        )
    return pictures


def _confusions(task: str, result: Result, folder: Path) -> list[Picture]:
    pictures = []
    for direction, shown in (("row", "recall"), ("column", "precision")):
        path = folder / f"{task}_confusion_by_{direction}.png"
        caption = f"Confusion matrix normalised by {direction}; the diagonal is {shown}."
        if len(result["labels"]) <= _FEW_LABELS:
            chosen = {
                split_name(name): np.array(figures_["confusion"]["matrix"])
                for name, figures_ in result["splits"].items()
            }
            plots.draw_confusions(path, chosen, result["labels"], direction)
            caption = caption.replace(
                "matrix", "matrices by test year," if result.get("by_year") else "matrices,"
            )
        else:
            plots.draw_confusion(path, np.array(result["confusion"]["matrix"]), result["labels"], direction)
        many = len(result["labels"]) > 30
        kind = "wide" if many else "whole" if result.get("by_year") else "half"
        pictures.append(
            picture(
                path, caption + many * " Lines part the CPC sections. Click to see it at full size.", kind
            )
        )
    return pictures


def _by_year(path: Path, result: Result, figure: str, name: str) -> Picture:
    """A line for the model with its interval, each baseline and, for the accuracy, the attainable."""
    years = result["by_year"]
    lines = {"this model": [_at(year, figure) for year in years.values()]}
    lines |= {
        NAMES[each]: [_at(year["baselines"][each], figure) for year in years.values()]
        for each in reversed(BASELINES)
    }
    attainable = {"accuracy": "accuracy", "top1.pr_auc": "top1_average_precision"}[figure]
    if result["attainable"] and attainable in result["attainable"]:
        lines["best attainable"] = [year["attainable"][attainable] for year in years.values()]
    family, _, last = figure.rpartition(".")
    ends = [(year[family] if family else year).get("intervals", {}).get(last) for year in years.values()]
    plots.draw_by_year(path, list(years), lines, ends, name)
    return picture(path, f"{name} by grant year of the test patents; shaded: the model's 95 % interval.")


def _reliability(path: Path, calibration: Result) -> Picture:
    """Reliability of the most probable label, and of top1 where there is one."""
    panels = {"most probable label": {name: calibration[name] for name in ("before", "after")}}
    if "top1" in calibration["after"]:
        panels["top1"] = {name: calibration[name]["top1"] for name in ("before", "after")}
    plots.draw_reliability(path, panels)
    how = (
        "A power and a factor for each level"
        if calibration["slopes"]
        else f"Temperature {calibration['temperature']:.2f}"
    )
    learned = f"{how}, learned on {calibration['patents']:,} development patents ({calibration['why']})"
    if calibration["learned_on"] is None:
        learned = "Not calibrated: there are no development patents to learn from"
    errors = [
        f"{share(panel['before']['ece'])} before, {share(panel['after']['ece'])} after ({name})"
        for name, panel in panels.items()
    ]
    if "temperature_alone" in calibration:
        alone = [
            share(told["ece"])
            for told in (calibration["temperature_alone"], calibration["temperature_alone"]["top1"])
        ]
        errors.append(
            f"with a temperature alone, {calibration['temperature']:.2f}: {alone[0]} and {alone[1]}"
        )
    caption = f"Reliability: of patents with like probability (ten groups of equal size), how often it came true. {learned}. Expected calibration error "
    return picture(path, caption + "; ".join(errors) + ".", "half" if len(panels) == 1 else "whole")


def _at(figures_: Result, place: str) -> float | None:
    for key in place.split("."):
        figures_ = figures_[key]
    return figures_  # type: ignore[return-value]
