"""What is known about a release beyond its tables: its id, the last day it covers, what could be attained on it, what was planted in it."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import Release
from patent_spark.core.errors import DataError
from patent_spark.core.progress import say
from patent_spark.stages.ingest.validation import FIRST_GRANT


@dataclass(frozen=True)
class Notes:
    """The release's metadata; what nobody said is None."""

    id: str | None
    data_to_date: datetime.date | None
    data_to_date_from: str
    attainable: dict[str, Any] | None
    synonyms: list[list[str]] | None
    """Groups of words that a simulated release uses for one another."""


def read_notes(folder: Path, settings: Release) -> Notes:
    """The metadata of a release: the settings, else its release.json. Raises DataError when that cannot be read or true."""
    path = folder / "release.json"
    told = _read_json(path) if path.exists() else {}
    noted = _date(path, told.get("data_to_date"))
    if settings.data_to_date and noted and settings.data_to_date != noted:
        say(
            f"  data_to_date is {settings.data_to_date} by release.data_to_date, although {path.name} says {noted}"
        )
    source = "release.data_to_date" if settings.data_to_date else path.name if noted else "newest grant date"
    day = settings.data_to_date or noted
    if day and not FIRST_GRANT <= day <= datetime.datetime.now(datetime.UTC).date():
        raise DataError(
            f"data_to_date = {day} ({source}) is no day that a release can cover; set release.data_to_date to its last grant date"
        )
    # Releases that an older simulator made have the rates under their old name.
    rates = told.get("bayes_rates", told.get("attainable"))
    return Notes(settings.id or told.get("release_id"), day, source, rates, told.get("synonyms"))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise DataError(
            f"{path} must hold an object with release_id and data_to_date, found {type(told).__name__}"
        )
    return told


def _date(path: Path, text: object) -> datetime.date | None:
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(str(text))
    except ValueError as error:
        raise DataError(f"{path}: data_to_date = {text!r} is not a date such as 2025-09-30") from error
