"""The audit as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.errors import DataError
from patent_spark.core.store import write_text
from patent_spark.reporting.html import render_page, with_place_filled
from patent_spark.stages.audit.verdicts import FAILED, NOT_APPLICABLE, NOT_MADE, PASSED

_TITLES = {None: "Tables, words and labels", TECHNOLOGY: "Technology class", CITATION_LEVEL: "Citation level"}


def write_page(folder: Path, found: Mapping[str, Any]) -> None:
    """Write report.html; `found` is audit.json."""
    parts = [
        {
            "title": title,
            "task": task or "all",
            **_part([check for check in found["checks"] if check["task"] == task]),
        }
        for task, title in _TITLES.items()
    ]
    page = render_page(
        "patent_spark.stages.audit",
        "audit.html",
        found=found,
        parts=[part for part in parts if part["checks"]],
        titles=_TITLES,
    )
    write_text(folder / "report.html", page)


def put_verdict(report: Path, found: Mapping[str, Any]) -> None:
    """Put the verdict into the place that the page of the evaluation has for it; `found` is audit.json.

    Raises DataError when it has none.
    """
    verdict = render_page(
        "patent_spark.stages.audit", "verdict.html", titles=_TITLES, **_part(found["checks"])
    )
    try:
        page = with_place_filled(report.read_text(), "audit", verdict)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{report} has no place for the audit's verdict ({error}); run `patent-spark evaluate --force` first"
        ) from error
    write_text(report, page)


def _part(checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Checks, and how many there are of each verdict."""
    return {
        "checks": checks,
        **{
            verdict: sum(check["verdict"] == verdict for check in checks)
            for verdict in (PASSED, FAILED, NOT_MADE, NOT_APPLICABLE)
        },
    }
