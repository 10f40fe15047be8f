"""Freeing disk space: versions of stages that nobody needs any more."""

from __future__ import annotations

from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import Store
from patent_spark.reporting.html import aligned


def free_old_versions(store: Store, keep: int, days: float, *, dry_run: bool) -> str:
    """Remove what core/old_versions.py says can go, of all stages; returns a table of it."""
    rows, total = [], 0
    for stage in sorted(set(STAGE_OF.values())):
        for version in store.old_versions(stage, keep, days):
            if dry_run or store.remove(version):
                rows.append((stage, version.version, f"{version.bytes / 1e6:,.1f} MB"))
                total += version.bytes
    verb = "would free" if dry_run else "freed"
    return "\n".join(
        [*(aligned(rows) if rows else []), f"{verb} {total / 1e6:,.1f} MB in {len(rows)} versions"]
    )
