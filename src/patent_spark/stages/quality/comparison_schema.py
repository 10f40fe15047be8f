"""What a release is compared by with the one before it: a part of quality.json."""

from __future__ import annotations

from pydantic import JsonValue

from patent_spark.core.metadata import Record


class ReleaseSummary(Record):
    """What the next release is compared with."""

    release_id: str
    data_to_date: str
    label_version: str
    rows: dict[str, int]
    levels: dict[str, int]
    classes: dict[str, int]
    rules: dict[str, JsonValue]


class PatentChanges(Record):
    """Patents of two releases."""

    both: int
    added: int
    missing: int
    class_changed: int
    level_changed: int | None
    """Patents with a level in both releases and another one now; None if the rules differ."""


class ReleaseComparison(Record):
    """What changed since the previous release; pairs are (before, now)."""

    release_id: str
    data_to_date_before: str
    data_to_date: str
    rows: dict[str, tuple[int, int]]
    rules: dict[str, tuple[JsonValue, JsonValue]]
    """The settings of the label rule that differ."""
    levels: dict[str, tuple[float, float]]
    """Shares of the labelled patents; empty if the rules differ."""
    classes: dict[str, tuple[int, int]]
    new_classes: tuple[str, ...]
    missing_classes: tuple[str, ...]
    patents: PatentChanges | None
    """None if the LABELS of the previous release are no longer kept."""
