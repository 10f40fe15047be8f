"""The data quality report: one HTML page, and its plots as PNG files."""

from __future__ import annotations

from pathlib import Path

from patent_spark.core.files import write_text
from patent_spark.core.schemas import LEVELS
from patent_spark.reporting.html import Picture, count, picture, render_page, share
from patent_spark.stages.quality import plots
from patent_spark.stages.quality.report_schema import Outcomes, QualityReport, Scalar
from patent_spark.stages.quality.summary import NO_CLASS, OUTCOMES

_FEW = 10
"""With fewer patents than these, no shares of levels are shown."""


def write_page(folder: Path, report: QualityReport) -> None:
    """Write report.html and figures/*.png."""
    (folder / "figures").mkdir()
    page = render_page(
        "patent_spark.stages.quality",
        "quality.html",
        report=report,
        pictures=_pictures(report, folder / "figures"),
        years={name: _with_total(each) for name, each in report.years.items()},
        classes={name: _with_total(each) for name, each in report.classes.items()},
        levels=LEVELS,
        few=_FEW,
        reasons=[name for name in OUTCOMES if name not in LEVELS and report.outcomes[name]],
        no_class=NO_CLASS,
        observed=observed,
    )
    write_text(folder / "report.html", page)


def observed(value: Scalar | dict[str, Scalar]) -> str:
    """An observed value as text: floats are shares, a breakdown is a list."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {observed(part)}" for name, part in value.items())
    return value if isinstance(value, str) else share(value) if isinstance(value, float) else count(value)


def _with_total(outcomes: Outcomes) -> dict[str, int]:
    labelled = sum(outcomes[level] for level in LEVELS)
    return {"patents": sum(outcomes.values()), "labelled": labelled, **outcomes}


def _pictures(report: QualityReport, folder: Path) -> dict[str, list[Picture]]:
    """The plots of each part of the page. A plot without data is left out."""
    labels, citations = [], []
    if report.years:
        plots.draw_years(folder / "years.png", report.years)
        labels.append(picture(folder / "years.png", "Patents by grant year and label outcome."))
    if report.years and report.forward_citations:
        plots.draw_level_mix(folder / "levels.png", report.years)
        labels.append(picture(folder / "levels.png", "Shares of the levels among the labelled patents."))
    if report.classes:
        plots.draw_classes(folder / "classes.png", report.classes)
        labels.append(picture(folder / "classes.png", "Patents by CPC class and label outcome.", "whole"))
    if report.forward_citations:
        path = folder / "forward_citations.png"
        plots.draw_forward_counts(path, report.forward_citations)
        citations.append(picture(path, "Forward citations by grant decade, of patents with a closed window."))
    if report.categories:
        path = folder / "categories.png"
        plots.draw_categories(path, report.categories)
        caption = "Source of the citations, by the grant year of the citing patent (blank to 2001)."
        citations.append(picture(path, caption))
    return {"labels": labels, "citations": citations}
