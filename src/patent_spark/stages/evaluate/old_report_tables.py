"""The report's tables: what METRICS says, as rows of cells with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.metrics.constant_baselines import BASELINES, NAMES, TFIDF_LINEAR
from patent_spark.metrics.report_schema import COMPARED, TEST_YEARS
from patent_spark.reporting.html import Cell, Row, Table, count, form, number, share, signed

Result = dict[str, Any]

TITLES = {TECHNOLOGY: "Technology class", CITATION_LEVEL: "Citation level"}
QUESTIONS = {
    TECHNOLOGY: "Which CPC class is a patent listed under, from its title and abstract alone?",
    CITATION_LEVEL: "How cited will a patent be within its class after five years, from its title and abstract alone?",
}

FIGURES = (
    ("accuracy", "accuracy", "share"),
    ("truth among the five most probable", "top5_accuracy", "share"),
    ("macro F1", "macro_f1", "number"),
    ("weighted F1", "weighted_f1", "number"),
    ("kappa, quadratic weights", "kappa", "number"),
    ("Brier score (less is better)", "brier", "number"),
)
"""Name, way to it in METRICS, and form of each figure."""
TOP1_FIGURES = (
    ("share of top1 among the patents", "top1.share", "share"),
    ("precision", "top1.precision", "number"),
    ("recall", "top1.recall", "number"),
    ("PR-AUC (by chance: the share above)", "top1.pr_auc", "number"),
    ("ROC-AUC", "top1.roc_auc", "number"),
    ("precision in the first 1 %", "top1.precision_at_1_percent", "number"),
    ("lift in the first 1 %", "top1.lift_at_1_percent", "times"),
    ("precision in the first 5 %", "top1.precision_at_5_percent", "number"),
    ("lift in the first 5 %", "top1.lift_at_5_percent", "times"),
    ("recall at the fixed precision", "top1.recall_at_precision", "number"),
    ("Brier score of top1", "top1.brier", "number"),
)
"""Those of the citation level, about the patents of `top1`."""
_ATTAINABLE = {"accuracy": "accuracy", "top1.pr_auc": "top1_average_precision"}

SECTIONS = {
    "A": "Human necessities",
    "B": "Performing operations; transporting",
    "C": "Chemistry; metallurgy",
    "D": "Textiles; paper",
    "E": "Fixed constructions",
    "F": "Mechanical engineering; lighting; heating; weapons; blasting",
    "G": "Physics",
    "H": "Electricity",
    "Y": "New and cross-sectional technologies",
}
"""The sections of the Cooperative Patent Classification."""


def contest_table(result: Result) -> Table:
    """The headline's figures: a column for the model, for each baseline, and for the attainable; then the model's lead."""
    others = list(reversed(BASELINES))
    columns = [result, *(result["baselines"][name] for name in others)]
    best = result["attainable"]

    def row(name: str, place: str, kind: str) -> Row:
        known = [Cell(form(best.get(_ATTAINABLE.get(place, "")), kind))] if best else []
        return Row(name, [*(cell(figures, place, kind) for figures in columns), *known])

    rows = [row(*figure) for figure in FIGURES if figure[1] in result]
    if "top1" in result:
        rows += [Row("finding top1"), *(row(*figure) for figure in TOP1_FIGURES)]
    rows.append(Row("by how much this model is better"))
    for figure in (figure for figure in COMPARED if figure in result["best_baseline"]):
        leads = [lead(result["baselines"][name]["model_better_by"][figure], figure) for name in others]
        rows.append(Row(_name_of(figure), [Cell(""), *leads, *([Cell("")] if best else [])]))
    return Table(
        ["", "this model", *(NAMES[name] for name in others), *(["best attainable"] if best else [])], rows
    )


def split_table(results: Mapping[str, Result]) -> Table:
    """A column for each test split: the model, its lead, the baselines, the attainable."""
    parts = list(results.values())
    rows = [Row("test patents", [Cell(count(part["examples"])) for part in parts]), Row("this model")]
    rows += [_across(parts, *figure) for figure in FIGURES if figure[1] in parts[0]]
    rows.append(
        Row(
            "more accurate than the best baseline by",
            [lead(part["best_baseline"]["accuracy"], "accuracy") for part in parts],
        )
    )
    if "top1" in parts[0]:
        rows += [Row("finding top1"), *(_across(parts, *figure) for figure in TOP1_FIGURES)]
        rows.append(
            Row(
                "PR-AUC above that of the best baseline by",
                [lead(part["best_baseline"]["top1.pr_auc"], "top1.pr_auc") for part in parts],
            )
        )
    rows.append(Row("accuracy of the baselines"))
    rows += [
        _across(parts, NAMES[name], f"baselines.{name}.accuracy", "share") for name in reversed(BASELINES)
    ]
    if "top1" in parts[0]:
        rows.append(Row("PR-AUC of top1 of the baselines"))
        rows += [
            _across(parts, NAMES[name], f"baselines.{name}.top1.pr_auc", "number")
            for name in reversed(BASELINES)
        ]
    if parts[0]["attainable"]:
        rows.append(Row("best attainable on this simulated release"))
        known = [
            (_name_of(place), f"attainable.{name}", place)
            for place, name in _ATTAINABLE.items()
            if name in parts[0]["attainable"]
        ]
        rows += [
            _across(parts, name, place, "share" if figure == "accuracy" else "number")
            for name, place, figure in known
        ]
    return Table(["", *map(split_name, results)], rows)


def cohort_table(result: Result, place: str, head: str) -> Table:
    """A line for each part of the headline's patents: `by_section` or `by_class`."""
    figures = [figure for figure in FIGURES if figure[1] in result and figure[1] in ("accuracy", "kappa")]
    figures += [("PR-AUC of top1", "top1.pr_auc", "number")] * ("top1" in result)
    rows = []
    for code, part in result[place].items():
        best = part["best_baseline"]["accuracy"]
        values = [cell(part, place, kind) for _, place, kind in figures]
        beside = [
            Cell(NAMES[best["baseline"]], kind="text", key=NAMES[best["baseline"]]),
            lead(best, "accuracy"),
        ]
        named = f"{code} {SECTIONS.get(code, '')}".strip()
        rows.append(Row(named, [Cell(count(part["examples"]), key=part["examples"]), *values, *beside]))
    return Table(
        [head, "test patents", *(name for name, _, _ in figures), "best baseline", "more accurate by"], rows
    )


def level_tables(results: Mapping[str, Result]) -> list[Table]:
    """Appendix B by test year: precision, recall, F1 and support of each level, a column a year."""
    parts, tables = list(results.values()), []
    for figure, kind in (
        ("precision", "number"),
        ("recall", "number"),
        ("f1", "number"),
        ("support", "count"),
    ):
        rows = [_across(parts, label, f"per_class.{label}.{figure}", kind) for label in parts[0]["per_class"]]
        tables.append(Table(["F1" if figure == "f1" else figure, *map(split_name, results)], rows))
    return tables


def class_table(result: Result) -> Table:
    """Appendix B: a line for each label, with the linear baseline's F1 and the label it is most often mistaken for."""
    labels, matrix = result["labels"], np.array(result["confusion"]["matrix"])
    rows = []
    for i, label in enumerate(labels):
        figures = result["per_class"][label]
        linear = result["baselines"][TFIDF_LINEAR]["per_class"][label]["f1"]
        cells = [Cell(count(figures["support"]), key=figures["support"])]
        cells += [cell(figures, name, "number") for name in ("precision", "recall", "f1")]
        rows.append(Row(label, [*cells, Cell(number(linear), key=linear), _mistaken(i, matrix, labels)]))
    return Table(
        [
            "label",
            "test patents",
            "precision",
            "recall",
            "F1",
            f"F1 of {NAMES[TFIDF_LINEAR]}",
            "most often taken for",
        ],
        rows,
    )


def split_name(split: str) -> str:
    """A split as a column's head."""
    return {TEST_YEARS: "all years", "large_test": "large test"}.get(split, split.removeprefix("test_"))


def cell(figures: Result, place: str, kind: str) -> Cell:
    """A figure with its interval; `place` is the way to it: baselines.majority.accuracy."""
    *way, name = place.split(".")
    for key in way:
        figures = figures[key]
    value, ends = figures.get(name), figures.get("intervals", {}).get(name)
    return Cell(form(value, kind), between(ends, kind), key=value)


def lead(told: Mapping[str, Any], figure: str) -> Cell:
    """By how much the model is better, with the interval."""
    points = "accuracy" in figure
    difference, ends = told["difference"], told["interval"]
    kind = {"better": "better", "worse": "worse"}.get(told["verdict"], "same")
    return Cell(
        signed(difference, points),
        "" if ends is None else f"{signed(ends[0], points)} to {signed(ends[1], points)}",
        kind,
        difference,
    )


def between(ends: Sequence[float] | None, kind: str) -> str:
    """An interval in the form of its figure."""
    if ends is None:
        return ""
    return f"{form(ends[0], kind).removesuffix(' %').removesuffix(' ×')} to {form(ends[1], kind)}"


def _across(parts: Sequence[Result], name: str, place: str, kind: str) -> Row:
    return Row(name, [cell(part, place, kind) for part in parts])


def _name_of(figure: str) -> str:
    """The name of a figure away from its table."""
    name = next(name for name, place, _ in (*FIGURES, *TOP1_FIGURES) if place == figure).split(" (")[0]
    return f"{name} of top1" if figure.startswith("top1.") else name


def _mistaken(i: int, matrix: Any, labels: Sequence[str]) -> Cell:
    errors = matrix[i].copy()
    errors[i] = 0
    worst = int(errors.argmax())
    part = errors[worst] / max(1, matrix[i].sum())
    return Cell(f"{labels[worst]} ({share(part, 0)})" if errors[worst] else "–", kind="text", key=float(part))


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
