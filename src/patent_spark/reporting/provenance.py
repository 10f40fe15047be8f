"""What was done with which data: releases, rows, splits, stages and settings, from the manifests of the
warehouse."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from patent_spark.config import Config, flatten
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import (
    IngestMetadata,
    LabelMetadata,
    QualityMetadata,
    ShardMetadata,
    TextMetadata,
)
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store

_STAGES = ("simulate", "ingest", "label", "split", "text", "shard", "train")


@dataclass(frozen=True)
class SourceRows:
    """Rows of a source table."""

    table: str
    rows: int
    rejected: dict[str, int]
    """By reason."""


@dataclass(frozen=True)
class SplitRows:
    """Patents of a task by split, as in the shards."""

    task: str
    splits: dict[str, int]
    too_short: int | None
    """Patents left out because their text is too short."""


@dataclass(frozen=True)
class ChangedSetting:
    """A setting that differs from its default."""

    name: str
    value: JsonValue
    default: JsonValue


@dataclass(frozen=True)
class Provenance:
    """Where the metrics come from."""

    release_id: str
    data_to_date: str
    data_to_date_from: str
    simulated: bool
    tables: list[SourceRows]
    levels: dict[str, int]
    open_window: int | None
    splits: list[SplitRows]
    text: TextMetadata | None
    """Vocabulary and training text of the vectors."""
    stages: list[Manifest]
    settings: list[ChangedSetting]
    warnings: list[str]
    data_warnings: tuple[str, ...] | None
    """What the data quality report of this release warns of; None without such a report."""


def provenance(store: Store) -> Provenance:
    """Read the manifests of all earlier stages; a simulator's counts only when its release was read."""
    manifests = {name: manifest for name in _STAGES if (manifest := store.manifest(name)) is not None}
    if "simulate" not in manifests["ingest"].inputs:
        manifests.pop("simulate", None)
    ingest = manifests["ingest"].metadata_as(IngestMetadata)
    label = manifests["label"].metadata_as(LabelMetadata) if "label" in manifests else None
    return Provenance(
        release_id=ingest.release_id,
        data_to_date=str(ingest.data_to_date),
        data_to_date_from=ingest.data_to_date_from,
        simulated=ingest.generator_rates is not None,
        tables=_tables(ingest),
        levels=label.levels if label else {},
        open_window=label.open_window if label else None,
        splits=_splits(manifests["shard"].metadata_as(ShardMetadata)),
        text=manifests["text"].metadata_as(TextMetadata) if "text" in manifests else None,
        stages=list(manifests.values()),
        settings=_settings(manifests),
        warnings=_warnings(manifests),
        data_warnings=data_warnings(store),
    )


def data_warnings(store: Store) -> tuple[str, ...] | None:
    """The warnings of QUALITY about the current release; None when no current QUALITY describes it."""
    ingest, quality = store.manifest("ingest"), store.manifest("quality")
    if ingest is None or quality is None or quality.inputs.get("ingest", ingest.version) != ingest.version:
        return None
    metadata = quality.metadata_if_readable(QualityMetadata)
    return None if metadata is None else metadata.warnings


def _tables(ingest: IngestMetadata) -> list[SourceRows]:
    return [SourceRows(name, rows, ingest.rejected.get(name) or {}) for name, rows in ingest.rows_in.items()]


def _splits(shard: ShardMetadata) -> list[SplitRows]:
    order = {TRAIN: 0, DEVELOPMENT: 1}
    return [
        SplitRows(
            task,
            {
                split: examples.splits[split].rows
                for split in sorted(examples.splits, key=lambda name: (order.get(name, 2), name))
            },
            shard.too_short.get(task),
        )
        for task, examples in shard.tasks.items()
    ]


def _settings(manifests: dict[str, Manifest]) -> list[ChangedSetting]:
    """From the manifests, not from today's configuration: a stage may have run with other settings."""
    defaults = flatten(Config())
    used = {name: value for manifest in manifests.values() for name, value in manifest.settings.items()}
    return [
        ChangedSetting(name, used[name], defaults.get(name))
        for name in sorted(used)
        if used[name] != defaults.get(name)
    ]


def _warnings(manifests: dict[str, Manifest]) -> list[str]:
    warnings = []
    releases = {manifest.release_id for name, manifest in manifests.items() if name in ("ingest", "train")}
    if len(releases) > 1:
        warnings.append(
            f"The warehouse holds stages of several releases ({', '.join(sorted(releases))}); run "
            "all stages again on one."
        )
    source = manifests["ingest"].metadata_as(IngestMetadata).data_to_date_from
    if "newest" in source:
        warnings.append(
            "The release does not say up to when its data goes; the newest grant date was taken, "
            "so the last citation windows may be open."
        )
    return warnings
