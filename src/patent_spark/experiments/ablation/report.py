"""The page of two configurations side by side: each protocol with each model, and whose the difference is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patent_spark.config import CITATION_LEVEL
from patent_spark.core.store import write_text
from patent_spark.experiments.ablation.effects import PARTS, is_certain, is_torn
from patent_spark.experiments.ablation.variants import (
    PRINTED,
    TOP1_PR_AUC,
    TOP1_PRECISION,
    TOP1_RECALL,
    Found,
)
from patent_spark.experiments.plots import draw_mixtures
from patent_spark.metrics.constant_baselines import NAMES
from patent_spark.reporting.html import Cell, Picture, Row, Table, count, form, picture, render_page, signed
from patent_spark.stages.evaluate.measure import TEST_YEARS
from patent_spark.stages.evaluate.report import PAPER
from patent_spark.stages.evaluate.report_tables import TITLES, between, lead, split_name

_BY_SPLIT = ("accuracy", TOP1_PRECISION, TOP1_RECALL, TOP1_PR_AUC)
_PAPER = "paper"


def write_page(folder: Path, found: Found) -> None:
    """Write report.html and figures/*.png; `found` is ablation.json."""
    (folder / "figures").mkdir()
    tasks = [_task_page(found, task, folder / "figures") for task in found["effects"]]
    failed = [
        {"name": _name(row), "checks": sorted({name for _, name in row["audit"]["failed"]})}
        for row in found["mixtures"]
    ]
    write_text(
        folder / "report.html",
        render_page(
            "patent_spark.experiments.ablation",
            "ablation.html",
            found=found,
            tasks=tasks,
            failed=failed,
        ),
    )


def _task_page(found: Found, task: str, folder: Path) -> dict[str, Any]:
    rows, printed = found["mixtures"], PRINTED[task]
    by_paper = _PAPER in (found["ours"], found["theirs"])
    return {
        "task": task,
        "title": TITLES[task],
        "leads": [
            _lead(found, task, place, printed[place]) for place in printed if place in found["effects"][task]
        ],
        "figures": _figures(found, task),
        "beside": _beside(found["mixtures"], task),
        "splits": [
            table
            for place in _BY_SPLIT
            if place in printed
            if (table := _by_split(rows, task, place)) is not None
        ],
        "pictures": _pictures(rows, task, folder),
        "paper": PAPER[task] if by_paper else {},
        "beside_paper": _beside_paper(rows) if by_paper and task == CITATION_LEVEL else "",
    }


def _lead(found: Found, task: str, place: str, name: str) -> dict[str, Any]:
    """The step between the two configurations, whose it is, and what of that may be chance."""
    steps, kind = found["effects"][task][place], _kind(place)
    points = kind == "share"
    first, last = (found["mixtures"][i]["tasks"][task]["figures"][place]["value"] for i in (0, -1))
    unit = " points" if points else ""
    parts = {
        part: {"text": f"{signed(steps[part]['value'], points)}{unit}", "range": _range(steps[part], points)}
        for part in PARTS
    }
    parts["both"]["text"] = signed(steps["both"]["value"], points)
    return {
        "name": f"points of {name}" if points else name,
        "ours": form(first, kind),
        "theirs": form(last, kind),
        "certain": is_certain(steps["both"]),
        "notes": [
            *_chance(steps),
            *(_torn(found, steps, part, points) for part in ("protocol", "model") if is_torn(steps[part])),
        ],
    } | parts


_PART_NAMES = {"protocol": "the protocol's part", "model": "the model's part", "both": "the whole"}


def _chance(steps: Found) -> list[str]:
    """Which of a figure's steps say nothing: 0 lies inside their interval, or they have none."""
    notes = []
    for parts, said in (
        (
            [part for part in PARTS if steps[part]["interval"] and not is_certain(steps[part])],
            "cannot be told from nothing",
        ),
        (
            [part for part in PARTS if not steps[part]["interval"]],
            "cannot be given an interval, for one of the figures has none",
        ),
    ):
        if parts:
            *others, last = (_PART_NAMES[part] for part in parts)
            text = f"{', '.join(others)} and {last}" if others else last
            notes.append(f"{text[0].upper()}{text[1:]} {said}.")
    return notes


def _torn(found: Found, steps: Found, part: str, points: bool) -> str:
    """The two steps whose mean is a part, where one goes up and the other down."""
    one, other = (signed(step, points) for step in steps[part]["steps"])
    place = "with the model" if part == "protocol" else "under the protocol"
    named = _PART_NAMES[part]
    return f"T{named[1:]} is the mean of two that differ in sign: {one} {place} of {found['ours']}, {other} {place} of {found['theirs']}."


def _beside_paper(rows: Sequence[Found]) -> str:
    """How far the kind of number that the paper prints of top1 is from what its own protocol gives here."""
    precision, recall = PAPER[CITATION_LEVEL]["top1 precision, recall in every year"].split(", ")
    told = []
    for row in (row for row in rows if row["protocol"] == _PAPER):
        found, said = (
            row["tasks"][CITATION_LEVEL]["figures"][place]["value"] for place in (TOP1_PRECISION, TOP1_RECALL)
        )
        here = (
            "no patent is called top1 at all"
            if found is None
            else f"{form(found, 'share')} at {form(said, 'share')}"
        )
        told.append(f"{here} (model {row['model']})")
    return f"Of top1 the paper prints a precision of {precision} at a recall of {recall} in every year. Its own protocol gives here {'; '.join(told)}."


def _figures(found: Found, task: str) -> Table:
    """A line a mixture, then the steps."""
    printed, steps = PRINTED[task], found["effects"][task]
    rows = []
    for row in found["mixtures"]:
        told = row["tasks"][task]
        cells = [Cell(row["model"], kind="text"), Cell(count(told["examples"]), _tested_on(told["headline"]))]
        rows.append(
            Row(row["protocol"], cells + [_cell(told["figures"][place], _kind(place)) for place in printed])
        )
    rows.append(Row(f"the step from {found['ours']} to {found['theirs']}"))
    for part, name in (("protocol", "of the protocol"), ("model", "of the model"), ("both", "of both")):
        cells = [
            _step(steps[place][part], _kind(place) == "share") if place in steps else Cell("–")
            for place in printed
        ]
        rows.append(Row(name, [Cell(""), Cell(""), *cells]))
    return Table(["protocol", "model", "tested on", *printed.values()], rows)


def _beside(rows: Sequence[Found], task: str) -> Table:
    """A line a mixture: what it learned from, what it is measured against, and what the audit says of it."""
    above = [place for place in ("accuracy", TOP1_PR_AUC) if place in PRINTED[task]]
    shares = ["top1_share"] if TOP1_PR_AUC in above else []
    lines = []
    for row in rows:
        told, audit = row["tasks"][task], row["audit"]
        verdict = (
            f"{len(audit['failed'])} of {audit['judged']} failed" if audit["failed"] else audit["verdict"]
        )
        cells = [Cell(row["model"], kind="text"), Cell(count(told["training"]))]
        cells += [Cell(form(told[name], "share")) for name in (*shares, "majority")]
        cells += [_above(told["best_baseline"][place], place) for place in above]
        lines.append(Row(row["protocol"], [*cells, Cell(verdict, kind="failed" if audit["failed"] else "")]))
    heads = [f"{PRINTED[task][place]} above it" for place in above]
    return Table(
        [
            "protocol",
            "model",
            "trained on",
            *("share of top1" for _ in shares),
            "majority class",
            *heads,
            "audit",
        ],
        lines,
    )


def _above(told: Found, place: str) -> Cell:
    """The lead over the best baseline, and which that is."""
    cell = lead(told, place)
    return Cell(cell.text, f"{cell.range} {NAMES[told['baseline']]}".strip(), cell.kind)


def _step(effect: Found, points: bool) -> Cell:
    """A step with its interval, in grey where it may be nothing."""
    return Cell(signed(effect["value"], points), _range(effect, points), "" if is_certain(effect) else "soft")


def _range(effect: Found, points: bool) -> str:
    ends = effect["interval"]
    return f"{signed(ends[0], points)} to {signed(ends[1], points)}" if ends else ""


def _tested_on(headline: str) -> str:
    """The splits that a headline is about, in words."""
    return " and ".join(
        "all test years" if split == TEST_YEARS else split_name(split) for split in headline.split("+")
    )


def _by_split(rows: Sequence[Found], task: str, place: str) -> Table | None:
    """A line a mixture, a column a test set; None when there is only one."""
    splits = sorted({split for row in rows for split in row["tasks"][task]["splits"]})
    if len(splits) < 2:
        return None
    told = [
        Row(
            _name(row),
            [
                Cell(form(row["tasks"][task]["splits"].get(split, {}).get(place), _kind(place)))
                for split in splits
            ],
        )
        for row in rows
    ]
    return Table([PRINTED[task][place], *map(split_name, splits)], told)


def _pictures(rows: Sequence[Found], task: str, folder: Path) -> list[Picture]:
    """Lines by test year, where all mixtures have some."""
    if not all(any(split[-4:].isdigit() for split in row["tasks"][task]["splits"]) for row in rows):
        return []
    path = folder / f"{task}_protocols.png"
    draw_mixtures(
        path, rows, task, {place: PRINTED[task][place] for place in _BY_SPLIT if place in PRINTED[task]}
    )
    return [
        picture(
            path,
            "By grant year of the test patents. A colour is a protocol; the solid lines are one model, the dashed ones the other.",
            "whole",
        )
    ]


def _name(row: Found) -> str:
    return f"{row['protocol']}, model {row['model']}"


def _cell(told: Found, kind: str) -> Cell:
    return Cell(form(told["value"], kind), between(told["interval"], kind), key=told["value"])


def _kind(place: str) -> str:
    return "share" if place == "accuracy" else "number"
