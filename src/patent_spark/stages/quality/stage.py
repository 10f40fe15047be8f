"""Stage quality: what a release holds, what each rule drops, what changed since the release before; QUALITY is a page and its numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow.dataset

from patent_spark.config import Label, recorded
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata, QualityMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.store import Manifest, Store, write_json
from patent_spark.stages.quality import aggregates
from patent_spark.stages.quality.known_issues import find_traps, with_reclassified
from patent_spark.stages.quality.release_diff import JSON, compare, find_before, summary
from patent_spark.stages.quality.report import write_page
from patent_spark.stages.quality.summary import (
    Counted,
    categories_by_year,
    citation_steps,
    decades,
    fates_by,
    missing_ranges,
    patent_steps,
    per_fate,
    types,
)
from patent_spark.stages.quality.warnings import doubts_about, doubts_since


def run(context: StageContext) -> None:
    """Write quality.json, report.html and figures; say what is odd. Raises DataError when LABELS are of another ingest."""
    ingest, label = _manifests(context.store)
    found = describe(
        count(context, recorded(label.settings).label),
        ingest,
        label,
        _rejects(context.store.directory("REJECTS")),
    )
    now, before = summary(found), find_before(context, ingest.release_id)
    compared = compare(context, before, now) if before else None
    warnings = doubts_about(found) + (doubts_since(compared) if compared else [])
    traps = with_reclassified(found["traps"], compared)
    found = (
        {"warnings": warnings}
        | found
        | {"traps": traps, "compared": compared, "summary": now, "summary_before": before}
    )
    folder = context.draft.path("QUALITY")
    write_json(folder / JSON, found)
    write_page(folder, found)
    for warning in warnings:
        say(f"  {warning}")
    compared_with = before["release_id"] if before else None
    context.record_metadata(QualityMetadata(warnings=tuple(warnings), compared_with=compared_with))


def count(context: StageContext, label: Label) -> Counted:
    """The facets of the release: one pass over CITATIONS, and a second over those whose cited patent is missing, if there are any."""
    patents, citations, labels = context.read("PATENTS"), context.read("CITATIONS"), context.read("LABELS")
    frames = {
        "citations": aggregates.citation_facets(citations, patents, label),
        "patents": aggregates.patent_facets(patents, labels),
        "histogram": aggregates.forward_histogram(labels),
        "blocks": aggregates.blocks_of_patents(patents),
        "sequences": aggregates.sequence_faults(context.read("CPC")),
        "totals": aggregates.count_totals(context.read("COUNTS")),
        "days": aggregates.grant_days(patents),
        "related": aggregates.related_patents(context.read("RELATED_DOCUMENTS"), patents),
    }
    rows: dict[str, Any] = {}
    with Progress("quality", total=len(frames), unit="counts") as bar:
        for name, frame in frames.items():
            rows[name] = frame.toArrow().to_pylist()
            bar.update(1)
    absent = any(facet["cited"] == aggregates.ABSENT for facet in rows["citations"])
    rows["absent"] = aggregates.blocks_of_absent(citations, patents).toArrow().to_pylist() if absent else []
    return Counted(**rows | {name: rows[name][0] for name in ("sequences", "totals", "days", "related")})


def describe(
    counted: Counted, ingest: Manifest, label: Manifest, rejects: list[dict[str, Any]]
) -> dict[str, Any]:
    """What quality.json says of this release alone, but for its warnings."""
    metadata = ingest.metadata_as(IngestMetadata)
    rows_in, rejected = metadata.rows_in, metadata.rejected
    tables = {
        table: {
            "rows": ingest.tables[table]["rows"],
            "rows_in": rows_in.get(table, ingest.tables[table]["rows"]),
            # In the older dumps the abstracts stand in the patent file, and are rejected with it.
            "rejected": sum(rejected.get(table, rejected.get("PATENTS", {})).values()),
        }
        for table in (
            "PATENTS",
            "ABSTRACTS",
            "CITATIONS",
            "CPC",
            *(["RELATED_DOCUMENTS"] if metadata.related_documents_from else []),
        )
    }
    classes = fates_by(counted.patents, "cpc_class")
    steps = {
        table: (tables[table]["rows_in"], tables[table]["rejected"]) for table in ("PATENTS", "CITATIONS")
    }
    known = sum(
        facet["citations"]
        for facet in counted.citations
        if facet["cited"] in (aggregates.STANDING, aggregates.WITHDRAWN)
    )
    absent = sum(facet["citations"] for facet in counted.citations if facet["cited"] == aggregates.ABSENT)
    return {
        "release": {
            "id": ingest.release_id,
            "data_to_date": str(metadata.data_to_date),
            "data_to_date_from": metadata.data_to_date_from,
            "newest_grant": str(counted.days["last"] or ""),
            "ingest_version": ingest.version,
            "label_version": label.version,
            "rules": {
                name: value for name, value in label.settings.items() if name != "label.follow_up_months"
            },  # early levels change no level
        },
        "tables": tables,
        "related": {"from": metadata.related_documents_from, **counted.related},
        "fates": per_fate(counted.patents),
        "traps": [dataclasses.asdict(trap) for trap in find_traps(counted, metadata, classes)],
        "patent_steps": [dataclasses.asdict(step) for step in patent_steps(counted, *steps["PATENTS"])],
        "citation_steps": [dataclasses.asdict(step) for step in citation_steps(counted, *steps["CITATIONS"])],
        "years": fates_by(counted.patents, "year"),
        "classes": classes,
        "types": types(counted.patents),
        "categories": categories_by_year(counted.citations),
        "forward_citations": decades(counted.histogram),
        "citations_of_1976_and_later": {"all": known + absent, "absent": absent},
        "missing_ranges": missing_ranges(counted.blocks, counted.absent),
        "rejects": rejects,
    }


def _manifests(store: Store) -> tuple[Manifest, Manifest]:
    ingest, label = store.manifest("ingest"), store.manifest("label")
    if ingest is None or label is None:
        raise DataError(
            f"no LABELS in {store.root}; run `patent-spark ingest` and `patent-spark label` first"
        )
    return ingest, label


def _rejects(directory: Path) -> list[dict[str, Any]]:
    """Rejected rows by table and reason, the most frequent first, each with the first row of its kind."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for batch in pyarrow.dataset.dataset(directory, format="parquet").to_batches():
        kinds = batch.select(["table", "reason"]).to_pandas().groupby(["table", "reason"], sort=False)
        for (table, reason), places in kinds.indices.items():
            first = (
                batch.slice(int(places[0]), 1).select(["table", "reason", "row", "content"]).to_pylist()[0]
            )
            found.setdefault((table, reason), {**first, "rows": 0})["rows"] += len(places)
    return sorted(found.values(), key=lambda kind: (kind["table"], -kind["rows"], kind["reason"]))
