"""Stage ingest: one streaming pass from each zip of a release to Parquet; bad rows to REJECTS."""

from __future__ import annotations

import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata, JoinMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import CPC_TITLES, PATENTS, RELATED_DOCUMENTS
from patent_spark.sources.local import release_folder
from patent_spark.stages.ingest.file_formats import (
    CURRENT_RELATED_DOCUMENTS,
    OLD_RELATED_DOCUMENTS,
    FileFormat,
    find_formats,
)
from patent_spark.stages.ingest.file_ingest import FileOutcome
from patent_spark.stages.ingest.joins import measure_joins, require_joins
from patent_spark.stages.ingest.release_metadata import ReleaseMetadata, read_release_metadata
from patent_spark.stages.ingest.unchanged_files import ingest_file
from patent_spark.stages.ingest.writers import TableWriter
from patent_spark.stages.ingest.zip_reader import size_of


class Cancelled(Exception):
    """Another file of the release failed, so reading this one is pointless."""


def run(context: StageContext) -> None:
    """Write PATENTS, ABSTRACTS, CITATIONS, CPC, RELATED_DOCUMENTS, CPC_TITLES and REJECTS of a release.

    Writes CLAIMS only when text.fields asks for them: their files are many times as large as all the others
    together.
    Raises DataError when the release is unusable.
    """
    simulated = context.config.source.kind == "simulate"
    folder = context.store.directory("RELEASE") if simulated else release_folder(context.config)
    formats = find_formats(folder, claims="claims" in context.config.text.fields)
    release = read_release_metadata(folder, context.config.release)
    parts = context.parts  # opened here, before there are several threads
    sizes = {format_.part: size_of(folder / format_.archive) for format_ in formats}
    largest_first = sorted(formats, key=lambda format_: -sizes[format_.part])

    def read(format_: FileFormat, on_read: Callable[[int], None]) -> FileOutcome:
        outcome = ingest_file(context, parts, folder, format_, release, on_read)
        if format_.table == PATENTS.name:
            require_each_year(formats, folder, context.draft.path(PATENTS.name))
        return outcome

    with Progress("ingest", total=sum(sizes.values()), unit="B") as bar:
        outcomes = read_in_parallel(largest_first, read, bar, at_a_time=os.cpu_count() or 1)
    _write_empty(context, {RELATED_DOCUMENTS.name, CPC_TITLES.name} - outcomes.keys())
    if RELATED_DOCUMENTS.name not in outcomes:
        say(
            f"  {folder} has no {CURRENT_RELATED_DOCUMENTS.archive} or {OLD_RELATED_DOCUMENTS.archive}: "
            "families are built from abstracts alone"
        )
    samples = defaultdict(list)
    for outcome in outcomes.values():
        samples[outcome.format.table].append(outcome.samples)
    joins = measure_joins(context.draft.path(PATENTS.name), samples)
    require_joins(joins, folder, context.config.ingest.min_matched_fraction)
    _record(context, folder, release, [outcomes[format_.part] for format_ in formats], joins)


def _write_empty(context: StageContext, tables: Iterable[str]) -> None:
    for table in tables:
        with TableWriter(context.draft.path(table), "part-0", table, ()):
            pass


def require_each_year(formats: Sequence[FileFormat], folder: Path, patents: Path) -> None:
    """Raise DataError when a table with one file per year lacks the file of a year with granted patents."""
    yearly = [format_ for format_ in formats if format_.year is not None]
    if not yearly:
        return
    granted = pc.unique(pc.year(pq.read_table(patents, columns=["grant_date"])["grant_date"])).to_pylist()
    missing = sorted(set(granted) - {format_.year for format_ in yearly})
    if missing:
        files = [replace(yearly[0], year=year).archive for year in missing]
        names = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "")
        raise DataError(
            f"{folder} has no {names} ({yearly[0].table}), but patents were granted in those years; "
            "add the missing files",
            folder=folder,
            file=files[0],
            table=yearly[0].table,
        )


def read_in_parallel(
    formats: list[FileFormat],
    read: Callable[[FileFormat, Callable[[int], None]], FileOutcome],
    bar: Progress,
    *,
    at_a_time: int,
) -> dict[str, FileOutcome]:
    """Read `at_a_time` files in parallel and advance the bar by their bytes.

    Returns the outcome of each file by FileFormat.part. The first failure stops all of them and is raised.
    """
    failed, lock = threading.Event(), threading.Lock()

    def on_read(size: int) -> None:
        if failed.is_set():
            raise Cancelled
        with lock:
            bar.update(size)

    def one(format_: FileFormat) -> FileOutcome:
        try:
            return read(format_, on_read)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(at_a_time) as threads:
        running = {format_.part: threads.submit(one, format_) for format_ in formats}
        try:
            errors = [error for future in running.values() if (error := future.exception()) is not None]
        except BaseException:
            # Interrupted while waiting.
            failed.set()
            raise
    for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
        raise error
    return {part: future.result() for part, future in running.items()}


def _record(
    context: StageContext,
    folder: Path,
    release: ReleaseMetadata,
    outcomes: list[FileOutcome],
    joins: dict[str, JoinMetadata],
) -> None:
    yearly = [outcome for outcome in outcomes if outcome.format.year is not None]
    for outcome in outcomes:
        if outcome not in yearly:
            say(f"  {outcome.format.archive}: {_rows_of([outcome])}")
    if yearly:
        say(f"  {yearly[0].format.archive} to {yearly[-1].format.archive}: {_rows_of(yearly)}")
    if release.data_to_date is None:
        newest = max((outcome.newest_grant for outcome in outcomes if outcome.newest_grant), default=None)
        if newest is None:
            raise DataError(
                f"{folder} has no usable patent to take data_to_date from; set release.data_to_date",
                folder=folder,
                setting="release.data_to_date",
            )
        say(f"  data_to_date is {newest}, the newest grant date; to change it set release.data_to_date")
        release = replace(release, data_to_date=newest)
    rows_in, lost, blank = Counter[str](), Counter[str](), Counter[str]()
    rejected_of, respelled = defaultdict[str, Counter[str]](Counter), defaultdict[str, Counter[str]](Counter)
    for outcome in outcomes:
        rows_in.update(dict.fromkeys(outcome.format.tables, outcome.rows_in))
        rejected_of[outcome.format.table].update(outcome.rejected)
        respelled[outcome.format.table].update(outcome.respelled)
        lost[outcome.format.table] += outcome.lost
        blank.update(outcome.blank)
    related = [each.format.archive for each in outcomes if each.format.table == RELATED_DOCUMENTS.name]
    metadata = IngestMetadata(
        release_id=release.id or f"{folder.name}-{release.data_to_date}",
        data_to_date=release.data_to_date,
        data_to_date_from=release.data_to_date_from,
        folder=str(folder),
        source=release.source,
        files={each.format.archive: each.source for each in outcomes},
        generator_rates=release.bayes_rates,
        synonyms=release.synonyms,
        rows_in=dict(rows_in),
        rejected={table: dict(reasons.most_common()) for table, reasons in rejected_of.items()},
        lost={table: rows for table, rows in lost.items() if rows},
        respelled={table: dict(ids.most_common()) for table, ids in respelled.items() if ids},
        joins=joins,
        blank={column: rows for column, rows in blank.items() if rows},
        cited_malformed=sum(outcome.cited_malformed for outcome in outcomes),
        without_abstract=sum(outcome.without_abstract for outcome in outcomes),
        related_documents_from=next(iter(related), None),
    )
    context.record_metadata(metadata)


def _rows_of(outcomes: Sequence[FileOutcome]) -> str:
    rejected = sum(outcome.rows_rejected for outcome in outcomes)
    text = f"{sum(outcome.rows_in for outcome in outcomes):,} rows, {rejected:,} rejected"
    if lost := sum(outcome.lost for outcome in outcomes):
        text += f", {lost:,} more within them"
    if respelled := sum(sum(outcome.respelled.values()) for outcome in outcomes):
        text += f", {respelled:,} ids brought to PatentsView's form"
    return text
