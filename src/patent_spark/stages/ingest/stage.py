"""Stage ingest: one streaming pass from each zip of a release to Parquet; bad rows to REJECTS."""

from __future__ import annotations

import datetime
import os
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import PATENTS, RELATED_DOCUMENTS
from patent_spark.stages.ingest.file_formats import (
    CURRENT_RELATED_DOCUMENTS,
    OLD_RELATED_DOCUMENTS,
    Layout,
    find_layouts,
)
from patent_spark.stages.ingest.file_ingest import FileRun, Outcome
from patent_spark.stages.ingest.release_metadata import Notes, read_notes
from patent_spark.stages.ingest.writers import TableWriter
from patent_spark.stages.ingest.zip_reader import size_of


class Cancelled(Exception):
    """Another file of the release failed, so that reading this one on would be in vain."""


def run(context: StageContext) -> None:
    """Make PATENTS, ABSTRACTS, CITATIONS, CPC, RELATED_DOCUMENTS and REJECTS from the release that the configuration names; raises DataError.

    CLAIMS as well when text.fields asks for them: their files are many times as large as all the others together.
    """
    folder = (
        Path(context.config.source.path)
        if context.config.source.kind == "folder"
        else context.store.directory("RELEASE")
    )
    layouts = find_layouts(folder, claims="claims" in context.config.text.fields)
    notes = read_notes(folder, context.config.release)
    latest = notes.data_to_date or datetime.datetime.now(datetime.UTC).date()
    sizes = {layout.part: size_of(folder / layout.archive) for layout in layouts}
    largest_first = sorted(layouts, key=lambda layout: -sizes[layout.part])

    def read(layout: Layout, on_read: Callable[[int], None]) -> Outcome:
        outcome = FileRun(context, folder, layout, latest).run(on_read)
        if layout.table == PATENTS.name:
            require_each_year(layouts, folder, context.draft.path(PATENTS.name))
        return outcome

    with Progress("ingest", total=sum(sizes.values()), unit="B") as bar:
        outcomes = read_side_by_side(largest_first, read, bar, at_a_time=os.cpu_count() or 1)
    if RELATED_DOCUMENTS.name not in outcomes:
        with TableWriter(context.draft.path(RELATED_DOCUMENTS.name), "part-0", RELATED_DOCUMENTS.name, ()):
            say(
                f"  {folder} has no {CURRENT_RELATED_DOCUMENTS.archive} or {OLD_RELATED_DOCUMENTS.archive}: only their abstracts tell which patents are a family"
            )
    _learn(context, folder, notes, [outcomes[layout.part] for layout in layouts])


def require_each_year(layouts: Sequence[Layout], folder: Path, patents: Path) -> None:
    """Raise DataError when a table with a file for each year lacks that of a year in which patents were granted."""
    yearly = [layout for layout in layouts if layout.year is not None]
    if not yearly:
        return
    granted = pc.unique(pc.year(pq.read_table(patents, columns=["grant_date"])["grant_date"])).to_pylist()
    missing = sorted(set(granted) - {layout.year for layout in yearly})
    if missing:
        names = ", ".join(replace(yearly[0], year=year).archive for year in missing[:5]) + (
            ", ..." if len(missing) > 5 else ""
        )
        raise DataError(
            f"{folder} has no {names} ({yearly[0].table}), although patents were granted then; add what is missing"
        )


def read_side_by_side(
    layouts: list[Layout],
    read: Callable[[Layout, Callable[[int], None]], Outcome],
    bar: Progress,
    *,
    at_a_time: int,
) -> dict[str, Outcome]:
    """Read several files at a time and advance the bar by their bytes; the first failure stops them all and is raised.

    Returns the outcome of each file by Layout.part.
    """
    failed, lock = threading.Event(), threading.Lock()

    def on_read(size: int) -> None:
        if failed.is_set():
            raise Cancelled
        with lock:
            bar.update(size)

    def one(layout: Layout) -> Outcome:
        try:
            return read(layout, on_read)
        except BaseException:
            failed.set()
            raise

    with ThreadPoolExecutor(at_a_time) as threads:
        running = {layout.part: threads.submit(one, layout) for layout in layouts}
        try:
            errors = [error for future in running.values() if (error := future.exception()) is not None]
        except BaseException:  # interrupted while waiting
            failed.set()
            raise
    for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
        raise error
    return {part: future.result() for part, future in running.items()}


def _learn(context: StageContext, folder: Path, notes: Notes, outcomes: list[Outcome]) -> None:
    yearly = [outcome for outcome in outcomes if outcome.layout.year is not None]
    for outcome in outcomes:
        if outcome not in yearly:
            say(f"  {outcome.layout.archive}: {_rows_of([outcome])}")
    if yearly:
        say(f"  {yearly[0].layout.archive} to {yearly[-1].layout.archive}: {_rows_of(yearly)}")
    if notes.data_to_date is None:
        newest = max((outcome.newest_grant for outcome in outcomes if outcome.newest_grant), default=None)
        if newest is None:
            raise DataError(
                f"{folder} has no usable patent to take data_to_date from; set release.data_to_date"
            )
        say(
            f"  data_to_date is unknown; taken from the newest grant date: {newest} (release.data_to_date sets it)"
        )
        notes = replace(notes, data_to_date=newest)
    rows_in, rejected_of = Counter[str](), defaultdict[str, Counter[str]](Counter)
    for outcome in outcomes:
        rows_in.update(dict.fromkeys(outcome.layout.tables, outcome.rows_in))
        rejected_of[outcome.layout.table].update(outcome.rejected)
    metadata = IngestMetadata(
        release_id=notes.id or f"{folder.name}-{notes.data_to_date}",
        data_to_date=notes.data_to_date,
        data_to_date_from=notes.data_to_date_from,
        generator_rates=notes.attainable,
        synonyms=notes.synonyms,
        rows_in=dict(rows_in),
        rejected={table: dict(reasons.most_common()) for table, reasons in rejected_of.items()},
        cited_malformed=sum(outcome.cited_malformed for outcome in outcomes),
        without_abstract=sum(outcome.without_abstract for outcome in outcomes),
        related_documents_from=next(
            (
                outcome.layout.archive
                for outcome in outcomes
                if outcome.layout.table == RELATED_DOCUMENTS.name
            ),
            None,
        ),
    )
    context.record_metadata(metadata)


def _rows_of(outcomes: Sequence[Outcome]) -> str:
    rejected = sum(sum(outcome.rejected.values()) for outcome in outcomes)
    return f"{sum(outcome.rows_in for outcome in outcomes):,} rows, {rejected:,} rejected"
