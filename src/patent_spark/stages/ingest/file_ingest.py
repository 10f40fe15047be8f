"""One file of a release on its way into its tables: read, judged, written, block by block."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.progress import say
from patent_spark.core.schemas import ABSTRACTS, CITATIONS, CLAIMS, CPC, PATENTS, REJECTS, RELATED_DOCUMENTS
from patent_spark.stages.ingest.duplicate_pairs import COLUMN, Pairs, doubt_all
from patent_spark.stages.ingest.file_formats import Layout
from patent_spark.stages.ingest.tsv import Block, Reject, read_blocks
from patent_spark.stages.ingest.validation import (
    Columns,
    Judged,
    Rule,
    Seen,
    judge_abstracts,
    judge_citations,
    judge_claims,
    judge_classes,
    judge_patents,
    judge_relatives,
)
from patent_spark.stages.ingest.writers import RejectWriter, TableWriter
from patent_spark.stages.ingest.zip_reader import open_member


@dataclass
class Outcome:
    """What one file turned into."""

    layout: Layout
    rows_in: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Rejected rows by reason, the most frequent first."""
    newest_grant: datetime.date | None = None
    cited_malformed: int = 0
    """Citations whose cited id has no patent's form; they are kept, without a key."""
    without_abstract: int = 0


class FileRun:
    """One file of a release folder; `latest` is the last grant date that can be right."""

    def __init__(self, context: StageContext, folder: Path, layout: Layout, latest: datetime.date) -> None:
        self._work, self._layout, self._path = context, layout, folder / layout.archive
        self._rule = _rule(layout.table, latest)
        self._seen = Seen() if layout.table in (PATENTS.name, ABSTRACTS.name) else None
        self._pairs = Pairs() if layout.table == CITATIONS.name else None
        self._outcome = Outcome(layout)

    def run(self, on_read: Callable[[int], None]) -> Outcome:
        """Write all rows; raises DataError for an unreadable file, one without rows, or too many bad ones."""
        layout, block_bytes = self._layout, self._work.config.ingest.block_mb << 20
        rejects_path = self._work.draft.path(REJECTS.name) / f"{layout.part}.parquet"
        part = f"part-{layout.year or 0}"
        with ExitStack() as stack:
            writers = [
                stack.enter_context(TableWriter(self._work.draft.path(table), part, table, layout.repeating))
                for table in layout.tables
            ]
            rejects = stack.enter_context(RejectWriter(rejects_path, layout.table, layout.archive))
            member = stack.enter_context(open_member(self._path, on_read))
            for block in stack.enter_context(closing(_ahead(read_blocks(member, layout, block_bytes)))):
                self._take(block, writers, rejects)
        self._outcome.rejected = dict(rejects.reasons.most_common())
        if not self._outcome.rows_in and not layout.optional:
            raise DataError(f"{self._path} has no rows")
        self._check_rejects(rejects_path)
        if self._pairs is not None and not self._pairs.grouped:
            say(
                f"  {layout.archive}: the rows of a citing patent do not stand together; the label stage will compare all of them"
            )
            for path in self._work.draft.path(layout.table).glob(f"{part}-*.parquet"):
                doubt_all(path)
        return self._outcome

    def _take(self, block: Block, writers: list[TableWriter], rejects: RejectWriter) -> None:
        self._outcome.rows_in += block.rows + len(block.malformed)
        rejects.write(block.malformed)
        if not block.rows:
            return
        judged = self._rule(block.columns)
        self._reject_repeated(judged)
        if judged.broken is not None:
            rejects.write(_rejects(block, judged.reasons, judged.broken))
        good = judged.good()
        if self._pairs is not None:
            good[COLUMN] = self._pairs.may_repeat(good["citing_key"], good["cited_key"])
        self._note(good)
        for writer in writers:
            writer.write(_with_abstract(good) if writer.table == ABSTRACTS.name else good)

    def _reject_repeated(self, judged: Judged) -> None:
        """Keep the first good row of a patent."""
        if self._seen is None:
            return
        good = np.arange(judged.rows) if judged.broken is None else np.flatnonzero(judged.broken < 0)
        again = np.zeros(judged.rows, bool)
        again[good] = self._seen.repeated(judged.columns["patent_key"].take(good))
        judged.reject("patent_id stands in an earlier row", again)

    def _note(self, good: Columns) -> None:
        outcome = self._outcome
        if "cited_key" in good:
            outcome.cited_malformed += good["cited_key"].null_count
        if "abstract" in good:
            outcome.without_abstract += good["abstract"].null_count
        if len(good.get("grant_date", ())):
            newest = pc.max(good["grant_date"]).as_py()
            outcome.newest_grant = max(newest, outcome.newest_grant or newest)

    def _check_rejects(self, path: Path) -> None:
        outcome, limit = self._outcome, self._work.config.ingest.max_reject_fraction
        rejected = sum(outcome.rejected.values())
        if rejected <= limit * outcome.rows_in:
            return
        kept = self._work.store.root / "logs" / f"rejects-{self._layout.part}.parquet"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(
            path, kept
        )  # the draft goes away with this error, the rows must stay where a person can look
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in outcome.rejected.items())
        raise DataError(
            f"{self._layout.part}: {rejected:,} of {outcome.rows_in:,} rows rejected ({rejected / outcome.rows_in * 100:.3g} %), "
            f"limit {limit * 100:.3g} % (ingest.max_reject_fraction): {reasons}; see {kept}"
        )


def _ahead(blocks: Iterator[Block]) -> Generator[Block]:
    """The same blocks, each parsed on a thread while the one before is judged."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = thread.submit(next, blocks, None)
            yield block


def _rule(table: str, latest: datetime.date) -> Rule:
    rules: dict[str, Rule] = {
        PATENTS.name: partial(judge_patents, latest=latest),
        ABSTRACTS.name: judge_abstracts,
        CITATIONS.name: judge_citations,
        CPC.name: judge_classes,
        CLAIMS.name: judge_claims,
        RELATED_DOCUMENTS.name: judge_relatives,
    }
    return rules[table]


def _rejects(block: Block, reasons: list[str], broken: np.ndarray) -> list[Reject]:
    places = np.flatnonzero(broken >= 0)
    numbers = block.row_numbers(places)
    return [
        Reject(int(number), reasons[broken[place]], block.content(int(place)))
        for number, place in zip(numbers, places, strict=True)
    ]


def _with_abstract(good: Columns) -> Columns:
    if not good["abstract"].null_count:
        return good
    present = pc.is_valid(good["abstract"])
    return {name: column.filter(present) for name, column in good.items()}
