"""Stage quality: what a release holds, what each rule drops, and what changed since the previous release.

QUALITY holds quality.json, a page and its plots.
"""

from __future__ import annotations

from typing import Any

from patent_spark.config import Label, recorded
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import IngestMetadata, QualityMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.store import Store
from patent_spark.stages.quality import aggregates
from patent_spark.stages.quality.coverage import COVERED, coverage_by_year, find_holes, total_coverage
from patent_spark.stages.quality.known_issues import find_known_issues, with_reclassified
from patent_spark.stages.quality.rejects import reject_kinds
from patent_spark.stages.quality.release_diff import JSON, compare, find_previous, summarise
from patent_spark.stages.quality.report import write_page
from patent_spark.stages.quality.report_schema import (
    CitationsOf1976AndLater,
    DayOfGrants,
    LongestTexts,
    QualityReport,
    RejectKind,
    RelatedPatents,
    ReleaseInfo,
    RepeatedText,
    TableRows,
)
from patent_spark.stages.quality.summary import (
    Aggregates,
    Row,
    categories_by_year,
    citation_steps,
    citations_by,
    forward_citations_by_decade,
    missing_ranges,
    outcomes,
    outcomes_by,
    patent_steps,
    types,
)
from patent_spark.stages.quality.warnings import comparison_warnings, release_warnings


def run(context: StageContext) -> None:
    """Write quality.json, report.html and plots, and log the warnings.

    Raises DataError if LABELS are of another ingest.
    """
    ingest, label = _manifests(context.store)
    counted = count(context, recorded(label.settings).label)
    report = describe(counted, ingest, label, reject_kinds(context.store.directory("REJECTS")))
    now, before = summarise(report), find_previous(context, ingest.release_id)
    compared = compare(context, before, now) if before else None
    warnings = release_warnings(report) + (comparison_warnings(compared) if compared else [])
    report = report.model_copy(
        update={
            "warnings": tuple(warnings),
            "known_issues": with_reclassified(report.known_issues, compared),
            "compared": compared,
            "summary": now,
            "summary_before": before,
        }
    )
    folder = context.draft.path("QUALITY")
    write_json(folder / JSON, report.model_dump(mode="json", by_alias=True))
    write_page(folder, report)
    messages = tuple(warning.message for warning in warnings)
    for message in messages:
        say(f"  {message}")
    compared_with = before.release_id if before else None
    context.record_metadata(QualityMetadata(warnings=messages, compared_with=compared_with))


def count(context: StageContext, label: Label) -> Aggregates:
    """The aggregates of the release.

    CITATIONS is read once, and a second time if the cited patent of some citations is missing.
    """
    patents, citations, labels = context.read("PATENTS"), context.read("CITATIONS"), context.read("LABELS")
    frames = {
        "citations": aggregates.citation_aggregates(citations, patents, label),
        "patents": aggregates.patent_aggregates(patents, labels),
        "histogram": aggregates.forward_histogram(labels),
        "blocks": aggregates.blocks_of_patents(patents),
        "sequences": aggregates.sequence_faults(context.read("CPC")),
        "totals": aggregates.count_totals(context.read("COUNTS")),
        "days": aggregates.grant_days(patents),
        "coverage": coverage_by_year(
            patents, {name: context.read(table) for name, (table, _) in COVERED.items()}
        ),
        "cpc_types": aggregates.unknown_cpc_types(context.read("CPC")),
        "patent_types": aggregates.unknown_patent_types(patents),
        "repeated": aggregates.most_repeated(context.read("ABSTRACTS"), "abstract"),
        "repeated_titles": aggregates.most_repeated(patents, "title"),
        "longest_texts": aggregates.longest_texts(context.read("ABSTRACTS"), "abstract"),
        "busiest_day": aggregates.busiest_day(patents),
        "related": aggregates.related_patents(context.read("RELATED_DOCUMENTS"), patents),
    }
    rows: dict[str, list[Row]] = {}
    with Progress("quality", total=len(frames), unit="counts") as bar:
        for name, frame in frames.items():
            rows[name] = frame.toArrow().to_pylist()
            bar.update(1)
    absent = any(row["cited"] == aggregates.ABSENT for row in rows["citations"])
    rows["absent"] = aggregates.blocks_of_absent(citations, patents).toArrow().to_pylist() if absent else []
    spelled = any(row["category"] == aggregates.OTHER_SPELLING for row in rows["citations"])
    rows["categories"] = aggregates.unknown_categories(citations).toArrow().to_pylist() if spelled else []
    single = {name: rows.pop(name)[0] for name in ("sequences", "totals", "days", "related")}
    values: dict[str, Any] = {**rows, **single}
    return Aggregates(**values)


def describe(
    counted: Aggregates, ingest: Manifest, label: Manifest, rejects: tuple[RejectKind, ...]
) -> QualityReport:
    """The report about this release alone, without its warnings."""
    metadata = ingest.metadata_as(IngestMetadata)
    tables = _tables(ingest, metadata)
    classes = outcomes_by(counted.patents, "cpc_class")
    cited = citations_by(counted.citations, "cited")
    known = cited.get(aggregates.STANDING, 0) + cited.get(aggregates.WITHDRAWN, 0)
    absent = cited.get(aggregates.ABSENT, 0)
    # Interim levels change no level.
    rules = {
        name: value
        for name, value in label.settings.items()
        if name.startswith("label.") and name != "label.follow_up_months"
    }
    return QualityReport(
        release=ReleaseInfo(
            id=ingest.release_id,
            data_to_date=str(metadata.data_to_date),
            data_to_date_from=metadata.data_to_date_from,
            newest_grant=str(counted.days["last"] or ""),
            ingest_version=ingest.version,
            label_version=label.version,
            rules=rules,
        ),
        tables=tables,
        related=RelatedPatents(**{"from": metadata.related_documents_from, **counted.related}),
        outcomes=outcomes(counted.patents),
        known_issues=find_known_issues(counted, metadata, classes),
        patent_steps=patent_steps(counted, tables["PATENTS"]),
        citation_steps=citation_steps(counted, tables["CITATIONS"]),
        years=outcomes_by(counted.patents, "year"),
        classes=classes,
        types=types(counted.patents),
        categories=categories_by_year(counted.citations),
        forward_citations=forward_citations_by_decade(counted.histogram),
        citations_of_1976_and_later=CitationsOf1976AndLater(all=known + absent, absent=absent),
        missing_ranges=missing_ranges(counted.blocks, counted.absent),
        rejects=rejects,
        lost=metadata.lost,
        respelled=metadata.respelled,
        joins=metadata.joins,
        blank=metadata.blank,
        holes=tuple(find_holes(counted.coverage)),
        coverage=total_coverage(counted.coverage),
        repeated_sequences=counted.sequences["doubled"],
        unknown_values=_unknown_values(counted),
        longest_texts=tuple(LongestTexts(**row) for row in counted.longest_texts),
        busiest_day=next((DayOfGrants(**row) for row in counted.busiest_day), None),
        repeated_texts=tuple(RepeatedText(**row) for row in (*counted.repeated, *counted.repeated_titles)),
    )


def _unknown_values(counted: Aggregates) -> dict[str, dict[str, int]]:
    columns = {
        "CITATIONS.citation_category": counted.categories,
        "CPC.cpc_type": counted.cpc_types,
        "PATENTS.patent_type": counted.patent_types,
    }
    return {column: {row["value"]: row["rows"] for row in rows} for column, rows in columns.items() if rows}


def _tables(ingest: Manifest, metadata: IngestMetadata) -> dict[str, TableRows]:
    related = ["RELATED_DOCUMENTS"] if metadata.related_documents_from else []
    of_patents = metadata.rejected.get("PATENTS", {})
    return {
        table: TableRows(
            rows=ingest.tables[table]["rows"],
            rows_in=metadata.rows_in.get(table, ingest.tables[table]["rows"]),
            # In the older dumps, abstracts are a column of the patent file and are rejected with it.
            rejected=sum(metadata.rejected.get(table, of_patents).values()),
            lost=metadata.lost.get(table if table in metadata.rejected else "PATENTS", 0),
        )
        for table in ("PATENTS", "ABSTRACTS", "CITATIONS", "CPC", *related)
    }


def _manifests(store: Store) -> tuple[Manifest, Manifest]:
    ingest, label = store.manifest("ingest"), store.manifest("label")
    if ingest is None or label is None:
        raise DataError(
            f"no LABELS in {store.address}; run `patent-spark ingest` and `patent-spark label` first"
        )
    return ingest, label
