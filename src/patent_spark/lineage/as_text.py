"""A lineage for a person to read."""

from __future__ import annotations

from patent_spark.core.lineage import Lineage, ReleaseLineage
from patent_spark.lineage.records import Lineages, ModelLineage
from patent_spark.reporting.html import aligned


def as_text(lineages: Lineages) -> str:
    """One block of lines a model: the model, its run, its stages with their tables, the release's files."""
    return "\n\n".join("\n".join(_block(model)) for model in lineages.models)


def _block(model: ModelLineage) -> list[str]:
    run, release = model.run, model.origin.release
    head = [
        ("model", model.model + (" (champion)" if model.champion else "")),
        ("run", f"{run.run_id} ({run.name}), {run.status.lower()}, begun {run.started} UTC"),
        ("code", run.code or "unknown"),
        ("release", run.release_id or "unknown"),
    ]
    if model.judged_by:
        versions = ", ".join(f"{stage} {version}" for stage, version in model.judged_by.items())
        head.append(("registered", f"with {versions}"))
    if not model.recorded:
        head.append(("note", "older than lineage.json: below is what the warehouse still has of its stages"))
    return [*aligned(head), "", *_stages(model.origin), *(["", *_files(release)] if release else [])]


def _stages(origin: Lineage) -> list[str]:
    if not origin.stages:
        return ["the warehouse has none of the stages behind this model any more"]
    rows = [("stage", "version", "read", "tables")]
    for stage in origin.stages:
        read = ", ".join(stage.inputs) or "-"
        tables = ", ".join(f"{name} {size['rows']:,}" for name, size in stage.tables.items())
        rows.append((stage.stage, stage.version, read, tables or "-"))
    return aligned(rows)


def _files(release: ReleaseLineage) -> list[str]:
    kind = "simulated release" if release.simulated else "release"
    lines = [
        f"{kind} {release.release_id}, data to {release.data_to_date} ({release.data_to_date_from}), "
        f"from {release.source or release.folder or 'an unknown folder'}"
    ]
    if not release.files:
        return [*lines, "its files were read before their checksums were recorded"]
    rows = [("file", "bytes", "SHA-256", "CRC-32 of the TSV")]
    rows += [(name, f"{file.bytes:,}", file.sha256, file.crc32) for name, file in release.files.items()]
    return [*lines, *aligned(rows)]
