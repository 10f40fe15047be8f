"""What a release says about itself beyond its tables: release.json and the settings of section `release`."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, ValidationError

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
    bayes_rates: dict[str, JsonValue] | None
    """Of a simulated release; see IngestMetadata."""
    synonyms: list[list[str]] | None
    """Of a simulated release; see IngestMetadata."""
    source: str = ""
    """Where it was downloaded from; empty when release.json does not say."""
    sha256: dict[str, str] = field(default_factory=dict)
    """Of each file, as the download found it."""

    @property
    def latest_grant(self) -> datetime.date:
        """The last possible grant date."""
        return self.data_to_date or datetime.datetime.now(datetime.UTC).date()


class _SourceFile(BaseModel):
    sha256: str


class _ReleaseFile(BaseModel):
    """What is read of release.json; it may hold more."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    release_id: str | None = None
    data_to_date: str | None = None
    # `attainable` in releases of older simulators.
    bayes_rates: dict[str, JsonValue] | None = Field(
        default=None, validation_alias=AliasChoices("bayes_rates", "attainable")
    )
    synonyms: list[list[str]] | None = None
    source: str = ""
    files: dict[str, _SourceFile] = {}


def read_release_metadata(folder: Path, settings: Release) -> ReleaseMetadata:
    """What the settings say about a release or, failing that, its release.json.

    Raises DataError when release.json cannot be read, or data_to_date is no day that a release can cover.
    """
    path = folder / "release.json"
    about = _read_file(path) if path.exists() else _ReleaseFile()
    in_file = _date(path, about.data_to_date)
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
    return ReleaseMetadata(
        id=settings.id or about.release_id,
        data_to_date=day,
        data_to_date_from=source,
        bayes_rates=about.bayes_rates,
        synonyms=about.synonyms,
        source=about.source,
        sha256={name: file.sha256 for name, file in about.files.items()},
    )


def _read_file(path: Path) -> _ReleaseFile:
    try:
        return _ReleaseFile.model_validate(json.loads(path.read_text(encoding="utf-8-sig")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"{place}: {first['msg']}" if place else f"it holds a {type(first['input']).__name__}"
        raise DataError(
            f"{path} must hold an object with release_id and data_to_date; {reason}",
            file=path.name,
            reason=reason,
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not JSON: {error}", file=path.name, reason="not JSON") from error


def _date(path: Path, text: str | None) -> datetime.date | None:
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise DataError(
            f"{path}: data_to_date = {text!r} is not a date such as 2025-09-30",
            file=path.name,
            data_to_date=text,
        ) from error
