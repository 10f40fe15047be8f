"""Stage ingest: one streaming pass from each zip of a release to Parquet; bad rows to REJECTS."""

from __future__ import annotations

import datetime
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from patent_spark.checks import DataError
from patent_spark.ingest.archive import size_of
from patent_spark.ingest.files import FileRun, Outcome
from patent_spark.ingest.layouts import Layout, find_layouts
from patent_spark.ingest.release import Notes, read_notes
from patent_spark.progress import Progress, say
from patent_spark.work import Work


class Cancelled(Exception):
    """Another file of the release failed, so that reading this one on would be in vain."""


def run(work: Work) -> None:
    """Make PATENTS, ABSTRACTS, CITATIONS, CPC and REJECTS from the release that the configuration names; raises DataError."""
    folder = Path(work.config.source.path) if work.config.source.kind == "folder" else work.store.directory("RELEASE")
    layouts = find_layouts(folder)
    notes = read_notes(folder, work.config.release)
    latest = notes.data_to_date or datetime.datetime.now(datetime.UTC).date()
    sizes = {layout.table: size_of(folder / layout.archive) for layout in layouts}
    largest_first = sorted(layouts, key=lambda layout: -sizes[layout.table])
    with Progress("ingest", total=sum(sizes.values()), unit="B") as bar:
        outcomes = read_side_by_side(
            largest_first, lambda layout, on_read: FileRun(work, folder, layout, latest).run(on_read), bar, at_a_time=os.cpu_count() or 1
        )
    _learn(work, folder, notes, [outcomes[layout.table] for layout in layouts])


def read_side_by_side(
    layouts: list[Layout], read: Callable[[Layout, Callable[[int], None]], Outcome], bar: Progress, *, at_a_time: int
) -> dict[str, Outcome]:
    """Read several files at a time and advance the bar by their bytes; the first failure stops them all and is raised."""
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
        running = {layout.table: threads.submit(one, layout) for layout in layouts}
        try:
            errors = [error for future in running.values() if (error := future.exception()) is not None]
        except BaseException:  # interrupted while waiting
            failed.set()
            raise
    for error in sorted(errors, key=lambda error: isinstance(error, Cancelled)):
        raise error
    return {table: future.result() for table, future in running.items()}


def _learn(work: Work, folder: Path, notes: Notes, outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        rejected = sum(outcome.rejected.values())
        say(f"  {outcome.layout.archive}: {outcome.rows_in:,} rows, {rejected:,} rejected")
    if notes.data_to_date is None:
        newest = max((outcome.newest_grant for outcome in outcomes if outcome.newest_grant), default=None)
        if newest is None:
            raise DataError(f"{folder} has no usable patent to take data_to_date from; set release.data_to_date")
        say(f"  data_to_date is unknown; taken from the newest grant date: {newest} (release.data_to_date sets it)")
        notes = replace(notes, data_to_date=newest)
    work.learn(
        release_id=notes.id or f"{folder.name}-{notes.data_to_date}",
        data_to_date=str(notes.data_to_date),
        data_to_date_from=notes.data_to_date_from,
        attainable=notes.attainable,
        rows_in={table: outcome.rows_in for outcome in outcomes for table in outcome.layout.tables},
        rejected={outcome.layout.table: outcome.rejected for outcome in outcomes},
        cited_malformed=sum(outcome.cited_malformed for outcome in outcomes),
        without_abstract=sum(outcome.without_abstract for outcome in outcomes),
    )
