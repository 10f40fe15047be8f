"""The page of two configurations side by side: each protocol with each model, and whose the difference is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patent_spark.backtest.charts import draw_mixtures
from patent_spark.backtest.mixtures import PRINTED, Found
from patent_spark.evaluation.baselines import NAMES
from patent_spark.evaluation.report import PAPER
from patent_spark.evaluation.tables import TITLES, between, lead, signed, split_name
from patent_spark.pages import Cell, Picture, Row, Table, count, form, picture, render_page
from patent_spark.store import write_text

_BY_SPLIT = ("accuracy", "per_class.top1.precision", "per_class.top1.recall", "top1.pr_auc")
_PAPER = "paper"


def write_page(folder: Path, found: Found) -> None:
    """Write report.html and figures/*.png; `found` is protocols.json."""
    (folder / "figures").mkdir()
    tasks = [_task_page(found, task, folder / "figures") for task in found["effects"]]
    failed = [{"name": _name(row), "checks": sorted({name for _, name in row["audit"]["failed"]})} for row in found["mixtures"]]
    write_text(folder / "report.html", render_page("patent_spark.backtest", "protocols.html", found=found, tasks=tasks, failed=failed))


def _task_page(found: Found, task: str, folder: Path) -> dict[str, Any]:
    rows, printed = found["mixtures"], PRINTED[task]
    return {
        "task": task,
        "title": TITLES[task],
        "leads": [_lead(found, task, place, printed[place]) for place in printed if place in found["effects"][task]],
        "table": _table(found, task),
        "splits": [table for place in _BY_SPLIT if place in printed if (table := _by_split(rows, task, place)) is not None],
        "pictures": _pictures(rows, task, folder),
        "paper": PAPER[task] if _PAPER in (found["ours"], found["theirs"]) else {},
    }


def _lead(found: Found, task: str, place: str, name: str) -> dict[str, Any]:
    """The step between the two configurations, and whose it is."""
    steps, kind = found["effects"][task][place], _kind(place)
    points = kind == "share"
    first, last = (found["mixtures"][i]["tasks"][task]["figures"][place]["value"] for i in (0, -1))
    unit = " points" if points else ""
    parts = {part: f"{signed(steps[part], points)}{unit}" for part in ("protocol", "model")}
    parts["both"] = signed(steps["both"], points)
    return {"name": f"points of {name}" if points else name, "ours": form(first, kind), "theirs": form(last, kind), **parts}


def _table(found: Found, task: str) -> Table:
    """A line a mixture, then the steps."""
    printed, rows = PRINTED[task], []
    for row in found["mixtures"]:
        told, audit = row["tasks"][task], row["audit"]
        best = told["best_baseline"]["accuracy"]
        cells = [Cell(row["model"], kind="text"), Cell(count(told["training"])), Cell(count(told["examples"]))]
        cells += [_cell(told["figures"][place], _kind(place)) for place in printed]
        cells += [Cell(form(told["majority"], "share")), Cell(lead(best, "accuracy").text, NAMES[best["baseline"]], lead(best, "accuracy").kind)]
        cells.append(
            Cell(f"{len(audit['failed'])} of {audit['judged']} failed" if audit["failed"] else "passed", kind="failed" if audit["failed"] else "")
        )
        rows.append(Row(row["protocol"], cells))
    rows.append(Row(f"the step from {found['ours']} to {found['theirs']}"))
    for part, name in (("protocol", "of the protocol"), ("model", "of the model"), ("both", "of both")):
        steps = found["effects"][task]
        cells = [Cell(signed(steps[place][part], _kind(place) == "share") if place in steps else "–") for place in printed]
        rows.append(Row(name, [Cell(""), Cell(""), Cell(""), *cells, Cell(""), Cell(""), Cell("")]))
    columns = ["protocol", "model", "trained on", "tested on", *printed.values(), "majority class", "above the best baseline", "audit"]
    return Table(columns, rows)


def _by_split(rows: Sequence[Found], task: str, place: str) -> Table | None:
    """A line a mixture, a column a test set; None when there is only one."""
    splits = sorted({split for row in rows for split in row["tasks"][task]["splits"]})
    if len(splits) < 2:
        return None
    told = [Row(_name(row), [Cell(form(row["tasks"][task]["splits"].get(split, {}).get(place), _kind(place))) for split in splits]) for row in rows]
    return Table([PRINTED[task][place], *map(split_name, splits)], told)


def _pictures(rows: Sequence[Found], task: str, folder: Path) -> list[Picture]:
    """Lines by test year, where all mixtures have some."""
    if not all(any(split[-4:].isdigit() for split in row["tasks"][task]["splits"]) for row in rows):
        return []
    path = folder / f"{task}_protocols.png"
    draw_mixtures(path, rows, task, {place: PRINTED[task][place] for place in _BY_SPLIT if place in PRINTED[task]})
    return [
        picture(path, "By grant year of the test patents. A colour is a protocol; the solid lines are one model, the dashed ones the other.", "whole")
    ]


def _name(row: Found) -> str:
    return f"{row['protocol']}, model {row['model']}"


def _cell(told: Found, kind: str) -> Cell:
    return Cell(form(told["value"], kind), between(told["interval"], kind), key=told["value"])


def _kind(place: str) -> str:
    return "share" if place == "accuracy" else "number"
