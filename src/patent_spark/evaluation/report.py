"""The report: one HTML file that needs nothing beside it, and the same figures as PNG files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.evaluation import figures
from patent_spark.evaluation.baselines import ABOUT, BASELINES, NAMES, TFIDF_LINEAR
from patent_spark.evaluation.provenance import Provenance, provenance
from patent_spark.evaluation.words import Neighbours
from patent_spark.pages import Picture, picture, render_page
from patent_spark.store import Store, write_text

TITLES = {TECHNOLOGY: "Technology class", CITATION_LEVEL: "Citation level"}
QUESTIONS = {
    TECHNOLOGY: "Which CPC class is a patent listed under, from its title and abstract alone?",
    CITATION_LEVEL: "How cited will a patent be within its class after five years, from its title and abstract alone?",
}

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


@dataclass(frozen=True)
class Row:
    """A line of the table of splits: a figure and its value for each column."""

    name: str
    values: list[float | None]
    form: str
    """share, number, count, times, or title for a heading."""


def write_report(folder: Path, store: Store, parts: list[TaskPart], words: list[Neighbours]) -> None:
    """Write report.html and figures/*.png into the folder."""
    (folder / "figures").mkdir()
    tasks = [_task_page(part, folder / "figures") for part in parts]
    write_text(folder / "report.html", render(tasks, words, provenance(store)))


def render(tasks: list[dict[str, Any]], words: list[Neighbours], origin: Provenance) -> str:
    """The page as HTML."""
    return render_page("patent_spark.evaluation", "report.html", tasks=tasks, words=words, origin=origin, about=ABOUT, names=NAMES)


def _task_page(part: TaskPart, folder: Path) -> dict[str, Any]:
    """Everything that the template shows of a task."""
    result = part.result
    columns = list(result["splits"])
    if result["headline"] == "test_years":
        columns = [*columns, "test_years"]
    results = [result if name == "test_years" else result["splits"][name] for name in columns]
    several = len(result["splits"]) > 1
    return {
        "task": part.task,
        "title": TITLES[part.task],
        "question": QUESTIONS[part.task],
        "result": result,
        "headline": _split_name(result["headline"]),
        "bars": _bars(result),
        "contest": _contest(result),
        "columns": [_split_name(name) for name in columns],
        "rows": _split_rows(results) if several else [],
        "level_tables": _level_tables(results) if several and result.get("by_year") else [],
        "classes": _class_rows(result),
        "pictures": _pictures(part, folder),
        "paper": PAPER[part.task],
    }


def _contest(result: dict[str, Any]) -> dict[str, Any]:
    """The headline figures as a table: a column for the model, for each baseline, and for the attainable."""
    columns = {"this model": result, **{NAMES[name]: result["baselines"][name] for name in reversed(BASELINES)}}
    if result["attainable"]:
        columns["best attainable"] = result["attainable"]
    rows = [Row(name, [figures_.get(place) for figures_ in columns.values()], kind) for name, place, kind in _CONTEST_ROWS]
    if "top1" in result:
        known = [figures_.get("top1", {}).get("pr_auc", figures_.get("top1_average_precision")) for figures_ in columns.values()]
        rows.append(Row("PR-AUC of top1", known, "number"))
    return {"columns": list(columns), "rows": [row for row in rows if row.values[0] is not None]}


_CONTEST_ROWS = (
    ("accuracy", "accuracy", "share"),
    ("truth among the five most probable", "top5_accuracy", "share"),
    ("macro F1", "macro_f1", "number"),
    ("macro precision", "macro_precision", "number"),
    ("macro recall", "macro_recall", "number"),
    ("weighted F1", "weighted_f1", "number"),
)


def _bars(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The headline accuracy beside what it must be compared with."""
    bars = [{"name": "this model", "value": result["accuracy"], "kind": "model"}]
    bars += [{"name": NAMES[name], "value": values["accuracy"], "kind": "baseline"} for name, values in reversed(result["baselines"].items())]
    attainable = result["attainable"] or {}
    names = {"accuracy": "best attainable", "bag_of_words_accuracy": "best for a bag of words"}
    bars += [{"name": names[name], "value": attainable[name], "kind": "attainable"} for name in names if attainable.get(name) is not None]
    return bars


def _split_name(split: str) -> str:
    return {"test_years": "all years", "large_test": "large test"}.get(split, split.removeprefix("test_"))


def _split_rows(results: list[dict[str, Any]]) -> list[Row]:
    """The table with a column for each test split: the model, then the baselines, then the attainable."""
    rows = [_row("test patents", "examples", results, "count"), _heading("this model")]
    rows += [_row(name, place, results, kind) for name, place, kind in _MODEL_ROWS if place in results[0]]
    if "top1" in results[0]:
        rows += [_heading("finding top1"), *(_row(name, f"top1.{place}", results, kind) for name, place, kind in _TOP1_ROWS)]
    rows.append(_heading("accuracy of the baselines"))
    rows += [_row(NAMES[name], f"baselines.{name}.accuracy", results) for name in reversed(BASELINES)]
    rows.append(_row("TF-IDF + linear: macro F1", f"baselines.{TFIDF_LINEAR}.macro_f1", results, "number"))
    if "top1" in results[0]:
        rows.append(_row("TF-IDF + linear: PR-AUC of top1", f"baselines.{TFIDF_LINEAR}.top1.pr_auc", results, "number"))
    if results[0]["attainable"]:
        rows += [_heading("best attainable on this simulated release"), _row("accuracy", "attainable.accuracy", results)]
        if "top1_average_precision" in results[0]["attainable"]:
            rows.append(_row("PR-AUC of top1", "attainable.top1_average_precision", results, "number"))
    return rows


def _row(name: str, place: str, results: list[dict[str, Any]], kind: str = "share") -> Row:
    """`place` is the way to the figure in a result: baselines.majority.accuracy."""
    values: list[Any] = results
    for key in place.split("."):
        values = [value[key] for value in values]
    return Row(name, values, kind)


def _heading(name: str) -> Row:
    return Row(name, [], "title")


_MODEL_ROWS = (
    ("accuracy", "accuracy", "share"),
    ("truth among the five most probable", "top5_accuracy", "share"),
    ("macro F1", "macro_f1", "number"),
    ("weighted F1", "weighted_f1", "number"),
)
_TOP1_ROWS = (
    ("share of top1 among the test patents", "share", "share"),
    ("precision", "precision", "number"),
    ("recall", "recall", "number"),
    ("PR-AUC (floor: the share above)", "pr_auc", "number"),
    ("ROC-AUC", "roc_auc", "number"),
    ("precision in the first 1 %", "precision_at_1_percent", "number"),
    ("lift in the first 1 %", "lift_at_1_percent", "times"),
)


def _class_rows(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Appendix B: a line for each label, with the linear baseline's F1 and the label it is most often mistaken for."""
    labels, matrix = result["labels"], np.array(result["confusion"]["matrix"])
    linear = result["baselines"][TFIDF_LINEAR]["per_class"]
    rows = []
    for i, label in enumerate(labels):
        errors = matrix[i].copy()
        errors[i] = 0
        worst = int(errors.argmax())
        mistaken = {"label": labels[worst], "share": errors[worst] / matrix[i].sum()} if errors[worst] else None
        rows.append({"label": label, **result["per_class"][label], "linear_f1": linear[label]["f1"], "mistaken": mistaken})
    return rows


def _level_tables(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Appendix B by test year: precision, recall, F1 and support of each level, a column a year."""
    tables = []
    for figure, kind in (("precision", "number"), ("recall", "number"), ("f1", "number"), ("support", "count")):
        rows = [_row(label, f"per_class.{label}.{figure}", results, kind) for label in results[0]["per_class"]]
        tables.append({"figure": "F1" if figure == "f1" else figure, "rows": rows})
    return tables


def _pictures(part: TaskPart, folder: Path) -> list[Picture]:
    result = part.result
    pictures = []
    for direction, shown in (("row", "recall"), ("column", "precision")):
        path = folder / f"{part.task}_confusion_by_{direction}.png"
        caption = f"Confusion matrix normalised by {direction}; the diagonal is {shown}."
        if len(result["labels"]) <= 6:
            chosen = {_split_name(name): np.array(figures_["confusion"]["matrix"]) for name, figures_ in result["splits"].items()}
            figures.draw_level_panels(path, chosen, result["labels"], direction)
            caption = caption.replace("matrix", "matrices by test year," if result.get("by_year") else "matrices,")
        else:
            figures.draw_confusion(path, np.array(result["confusion"]["matrix"]), result["labels"], direction)
        many = len(result["labels"]) > 30
        kind = "wide" if many else "whole" if result.get("by_year") else "half"
        pictures.append(picture(path, caption + many * " Lines part the CPC sections. Click to see it at full size.", kind))
    if len(result.get("by_year", {})) > 1:
        path = folder / f"{part.task}_by_year.png"
        figures.draw_by_year(path, list(result["by_year"]), _yearly(result))
        pictures.append(picture(path, "Accuracy by grant year of the test patents."))
    if part.history:
        path = folder / f"{part.task}_training.png"
        figures.draw_training(path, part.history)
        kept = result.get("kept_epoch")
        pictures.append(picture(path, f"Training by epoch; the weights of epoch {kept} were kept." if kept else "Training by epoch."))
    return pictures


def _yearly(result: dict[str, Any]) -> dict[str, list[float | None]]:
    years = result["by_year"].values()
    lines: dict[str, list[float | None]] = {"this model": [year["accuracy"] for year in years]}
    lines |= {NAMES[name]: [year["baselines"][name]["accuracy"] for year in years] for name in reversed(BASELINES)}
    if result["attainable"]:
        lines["best attainable"] = [year["attainable"]["accuracy"] for year in years]
    return lines
