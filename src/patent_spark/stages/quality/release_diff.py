"""The release before: what to keep for the next comparison, where to find it, what differs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from patent_spark.core.context import StageContext
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Manifest, location
from patent_spark.stages.quality.aggregates import changes

JSON = "quality.json"


def summary(found: Mapping[str, Any]) -> dict[str, Any]:
    """What the next release is compared with."""
    return {
        "release_id": found["release"]["id"],
        "data_to_date": found["release"]["data_to_date"],
        "label_version": found["release"]["label_version"],
        "rows": {table: size["rows"] for table, size in found["tables"].items()},
        "levels": {level: found["fates"][level] for level in LEVELS},
        "classes": {name: sum(fates.values()) for name, fates in found["classes"].items()},
        "rules": found["release"]["rules"],
    }


def find_before(context: StageContext, release_id: str) -> dict[str, Any] | None:
    """The summary of the newest other release that this stage saw, or None.

    A version of the same release hands on what it was compared with, so that redoing a stage does not forget it.
    """
    for manifest in context.store.manifests("quality"):
        path = context.store.directory_in(manifest, "QUALITY") / JSON
        earlier = json.loads(path.read_text()) if path.exists() else {}
        for one in (earlier.get("summary"), earlier.get("summary_before")):
            if one and one["release_id"] != release_id:
                return dict(one)
    return None


def compare(context: StageContext, before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What changed between two summaries; patents whose class or level changed, when LABELS of then are still there.

    Levels are compared only when both come from the same rules: else their change would tell of the rules, not of the release.
    """
    rules = {
        name: [before["rules"].get(name), value]
        for name, value in now["rules"].items()
        if before["rules"].get(name) != value
    }
    patents = _changed_patents(context, before["label_version"])
    if patents and rules:
        del patents["level_changed"]
    return {
        "release_id": before["release_id"],
        "data_to_date_before": before["data_to_date"],
        "data_to_date": now["data_to_date"],
        "rows": {table: [before["rows"].get(table, 0), rows] for table, rows in now["rows"].items()},
        "rules": rules,
        "levels": {}
        if rules
        else {level: [_share(before["levels"], level), _share(now["levels"], level)] for level in LEVELS},
        "classes": {
            name: [before["classes"].get(name, 0), now["classes"].get(name, 0)]
            for name in sorted({*before["classes"], *now["classes"]})
        },
        "new_classes": sorted(now["classes"].keys() - before["classes"].keys()),
        "vanished_classes": sorted(before["classes"].keys() - now["classes"].keys()),
        "patents": patents,
    }


def _changed_patents(context: StageContext, version: str) -> dict[str, int] | None:
    labels = _labels_of(context, version)
    if labels is None:
        return None
    earlier = context.session.read.schema(context.read("LABELS").schema).parquet(location(labels))
    return dict(changes(earlier, context.read("LABELS")).toArrow().to_pylist()[0])


def _labels_of(context: StageContext, version: str) -> Path | None:
    kept: list[Manifest] = [
        manifest for manifest in context.store.manifests("label") if manifest.version == version
    ]
    return context.store.directory_in(kept[0], "LABELS") if kept else None


def _share(levels: Mapping[str, int], level: str) -> float:
    total = sum(levels.values())
    return levels[level] / total if total else 0.0
