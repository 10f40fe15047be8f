"""The report: one HTML file that needs nothing beside it, and the same figures as PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.store import Store, write_json, write_text
from patent_spark.metrics.constant_baselines import ABOUT, BASELINES, NAMES
from patent_spark.reporting.html import render_page
from patent_spark.reporting.provenance import Provenance, provenance
from patent_spark.stages.evaluate.figures import draw_pictures
from patent_spark.stages.evaluate.measure import TEST_YEARS
from patent_spark.stages.evaluate.nearest_words import Neighbours
from patent_spark.stages.evaluate.report_tables import (
    QUESTIONS,
    TITLES,
    class_table,
    cohort_table,
    contest_table,
    lead,
    level_tables,
    split_name,
    split_table,
)

PAPER: dict[str, dict[str, str]] = {
    TECHNOLOGY: {
        "examples": "6,779,660",
        "classes": "125",
        "accuracy, small test set": "71.4 %",
        "accuracy, large test set (5.76 million)": "71.37 %",
        "macro F1": "0.54",
        "weighted F1": "0.71",
    },
    CITATION_LEVEL: {
        "examples": "5,159,188",
        "accuracy on grants of 2011 / 12 / 13 / 14 / 15": "59 / 57 / 55 / 53 / 51 %",
        "top1 precision, recall in every year": "about 99 %, 83 %",
    },
}
"""What the paper reports; its protocol and data differ from ours, so these are landmarks, not targets."""


@dataclass(frozen=True)
class TaskPart:
    """What the report says about one task."""

    task: str
    result: dict[str, Any]
    """As in METRICS."""
    history: list[dict[str, float]]
    """Training metrics by epoch."""


def write_report(folder: Path, store: Store, parts: list[TaskPart], words: list[Neighbours]) -> None:
    """Write report.html, figures/*.png, and all figures of a task as JSON into the folder."""
    (folder / "figures").mkdir()
    for part in parts:
        write_json(folder / f"{part.task}.json", part.result)
    tasks = [_task_page(part, folder / "figures") for part in parts]
    write_text(folder / "report.html", render(tasks, words, provenance(store)))


def render(tasks: list[dict[str, Any]], words: list[Neighbours], origin: Provenance) -> str:
    """The page as HTML."""
    return render_page(
        "patent_spark.stages.evaluate",
        "report.html",
        tasks=tasks,
        words=words,
        origin=origin,
        about=ABOUT,
        names=NAMES,
    )


def _task_page(part: TaskPart, folder: Path) -> dict[str, Any]:
    """Everything that the template shows of a task."""
    result = part.result
    results = dict(result["splits"])
    if result["headline"] == TEST_YEARS:
        results[TEST_YEARS] = result
    several = len(result["splits"]) > 1
    return {
        "task": part.task,
        "title": TITLES[part.task],
        "question": QUESTIONS[part.task],
        "result": result,
        "headline": split_name(result["headline"]),
        "leads": _leads(result),
        "bars": _bars(result),
        "contest": contest_table(result),
        "splits": split_table(results) if several else None,
        "levels": level_tables(results) if several and result.get("by_year") else [],
        "cohorts": [
            cohort_table(result, place, head)
            for place, head in _COHORTS.items()
            if len(result.get(place, ())) > 1
        ],
        "classes": class_table(result),
        "pictures": draw_pictures(part.task, result, part.history, folder),
        "paper": PAPER[part.task],
    }


_COHORTS = {"by_section": "CPC section", "by_class": "CPC class"}


def _leads(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The headline: how much better than the best baseline the model is, in accuracy and at finding `top1`."""
    leads = []
    for figure, name in (("accuracy", "points of accuracy"), ("top1.pr_auc", "PR-AUC of top1")):
        if told := result["best_baseline"].get(figure):
            leads.append(
                {
                    "cell": lead(told, figure),
                    "name": name,
                    "verdict": told["verdict"],
                    "baseline": NAMES[told["baseline"]],
                }
            )
    return leads


def _bars(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The headline accuracy beside what it must be compared with."""
    bars = [{"name": "this model", "value": result["accuracy"], "kind": "model"}]
    bars += [
        {"name": NAMES[name], "value": result["baselines"][name]["accuracy"], "kind": "baseline"}
        for name in reversed(BASELINES)
    ]
    attainable = result["attainable"] or {}
    names = {"accuracy": "best attainable", "bag_of_words_accuracy": "best for a bag of words"}
    bars += [
        {"name": names[name], "value": attainable[name], "kind": "attainable"}
        for name in names
        if attainable.get(name) is not None
    ]
    return bars
