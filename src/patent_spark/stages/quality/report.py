"""The data quality report as one HTML page, and its figures as PNG files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import write_text
from patent_spark.reporting.html import Picture, count, picture, render_page, share
from patent_spark.stages.quality import plots
from patent_spark.stages.quality.known_issues import Figure
from patent_spark.stages.quality.summary import FATES, NO_CLASS


def write_page(folder: Path, found: Mapping[str, Any]) -> None:
    """Write report.html and figures/*.png; `found` is quality.json."""
    (folder / "figures").mkdir()
    pictures = _pictures(found, folder / "figures")
    years, classes = (
        {name: _with_total(fates) for name, fates in found[kind].items()} for kind in ("years", "classes")
    )
    reasons = [fate for fate in FATES if fate not in LEVELS and found["fates"][fate]]
    content = {
        "found": found,
        "pictures": pictures,
        "years": years,
        "classes": classes,
        "levels": LEVELS,
        "reasons": reasons,
    }
    page = render_page(
        "patent_spark.stages.quality", "quality.html", no_class=NO_CLASS, figure=figure, **content
    )
    write_text(folder / "report.html", page)


def figure(value: Figure | dict[str, Figure]) -> str:
    """What was found of a trap as text: floats are shares, a breakdown is a list."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {figure(part)}" for name, part in value.items())
    return value if isinstance(value, str) else share(value) if isinstance(value, float) else count(value)


def _with_total(fates: Mapping[str, int]) -> dict[str, Any]:
    return {"patents": sum(fates.values()), "labelled": sum(fates[level] for level in LEVELS), **fates}


def _pictures(found: Mapping[str, Any], folder: Path) -> dict[str, list[Picture]]:
    """The figures of each part of the page; one without data is left out."""
    labels, citations = [], []
    if found["years"]:
        plots.draw_years(folder / "years.png", found["years"])
        labels.append(picture(folder / "years.png", "Patents by grant year and what becomes of them."))
        if found["forward_citations"]:
            plots.draw_level_mix(folder / "levels.png", found["years"])
            labels.append(picture(folder / "levels.png", "Mix of levels among the labelled patents."))
    if found["classes"]:
        plots.draw_classes(folder / "classes.png", found["classes"])
        labels.append(picture(folder / "classes.png", "Patents by CPC class.", "whole"))
    if found["forward_citations"]:
        plots.draw_forward_counts(folder / "forward_citations.png", found["forward_citations"])
        citations.append(
            picture(
                folder / "forward_citations.png",
                "Forward citations by grant decade, of patents whose window is closed.",
            )
        )
    if found["categories"]:
        plots.draw_categories(folder / "categories.png", found["categories"])
        citations.append(
            picture(
                folder / "categories.png",
                "Who cited, by the citing patent's grant year (blank to 2001 in real releases).",
            )
        )
    return {"labels": labels, "citations": citations}
