"""The audit as an HTML page, and its summary in the report of the evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_text
from patent_spark.reporting.html import render_page, with_place_filled
from patent_spark.stages.audit.report_schema import (
    FAILED,
    NOT_APPLICABLE,
    NOT_MADE,
    PASSED,
    Audit,
    CheckResult,
)

_PACKAGE = "patent_spark.stages.audit"
_TITLES = {None: "Tables, words and labels", TECHNOLOGY: "Technology", CITATION_LEVEL: "Citation level"}


@dataclass(frozen=True)
class Section:
    """Checks of one task, or of the tables, and how many have which status."""

    title: str
    anchor: str
    checks: tuple[CheckResult, ...]
    passed: int
    failed: int
    not_made: int
    not_applicable: int


def write_report(folder: Path, audit: Audit) -> None:
    """Write report.html."""
    sections = [
        _section(title, task or "all", (check for check in audit.checks if check.task == task))
        for task, title in _TITLES.items()
    ]
    page = render_page(
        _PACKAGE,
        "audit.html",
        audit=audit,
        sections=[section for section in sections if section.checks],
        titles=_TITLES,
    )
    write_text(folder / "report.html", page)


def write_summary(report: Path, audit: Audit) -> None:
    """Write the result into the place that the report of the evaluation keeps for it.

    Raises DataError when the report is missing or has no such place.
    """
    section = _section("Audit", "audit", audit.checks)
    summary = render_page(_PACKAGE, "summary.html", titles=_TITLES, section=section)
    try:
        page = with_place_filled(report.read_text(), "audit", summary)
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot write the audit's result into {report}: {error}; "
            "run `patent-spark evaluate --force` first",
            file=report,
        ) from error
    write_text(report, page)


def _section(title: str, anchor: str, checks: Iterable[CheckResult]) -> Section:
    results = tuple(checks)
    counts = Counter(check.status for check in results)
    return Section(
        title,
        anchor,
        results,
        passed=counts[PASSED],
        failed=counts[FAILED],
        not_made=counts[NOT_MADE],
        not_applicable=counts[NOT_APPLICABLE],
    )
