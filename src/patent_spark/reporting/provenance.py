"""What was done with which data: releases, rows, splits, stages and settings, from the manifests of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from patent_spark.config import Config, flatten
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Manifest, Store

_STAGES = ("simulate", "ingest", "label", "split", "text", "shard", "train")


@dataclass(frozen=True)
class Provenance:
    """Where the figures come from."""

    release_id: str
    data_to_date: str
    data_to_date_from: str
    simulated: bool
    tables: list[dict[str, Any]]
    """Rows in and rejected, by source table."""
    levels: dict[str, int]
    open_window: int | None
    splits: list[dict[str, Any]]
    """Patents by task and split, as in the shards."""
    text: dict[str, Any]
    """Vocabulary and training text of the vectors."""
    stages: list[Manifest]
    settings: list[dict[str, Any]]
    """Settings that differ from their defaults."""
    warnings: list[str]


def provenance(store: Store) -> Provenance:
    """Read the manifests of all earlier stages; a simulator's counts only when its release was read."""
    manifests = {name: manifest for name in _STAGES if (manifest := store.manifest(name)) is not None}
    if "simulate" not in manifests["ingest"].inputs:
        manifests.pop("simulate", None)
    ingest, label = manifests["ingest"].metadata, manifests["label"].metadata if "label" in manifests else {}
    return Provenance(
        release_id=str(ingest.get("release_id", manifests["ingest"].release_id)),
        data_to_date=str(ingest.get("data_to_date", "unknown")),
        data_to_date_from=str(ingest.get("data_to_date_from", "")),
        simulated=ingest.get("attainable") is not None,
        tables=_tables(ingest),
        levels=label.get("levels", {}),
        open_window=label.get("open_window"),
        splits=_splits(manifests["shard"].metadata),
        text=manifests["text"].metadata if "text" in manifests else {},
        stages=list(manifests.values()),
        settings=_settings(manifests),
        warnings=_warnings(manifests),
    )


def _tables(ingest: dict[str, Any]) -> list[dict[str, Any]]:
    rejected = ingest.get("rejected") or {}
    rows_in = ingest.get("rows_in") or {}
    return [
        {"table": name, "rows": rows, "rejected": rejected.get(name) or {}} for name, rows in rows_in.items()
    ]


def _splits(shard: dict[str, Any]) -> list[dict[str, Any]]:
    too_short = shard.get("too_short") or {}
    order = {TRAIN: 0, DEVELOPMENT: 1}
    return [
        {
            "task": task,
            "splits": {
                split: layout["splits"][split]["rows"]
                for split in sorted(layout["splits"], key=lambda name: (order.get(name, 2), name))
            },
            "too_short": too_short.get(task),
        }
        for task, layout in shard["tasks"].items()
    ]


def _settings(manifests: dict[str, Manifest]) -> list[dict[str, Any]]:
    """From the manifests, not from today's configuration: a stage may have run with other settings."""
    defaults = flatten(Config())
    used = {name: value for manifest in manifests.values() for name, value in manifest.settings.items()}
    return [
        {"name": name, "value": used[name], "default": defaults.get(name)}
        for name in sorted(used)
        if used[name] != defaults.get(name)
    ]


def _warnings(manifests: dict[str, Manifest]) -> list[str]:
    found = []
    releases = {manifest.release_id for name, manifest in manifests.items() if name in ("ingest", "train")}
    if len(releases) > 1:
        found.append(
            f"The warehouse holds stages of several releases ({', '.join(sorted(releases))}); run all stages again on one."
        )
    source = str(manifests["ingest"].metadata.get("data_to_date_from", ""))
    if "newest" in source:
        found.append(
            "The release does not say up to when its data goes; the newest grant date was taken, so the last citation windows may be open."
        )
    return found
