"""The previous release: what is kept of it for comparison, where it is found, and what differs."""

from __future__ import annotations

import json
from pathlib import Path

from patent_spark.core.context import StageContext
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import location
from patent_spark.stages.quality.aggregates import changes
from patent_spark.stages.quality.comparison_schema import PatentChanges, ReleaseComparison, ReleaseSummary
from patent_spark.stages.quality.report_schema import QualityReport

JSON = "quality.json"


def summarise(report: QualityReport) -> ReleaseSummary:
    """What the next release is compared with."""
    return ReleaseSummary(
        release_id=report.release.id,
        data_to_date=report.release.data_to_date,
        label_version=report.release.label_version,
        rows={table: size.rows for table, size in report.tables.items()},
        levels={level: report.outcomes[level] for level in LEVELS},
        classes={name: sum(outcomes.values()) for name, outcomes in report.classes.items()},
        rules=report.release.rules,
    )


def find_previous(context: StageContext, release_id: str) -> ReleaseSummary | None:
    """The summary of the newest other release that this stage read, or None.

    A version of the same release passes on what it was compared with, so that a repeated stage does not
    lose it.
    """
    for manifest in context.store.manifests("quality"):
        path = context.store.directory_in(manifest, "QUALITY") / JSON
        earlier = json.loads(path.read_text()) if path.exists() else {}
        for one in (earlier.get("summary"), earlier.get("summary_before")):
            if one and one["release_id"] != release_id:
                return ReleaseSummary.model_validate(one)
    return None


def compare(context: StageContext, before: ReleaseSummary, now: ReleaseSummary) -> ReleaseComparison:
    """What changed between two releases, with changed patents if the earlier LABELS are still kept.

    Levels are compared only if both come from the same rules. Otherwise a difference could be due to the
    rules.
    """
    rules = {
        name: (before.rules.get(name), value)
        for name, value in now.rules.items()
        if before.rules.get(name) != value
    }
    shares = {level: (_share(before.levels, level), _share(now.levels, level)) for level in LEVELS}
    names = sorted({*before.classes, *now.classes})
    return ReleaseComparison(
        release_id=before.release_id,
        data_to_date_before=before.data_to_date,
        data_to_date=now.data_to_date,
        rows={table: (before.rows.get(table, 0), rows) for table, rows in now.rows.items()},
        rules=rules,
        levels={} if rules else shares,
        classes={name: (before.classes.get(name, 0), now.classes.get(name, 0)) for name in names},
        new_classes=tuple(sorted(now.classes.keys() - before.classes.keys())),
        missing_classes=tuple(sorted(before.classes.keys() - now.classes.keys())),
        patents=_changed_patents(context, before.label_version, same_rules=not rules),
    )


def _changed_patents(context: StageContext, version: str, *, same_rules: bool) -> PatentChanges | None:
    directory = _labels_of(context, version)
    if directory is None:
        return None
    labels = context.read("LABELS")
    earlier = context.session.read.schema(labels.schema).parquet(location(directory))
    row = changes(earlier, labels).toArrow().to_pylist()[0]
    return PatentChanges(**row | ({} if same_rules else {"level_changed": None}))


def _labels_of(context: StageContext, version: str) -> Path | None:
    kept = [manifest for manifest in context.store.manifests("label") if manifest.version == version]
    return context.store.directory_in(kept[0], "LABELS") if kept else None


def _share(levels: dict[str, int], level: str) -> float:
    total = sum(levels.values())
    return levels[level] / total if total else 0.0
