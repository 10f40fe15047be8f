"""Stages of a warehouse with the inputs, files and tables that a lineage tells of."""

from patent_spark.core.metadata import SourceFile
from patent_spark.core.store import Store
from tests.support.factories import stage_metadata

FILE = SourceFile(bytes=5, sha256="ab" * 32, crc32="0000cafe")
RELEASE = {
    "release_id": "r-7",
    "data_to_date": "2020-06-30",
    "data_to_date_from": "release.json",
    "folder": "/data/r-7",
    "source": "https://api.example/products/P",
    "files": {"g_patent.tsv.zip": FILE},
}


def publish_stage(store: Store, stage: str, inputs: dict[str, str], metadata=None):
    """An empty version of a stage that read these versions."""
    with store.draft(stage) as draft:
        draft.metadata = metadata
        return draft.publish(
            key=f"key of {stage}",
            release_id="r-7",
            settings={},
            inputs=inputs,
            seconds=0.0,
            code="1.0",
            engine="e",
        )


def publish_chain(root) -> dict[str, str]:
    """The stages from a release to the examples; returns the version of each."""
    store, versions = Store(root), {}
    reads = {
        "ingest": (),
        "label": ("ingest",),
        "split": ("ingest", "label"),
        "text": ("ingest", "split"),
        "shard": ("label", "split", "text"),
    }
    for stage, read in reads.items():
        inputs = {name: versions[name] for name in read} or {"source": "digest of the files"}
        metadata = stage_metadata("ingest", **RELEASE) if stage == "ingest" else None
        versions[stage] = publish_stage(store, stage, inputs, metadata).version
    return versions
