"""The audit as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patent_spark.audit.verdicts import FAILED, NOT_APPLICABLE, PASSED
from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.pages import render_page
from patent_spark.store import write_text

_TITLES = {None: "Tables, words and labels", TECHNOLOGY: "Technology class", CITATION_LEVEL: "Citation level"}


def write_page(folder: Path, found: Mapping[str, Any]) -> None:
    """Write report.html; `found` is audit.json."""
    parts = [{"title": title, "task": task or "all", **_part(found, task)} for task, title in _TITLES.items()]
    page = render_page("patent_spark.audit", "audit.html", found=found, parts=[part for part in parts if part["checks"]], titles=_TITLES)
    write_text(folder / "report.html", page)


def _part(found: Mapping[str, Any], task: str | None) -> dict[str, Any]:
    checks = [check for check in found["checks"] if check["task"] == task]
    return {"checks": checks, **{verdict: sum(check["verdict"] == verdict for check in checks) for verdict in (PASSED, FAILED, NOT_APPLICABLE)}}
