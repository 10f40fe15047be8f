"""The gates: each holds a value of the candidate release to a limit, often relative to the release before.

A gate that compares with a release before is left out of the first refresh.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.config import Refresh
from patent_spark.core.metadata import IngestMetadata
from patent_spark.refresh.report_schema import GateResult
from patent_spark.stages.quality.report_schema import Hole, QualityReport

GATES = {
    "age": "the release is not older than the one before",
    "rows": "rows of each table against the release before",
    "rejects": "share of each file's rows that were rejected or lost",
    "joins": "share of each table's rows that meet no patent",
    "holes": "grant years without citations, CPC codes or abstracts that the release before did not have",
    "labels": "change of the share of each citation level",
    "classes": "share of the patents that changed their class",
    "vocabulary": "share of the running words that the vocabulary before did not have",
    "audit": "the leak audit of the new models",
    "champion": "the new models against the champions",
}
"""Every gate by name, in the order in which they are asked."""


def release_gates(
    report: QualityReport, before: QualityReport | None, ingest: IngestMetadata, limits: Refresh
) -> list[GateResult]:
    """The gates on QUALITY of the candidate release, of the release before it, and on what was ingested."""
    return [
        *_age(report, before),
        *_rows(report, before, limits.min_row_ratio),
        *_rejects(ingest, limits.max_reject_share),
        *_joins(report, before, limits.max_unmatched_increase),
        *_holes(report, before),
        *_labels(report, before, limits.max_level_change),
        *_classes(report, limits.max_class_change),
    ]


def vocabulary_gate(words: pa.Table, before: pa.Table, limit: float) -> list[GateResult]:
    """The gate on VOCABULARY of the candidate release: its words, weighted by their counts."""
    is_new = pc.invert(pc.is_in(words["word"], before["word"].combine_chunks()))
    total = pc.sum(words["count"]).as_py() or 0
    share = (pc.sum(words.filter(is_new)["count"]).as_py() or 0) / total if total else 1.0
    reason = "of the running words are not in the vocabulary before"
    return [_at_most("vocabulary", "VOCABULARY", share, limit, reason)]


def accepted(results: Iterable[GateResult], reasons: Mapping[str, str]) -> list[GateResult]:
    """The results, with a person's reason for each that did not pass and that the person accepted."""
    return [
        result if result.passed else result.model_copy(update={"accepted": reasons.get(result.gate, "")})
        for result in results
    ]


def _age(report: QualityReport, before: QualityReport | None) -> Iterator[GateResult]:
    if before:
        yield GateResult(
            gate="age",
            subject="release",
            value=None,
            limit=None,
            passed=report.release.data_to_date >= before.release.data_to_date,
            reason=f"data to {report.release.data_to_date}, before to {before.release.data_to_date}",
        )


def _rows(report: QualityReport, before: QualityReport | None, limit: float) -> Iterator[GateResult]:
    for table, size in before.tables.items() if before else ():
        if size.rows:
            now = report.tables[table].rows if table in report.tables else 0
            reason = f"of the {size.rows:,} rows before: {now:,}"
            yield _at_least("rows", table, now / size.rows, limit, reason)


def _rejects(ingest: IngestMetadata, limit: float) -> Iterator[GateResult]:
    for table, rows in ingest.rows_in.items():
        lost = sum(ingest.rejected.get(table, {}).values()) + ingest.lost.get(table, 0)
        reason = f"{lost:,} of {rows:,} rows rejected or lost"
        yield _at_most("rejects", table, lost / rows if rows else 0.0, limit, reason)


def _joins(report: QualityReport, before: QualityReport | None, increase: float) -> Iterator[GateResult]:
    shares, known = _unmatched(report), _unmatched(before)
    for table, share in shares.items():
        if table in known:
            reason = f"of the rows meet no patent; before {known[table]:.1%}"
            yield _at_most("joins", table, share, min(1.0, known[table] + increase), reason)


def _unmatched(report: QualityReport | None) -> dict[str, float]:
    joins = report.joins if report else {}
    return {table: join.unmatched / join.rows for table, join in joins.items() if join.rows}


def _holes(report: QualityReport, before: QualityReport | None) -> Iterator[GateResult]:
    known = {_years(hole) for hole in before.holes} if before else set()
    new = [hole for hole in report.holes if _years(hole) not in known]
    named = ", ".join(f"{hole.what} {hole.first_year} to {hole.last_year}" for hole in new)
    yield GateResult(
        gate="holes",
        subject="grant years",
        value=len(new),
        limit=0,
        form="count",
        passed=not new,
        reason=named or "none that is new",
    )


def _years(hole: Hole) -> tuple[str, int, int]:
    return hole.what, hole.first_year, hole.last_year


def _labels(report: QualityReport, before: QualityReport | None, limit: float) -> Iterator[GateResult]:
    summary, earlier = report.summary, before.summary if before else None
    if summary is None or earlier is None or summary.rules != earlier.rules:
        return  # other rules give other levels
    now, then = _shares(summary.levels), _shares(earlier.levels)
    for level in now if now and then else ():
        reason = f"{level}: {now[level]:.1%} of the labelled patents, before {then[level]:.1%}"
        yield _at_most("labels", "LABELS", abs(now[level] - then[level]), limit, reason)


def _shares(levels: Mapping[str, int]) -> dict[str, float]:
    total = sum(levels.values())
    return {level: count / total for level, count in levels.items()} if total else {}


def _classes(report: QualityReport, limit: float) -> Iterator[GateResult]:
    patents = report.compared.patents if report.compared else None
    if patents and patents.both:
        reason = f"{patents.class_changed:,} of {patents.both:,} patents changed their class"
        yield _at_most("classes", "LABELS", patents.class_changed / patents.both, limit, reason)


def _at_most(gate: str, subject: str, value: float, limit: float, reason: str) -> GateResult:
    return GateResult(
        gate=gate, subject=subject, value=value, limit=limit, passed=value <= limit, reason=reason
    )


def _at_least(gate: str, subject: str, value: float, limit: float, reason: str) -> GateResult:
    return GateResult(
        gate=gate,
        subject=subject,
        value=value,
        limit=limit,
        at_least=True,
        passed=value >= limit,
        reason=reason,
    )
