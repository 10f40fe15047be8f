"""The page of a back-test: headline, figures, a line for each model and test year, and what was known on the day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patent_spark.config import CITATION_LEVEL
from patent_spark.core.store import write_text
from patent_spark.experiments.backtest.results import FIGURES, Found
from patent_spark.experiments.plots import draw_by_distance, draw_by_year
from patent_spark.metrics.constant_baselines import NAMES
from patent_spark.reporting.html import Cell, Row, Table, count, form, picture, render_page, signed
from patent_spark.stages.evaluate.report_tables import TITLES, between, lead

_FORMS = {"accuracy": "share", "top1.lift_at_1_percent": "times"}


def write_page(folder: Path, found: Found) -> None:
    """Write report.html and figures/*.png; `found` is backtest.json."""
    (folder / "figures").mkdir()
    tasks = [_task_page(task, each, folder / "figures") for task, each in found["tasks"].items()]
    page = render_page(
        "patent_spark.experiments.backtest",
        "backtest.html",
        found=found | {"levels": CITATION_LEVEL in found["tasks"]},
        tasks=tasks,
    )
    write_text(folder / "report.html", page)


def _task_page(task: str, found: Found, folder: Path) -> dict[str, Any]:
    models, names = found["models"], FIGURES[task]
    draw_by_year(folder / f"{task}_by_year.png", models, names)
    draw_by_distance(folder / f"{task}_by_distance.png", models, names)
    by_year = "By grant year of the test patents: a line a model, with its 95 % interval. Dashed: the best baseline, trained on the same patents."
    return {
        "task": task,
        "title": TITLES[task],
        "years": [model["as_of"] for model in models],
        "leads": [_lead(models, figure, names[figure], found["decay"][figure]) for figure in list(names)[:2]],
        "pictures": [
            picture(folder / f"{task}_by_year.png", by_year, "whole"),
            picture(
                folder / f"{task}_by_distance.png",
                "The same lines by the years between a model's last year and the grant.",
                "whole",
            ),
        ],
        "matrices": [_matrix(models, figure, name) for figure, name in names.items()],
        "models": _models(models),
        "against": _against(task, models),
        "failed": sorted(
            {name for model in models for of, name in model["audit"]["failed"] if of in (None, task)}
        ),
    }


def _lead(models: Sequence[Found], figure: str, name: str, decay: Found | None) -> dict[str, Any]:
    """The headline: a figure in the first year after, over all models, and what each further year costs."""
    first = [
        year["figures"][figure]["model"]
        for model in models
        for year in model["years"]
        if year["distance"] == 1
    ]
    known = [value for value in first if value is not None]
    beaten = [year["figures"][figure]["verdict"] for model in models for year in model["years"]]
    return {
        "name": name,
        "value": form(sum(known) / len(known) if known else None, _FORMS.get(figure, "number")),
        "decay": None if decay is None else _per_year(decay, points=figure == "accuracy"),
        "better": beaten.count("better"),
        "worse": beaten.count("worse"),
        "of": len(beaten),
    }


def _per_year(decay: Found, *, points: bool) -> str:
    """What a further year costs, with its interval."""
    ends = decay["interval"]
    told = f" ({signed(ends[0], points)} to {signed(ends[1], points)})" if ends else ""
    return f"{signed(decay['per_year'], points)}{' points' if points else ''}{told}"


def _matrix(models: Sequence[Found], figure: str, name: str) -> Table:
    """A line a model, a column a test year: the figure with its interval; baseline, prior and attainable beside the year's newest model."""
    kind = _FORMS.get(figure, "number")
    years = sorted({year["year"] for model in models for year in model["years"]})
    rows = []
    for model in models:
        told = {year["year"]: year["figures"][figure] for year in model["years"]}
        cells = [
            _cell(told[year]["model"], told[year]["interval"], kind) if year in told else Cell("")
            for year in years
        ]
        rows.append(Row(f"as of {model['as_of']}", cells))
    newest = {year["year"]: year["figures"][figure] for model in models for year in model["years"]}
    rows.append(Row("best baseline", [_cell(newest[year]["baseline"], None, kind) for year in years]))
    rows.append(Row("class prior", [_cell(newest[year]["prior"], None, kind) for year in years]))
    if any(newest[year]["attainable"] is not None for year in years):
        rows.append(Row("best attainable", [_cell(newest[year]["attainable"], None, kind) for year in years]))
    return Table([name, *map(str, years)], rows)


def _models(models: Sequence[Found]) -> Table:
    """A line a model: what it learned from and what the audit says of it."""
    rows = []
    for model in models:
        audit = model["audit"]
        verdict = (
            f"{len(audit['failed'])} of {audit['judged']} checks failed"
            if audit["failed"]
            else f"all {audit['judged']} checks passed"
        )
        verdict += ", others could not be made" if audit["verdict"] == "incomplete" else ""
        tested = f"{model['years'][0]['year']} to {model['years'][-1]['year']}" if model["years"] else "–"
        rows.append(
            Row(
                f"end of {model['as_of']}",
                [
                    *(
                        Cell(count(model[name]), key=model[name])
                        for name in ("training", "development", "vocabulary")
                    ),
                    Cell(tested, kind="text"),
                    Cell(", ".join(map(str, model["left_out"])) or "none", kind="text"),
                    Cell(verdict, kind="text failed" if audit["failed"] else "text"),
                ],
            )
        )
    return Table(
        ["as of", "training patents", "development", "words", "tested on", "not closed, left out", "audit"],
        rows,
    )


def _against(task: str, models: Sequence[Found]) -> Table:
    """A line for each model and test year: the figure that counts beside the best baseline."""
    figures = [figure for figure in FIGURES[task] if figure in ("accuracy", "top1.pr_auc")]
    columns = ["as of", "tested on", "years after", "patents"]
    columns += [part for figure in figures for part in (FIGURES[task][figure], "baseline", "better by")]
    rows = []
    for model in models:
        for year in model["years"]:
            cells = [Cell(str(year[name]), key=year[name]) for name in ("year", "distance")]
            cells.append(Cell(count(year["examples"]), key=year["examples"]))
            for figure in figures:
                told, kind = year["figures"][figure], _FORMS.get(figure, "number")
                difference = {
                    "difference": told["better_by"],
                    "interval": told["better_by_interval"],
                    "verdict": told["verdict"],
                }
                cells += [
                    _cell(told["model"], told["interval"], kind),
                    Cell(form(told["baseline"], kind), NAMES[told["best_baseline"]], key=told["baseline"]),
                    lead(difference, figure),
                ]
            rows.append(Row(str(model["as_of"]), cells))
    return Table(columns, rows)


def _cell(value: float | None, ends: Sequence[float] | None, kind: str) -> Cell:
    return Cell(form(value, kind), between(ends, kind), key=value)
