"""What a release says about itself beyond its tables: release.json and the settings of section `release`."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from patent_spark.config import Release
from patent_spark.core.errors import DataError
from patent_spark.core.progress import say
from patent_spark.stages.ingest.validation import FIRST_GRANT


@dataclass(frozen=True)
class ReleaseMetadata:
    """What is known about a release; None where nothing says."""

    id: str | None
    data_to_date: datetime.date | None
    """The last grant date that the release covers."""
    data_to_date_from: str
    """Where that day comes from: a setting, release.json or the newest grant date."""
    bayes_rates: dict[str, Any] | None
    """Of a simulated release; see IngestMetadata."""
    synonyms: list[list[str]] | None
    """Of a simulated release; see IngestMetadata."""
    source: str = ""
    """Where it was downloaded from; empty when release.json does not say."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Of each file, as the download found it."""


def read_release_metadata(folder: Path, settings: Release) -> ReleaseMetadata:
    """What the settings say about a release or, failing that, its release.json.

    Raises DataError when release.json cannot be read, or data_to_date is no day that a release can cover.
    """
    path = folder / "release.json"
    values = _read_json(path) if path.exists() else {}
    in_file = _date(path, values.get("data_to_date"))
    if settings.data_to_date and in_file and settings.data_to_date != in_file:
        say(f"  release.data_to_date = {settings.data_to_date} overrides {in_file} in {path.name}")
    source = (
        "release.data_to_date" if settings.data_to_date else path.name if in_file else "newest grant date"
    )
    day = settings.data_to_date or in_file
    if day and not FIRST_GRANT <= day <= datetime.datetime.now(datetime.UTC).date():
        raise DataError(
            f"data_to_date = {day} ({source}) is not a day that a release can cover; "
            "set release.data_to_date to its last grant date",
            setting="release.data_to_date",
            data_to_date=day,
            source=source,
        )
    # Releases of older simulators have the rates under their old name.
    rates = values.get("bayes_rates", values.get("attainable"))
    return ReleaseMetadata(
        settings.id or values.get("release_id"),
        day,
        source,
        rates,
        values.get("synonyms"),
        values.get("source", ""),
        {name: about["sha256"] for name, about in values.get("files", {}).items()},
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not JSON: {error}", file=path.name, reason="not JSON") from error
    if not isinstance(values, dict):
        kind = type(values).__name__
        raise DataError(
            f"{path} must hold an object with release_id and data_to_date, but holds a {kind}",
            file=path.name,
            reason=kind,
        )
    return values


def _date(path: Path, text: object) -> datetime.date | None:
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(str(text))
    except ValueError as error:
        raise DataError(
            f"{path}: data_to_date = {text!r} is not a date such as 2025-09-30",
            file=path.name,
            data_to_date=text,
        ) from error
