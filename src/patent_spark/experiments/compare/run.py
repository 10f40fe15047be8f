"""`patent-spark compare RUN RUN`: two runs of MLflow side by side, as a page, as JSON and as a few lines."""

from __future__ import annotations

from pathlib import Path

from patent_spark.config import Config
from patent_spark.core.store import write_json, write_text
from patent_spark.experiments.compare import plots, tables
from patent_spark.experiments.compare.collect import Comparison, TaskPair, gather
from patent_spark.metrics.comparison import COMPARED
from patent_spark.reporting.html import Cell, Picture, aligned, count, picture, render_page
from patent_spark.stages.evaluate.old_report_tables import TITLES
from patent_spark.tracking.history import find_run

_FEW_SETTINGS = 6
_MANY_LABELS = 12


def compare(config: Config, one: str, other: str) -> str:
    """Write <warehouse.root>/compare/<run>-<run>/{compare.html, compare.json, figures}; returns what a person should know at once.

    Raises ConfigError for runs that are not there, or not of one task.
    """
    found = gather(config, find_run(config, one), find_run(config, other))
    folder = Path(config.warehouse.root).absolute() / "compare" / "-".join(run.short for run in found.runs)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    write_json(folder / "compare.json", found.as_json())
    write_page(folder, found)
    return "\n".join([*in_words(found), "", f"page       {folder / 'compare.html'}"])


def write_page(folder: Path, found: Comparison) -> None:
    """Write compare.html and the figures that are part of it."""
    parts = [
        {
            "task": task,
            "title": TITLES[task],
            "pair": pair,
            "leads": _leads(pair),
            "about": _about(pair),
            "figures": tables.figure_table(pair),
            "years": tables.year_table(pair),
            "labels": tables.label_table(pair),
            "classes": tables.class_table(pair),
            "pictures": _pictures(task, pair, folder / "figures"),
        }
        for task, pair in found.tasks.items()
    ]
    settings = tables.difference_table(found.settings, "setting", mark=False)
    data = tables.difference_table(found.data, "", mark=True)
    page = render_page(
        "patent_spark.experiments.compare",
        "compare.html",
        found=found,
        parts=parts,
        doubts=doubts(found),
        settings=settings,
        data=data,
    )
    write_text(folder / "compare.html", page)


def doubts(found: Comparison) -> list[str]:
    """What makes the two harder to compare."""
    first, second = found.runs
    sentences = [
        f"{run.short} is {run.status}, so its figures are not the last."
        for run in found.runs
        if run.status != "FINISHED"
    ]
    for name, what in (("release_id", "releases"), ("code", "versions of the code")):
        if first.tags.get(name) != second.tags.get(name):
            sentences.append(f"The {what} differ: {first.tags.get(name)} and {second.tags.get(name)}.")
    return sentences + [
        f"{TITLES[task]}: no difference is told, as {pair.why_not}."
        for task, pair in found.tasks.items()
        if pair.why_not
    ]


def in_words(found: Comparison) -> list[str]:
    """What the terminal shows: the figures, the differences, the settings."""
    lines = [
        f"{name}  {run.short}  {run.name}, {run.started}"
        for name, run in zip((tables.ONE, tables.OTHER), found.runs, strict=True)
    ]
    for task, pair in found.tasks.items():
        rows = [[task.replace("_", " "), tables.ONE, tables.OTHER, "difference (95 % interval)"]]
        rows += [
            [row.name, *(map(_plain, row.cells) if row.cells else [""] * 3)]
            for row in tables.figure_table(pair).rows
        ]
        lines += ["", *aligned(rows)]
        lines += [f"  {lead['sentence']}" for lead in _leads(pair)]
    lines += ["", *doubts(found)]
    named = [
        f"{name} {one} -> {other}" for name, (one, other) in list(found.settings.items())[:_FEW_SETTINGS]
    ]
    more = f", and {len(found.settings) - _FEW_SETTINGS} more" if len(found.settings) > _FEW_SETTINGS else ""
    return [*lines, f"settings that differ: {'; '.join(named)}{more}" if named else "no setting differs"]


def _plain(cell: Cell) -> str:
    """A cell without its interval, unless it is a difference."""
    return f"{cell.text} ({cell.range})" if cell.range and cell.kind else cell.text


def _leads(pair: TaskPair) -> list[dict[str, object]]:
    """The headline: by how much the second run is better, in accuracy and at finding `top1`."""
    if pair.paired is None:
        return []
    leads = []
    for figure, name in (("accuracy", "points of accuracy"), ("top1.pr_auc", "PR-AUC of top1")):
        if told := pair.paired["all"]["differences"].get(figure):
            verdict = {"better": f"{tables.OTHER} is better", "worse": f"{tables.OTHER} is worse"}.get(
                told["verdict"], "no telling them apart"
            )
            cell = tables.lead(told, figure)
            leads.append({"cell": cell, "name": name, "verdict": verdict, "sentence": f"{name}: {verdict}"})
    return leads


def _about(pair: TaskPair) -> str:
    """On what the differences were found."""
    if pair.paired is None:
        return ""
    patents = pair.paired["all"]["patents"]
    some = "the same" if patents == pair.of else f"{count(patents)} of the same"
    return f"Both runs judged {some} {count(pair.of)} test patents; differences are paired, run 2 less run 1, resampled by family."


def _pictures(task: str, pair: TaskPair, folder: Path) -> list[Picture]:
    drawn = []
    if any(pair.curves):
        path = folder / f"{task}_curves.png"
        plots.draw_curves(path, pair.curves)
        drawn.append(picture(path, "By epoch: development solid, training dotted."))
    places = [("accuracy", "Accuracy")] + [("top1.pr_auc", "PR-AUC of top1")] * (
        "top1.pr_auc" in _compared(pair)
    )
    if any((result or {}).get("by_year") for result in pair.results):
        for place, name in places:
            path = folder / f"{task}_{place.replace('.', '_')}_by_year.png"
            plots.draw_by_year(path, pair.results, place, name)
            drawn.append(picture(path, f"{name} by test year; shaded: 95 % intervals of each run."))
    first, second = ((result or {}).get("per_class", {}) for result in pair.results)
    if len([label for label in first if label in second]) >= _MANY_LABELS:
        path = folder / f"{task}_labels.png"
        plots.draw_labels(path, first, second)
        drawn.append(
            picture(
                path,
                "F1 of each label: above the line run 2 is better. Named: those that moved most; larger: more test patents.",
            )
        )
    return drawn


def _compared(pair: TaskPair) -> list[str]:
    return [
        figure
        for figure in COMPARED
        if any(result and (not figure.startswith("top1.") or "top1" in result) for result in pair.results)
    ]
