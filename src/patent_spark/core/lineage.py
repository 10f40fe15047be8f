"""What a model comes from, as lineage.json keeps it: the stages before it, their tables, and the release's
files.

The record is made when a model is trained and travels with it, because the warehouse keeps only the last
versions of each stage.
"""

from __future__ import annotations

import datetime
from graphlib import TopologicalSorter

from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import IngestMetadata, Record, SourceFile
from patent_spark.core.store import Store

LINEAGE_FILE = "lineage.json"


class StageLineage(Record):
    """One version of a stage."""

    stage: str
    version: str
    key: str
    """Digest of all that the version depends on."""
    created: str
    """UTC, ISO 8601."""
    code: str
    engine: str
    inputs: dict[str, str]
    """The version of each stage that was read; of `source`, a digest of the release's files."""
    tables: dict[str, dict[str, int]]
    """Rows, files and bytes of each table."""


class ReleaseLineage(Record):
    """The release that was read."""

    release_id: str
    data_to_date: datetime.date
    data_to_date_from: str
    simulated: bool
    folder: str
    source: str
    """Where it was downloaded from; empty where release.json does not say."""
    files: dict[str, SourceFile]
    """Empty when an older version of patent_spark read it."""


class Lineage(Record):
    """lineage.json."""

    release: ReleaseLineage | None
    """None when the version of ingest is no longer in the warehouse, or another version of patent_spark made
    it."""
    stages: tuple[StageLineage, ...]
    """The stages behind a result, the first one first."""


def lineage_of(store: Store, versions: dict[str, str]) -> Lineage:
    """What these versions of stages come from, they included.

    A version that the warehouse no longer keeps ends its branch.
    """
    manifests: dict[str, Manifest] = {}
    waiting = dict(versions)
    while waiting:
        stage, version = waiting.popitem()
        manifest = _manifest(store, stage, version)
        if manifest is not None and stage not in manifests:
            manifests[stage] = manifest
            waiting |= manifest.inputs
    order = TopologicalSorter(
        {stage: manifests.keys() & each.inputs for stage, each in sorted(manifests.items())}
    )
    stages = tuple(stage_lineage(manifests[stage]) for stage in order.static_order())
    return Lineage(release=release_lineage(manifests.get("ingest")), stages=stages)


def _manifest(store: Store, stage: str, version: str) -> Manifest | None:
    return next((each for each in store.manifests(stage) if each.version == version), None)


def stage_lineage(manifest: Manifest) -> StageLineage:
    """A published version of a stage."""
    return StageLineage(
        stage=manifest.stage,
        version=manifest.version,
        key=manifest.key,
        created=manifest.created,
        code=manifest.code,
        engine=manifest.engine,
        inputs=manifest.inputs,
        tables=manifest.tables,
    )


def release_lineage(ingest: Manifest | None) -> ReleaseLineage | None:
    """The release that a version of ingest read; None for another stage, or an unreadable record."""
    is_ingest = ingest is not None and ingest.stage == "ingest"
    read = ingest.metadata_if_readable(IngestMetadata) if ingest and is_ingest else None
    if read is None:
        return None
    return ReleaseLineage(
        release_id=read.release_id,
        data_to_date=read.data_to_date,
        data_to_date_from=read.data_to_date_from,
        simulated=read.generator_rates is not None,
        folder=read.folder,
        source=read.source,
        files=read.files,
    )
