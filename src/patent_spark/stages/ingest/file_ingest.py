"""One file of a release on its way into its tables: read, validated and written, block by block."""

from __future__ import annotations

import datetime
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import SourceFile
from patent_spark.core.progress import say
from patent_spark.core.schemas import ABSTRACTS, CITATIONS, PATENTS, REJECTS
from patent_spark.stages.ingest.duplicate_pairs import COLUMN, DuplicatePairs, mark_all_rows
from patent_spark.stages.ingest.file_formats import FileFormat
from patent_spark.stages.ingest.key_samples import ID_COLUMNS, KeySample, empty_samples
from patent_spark.stages.ingest.seen_patents import SeenPatents
from patent_spark.stages.ingest.tsv import Reject, RowBlock, ahead, read_blocks
from patent_spark.stages.ingest.validation import ValidatedBlock, validator_of
from patent_spark.stages.ingest.values import Columns, without_nulls
from patent_spark.stages.ingest.writers import RejectWriter, TableWriter
from patent_spark.stages.ingest.zip_reader import open_member

_EXPECTED = {"unknown date": " (a date such as 1976-01-27 is expected)"}
_SHOWN = 80


@dataclass
class FileOutcome:
    """What became of the rows of one file: the one record that messages and metadata are made from."""

    format: FileFormat
    source: SourceFile
    """What identifies it."""
    rows_in: int = 0
    """Rows in the file, the header not counted."""
    rejected: dict[str, int] = field(default_factory=dict)
    """Rejected rows by reason, the most frequent first."""
    newest_grant: datetime.date | None = None
    cited_malformed: int = 0
    """Citations that are kept without a key, because the cited id is not a patent's."""
    without_abstract: int = 0
    lost: int = 0
    """Rows that stand within a rejected one, because a line break is missing. They are among `rows_in`."""
    blank: Counter[str] = field(default_factory=Counter)
    """Rows without a value that all rows should have, by table.column."""
    respelled: Counter[str] = field(default_factory=Counter)
    """Ids that were brought to PatentsView's form, by how they were written."""
    samples: dict[str, KeySample] = field(default_factory=dict)
    """Keys that are joined with PATENTS, by column."""

    @property
    def rows_rejected(self) -> int:
        """Rows that went to REJECTS."""
        return sum(self.rejected.values())

    def add_usable(self, columns: Columns) -> None:
        """Count what is remarkable about usable rows."""
        if "cited_key" in columns:
            self.cited_malformed += columns["cited_key"].null_count
        if "abstract" in columns:
            self.without_abstract += columns["abstract"].null_count
        if len(columns.get("grant_date", ())):
            newest = pc.max(columns["grant_date"]).as_py()
            self.newest_grant = max(newest, self.newest_grant or newest)

    def sample_keys(self, columns: Columns) -> None:
        """Take keys from the next rows of the table."""
        for key, sample in self.samples.items():
            sample.add(columns[key], columns[ID_COLUMNS[self.format.table][key]])


class FileIngest:
    """Reads one file of a release folder.

    latest: the last possible grant date. source: what identifies the file.
    """

    def __init__(
        self,
        context: StageContext,
        folder: Path,
        format_: FileFormat,
        latest: datetime.date,
        source: SourceFile,
    ) -> None:
        self._context, self._format, self._path = context, format_, folder / format_.archive
        self._validate = validator_of(format_.table, latest)
        self._seen = SeenPatents() if format_.table in (PATENTS.name, ABSTRACTS.name) else None
        self._pairs = DuplicatePairs() if format_.table == CITATIONS.name else None
        self._outcome = FileOutcome(format_, source, samples=empty_samples(format_.table))

    def run(self, on_read: Callable[[int], None]) -> FileOutcome:
        """Write all rows; `on_read` is called with the number of bytes of each read.

        Raises DataError for an unreadable file, one without rows, or too many rejected rows.
        """
        format_, block_bytes = self._format, self._context.config.ingest.block_mb << 20
        rejects_path = self._context.draft.path(REJECTS.name) / f"{format_.part}.parquet"
        part = format_.file_prefix
        with ExitStack() as stack:
            writers = [
                stack.enter_context(
                    TableWriter(self._context.draft.path(table), part, table, format_.repeating)
                )
                for table in format_.tables
            ]
            rejects = stack.enter_context(RejectWriter(rejects_path, format_.table, format_.archive))
            member = stack.enter_context(open_member(self._path, on_read))
            for block in stack.enter_context(closing(ahead(read_blocks(member, format_, block_bytes)))):
                self._add(block, writers, rejects)
        self._outcome.rejected = dict(rejects.reasons.most_common())
        if not self._outcome.rows_in and not format_.optional:
            raise DataError(f"{self._path} has no rows", file=format_.archive, table=format_.table)
        self._check_rejects(rejects_path, rejects.first)
        if self._pairs is not None and not self._pairs.grouped:
            self._mark_all_rows(part)
        return self._outcome

    def _add(self, block: RowBlock, writers: list[TableWriter], rejects: RejectWriter) -> None:
        self._outcome.rows_in += block.rows + len(block.malformed) + block.lost
        self._outcome.lost += block.lost
        rejects.write(block.malformed)
        if not block.rows:
            return
        validated = self._validate(block.columns)
        self._outcome.respelled.update(validated.respelled)
        self._outcome.blank.update(validated.blank)
        self._reject_repeated(validated)
        if validated.rejected_by is not None:
            rejects.write(_rejects(block, validated.reasons, validated.rejected_by))
        usable = validated.usable()
        if self._pairs is not None:
            usable[COLUMN] = self._pairs.may_repeat(usable["citing_key"], usable["cited_key"])
        self._outcome.add_usable(usable)
        for writer in writers:
            rows = _with_abstract(usable) if writer.table == ABSTRACTS.name else usable
            writer.write(rows)
            if writer.table == self._format.table:
                self._outcome.sample_keys(rows)

    def _reject_repeated(self, block: ValidatedBlock) -> None:
        """Keep the first usable row of a patent."""
        if self._seen is None:
            return
        usable = np.arange(block.rows) if block.rejected_by is None else np.flatnonzero(block.rejected_by < 0)
        again = np.zeros(block.rows, bool)
        again[usable] = self._seen.repeated(block.columns["patent_key"].take(usable))
        block.reject("patent_id stands in an earlier row", again)

    def _check_rejects(self, path: Path, first: Reject | None) -> None:
        outcome, limit = self._outcome, self._context.config.ingest.max_reject_fraction
        rejected = outcome.rows_rejected + outcome.lost
        if first is None or rejected <= limit * outcome.rows_in:
            return
        # The draft is removed with this error. The rows must stay where a person can look at them.
        kept = self._context.store.root / "logs" / f"rejects-{self._format.part}.parquet"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, kept)
        reasons = ", ".join(
            f"{reason} {count:,}{_EXPECTED.get(reason, '')}" for reason, count in outcome.rejected.items()
        )
        if outcome.lost:
            reasons += f", no line break before {outcome.lost:,}"
        raise DataError(
            f"{self._format.part}: {rejected:,} of {outcome.rows_in:,} rows rejected "
            f"({rejected / outcome.rows_in * 100:.3g} %), limit {limit * 100:.3g} % "
            f"(ingest.max_reject_fraction): {reasons}; the first is row {first.row:,}: "
            f"{first.content[:_SHOWN]}; see {kept}",
            table=self._format.table,
            rejected=rejected,
            rows=outcome.rows_in,
            setting="ingest.max_reject_fraction",
            file=kept.name,
        )

    def _mark_all_rows(self, part: str) -> None:
        say(
            f"  {self._format.archive}: rows of the same citing patent are not adjacent; "
            "the label stage will compare all pairs"
        )
        for path in self._context.draft.path(self._format.table).glob(f"{part}-*.parquet"):
            mark_all_rows(path)


def _rejects(block: RowBlock, reasons: list[str], rejected_by: npt.NDArray[np.int16]) -> list[Reject]:
    places = np.flatnonzero(rejected_by >= 0)
    numbers = block.row_numbers(places)
    return [
        Reject(int(number), reasons[rejected_by[place]], block.content(int(place)))
        for number, place in zip(numbers, places, strict=True)
    ]


def _with_abstract(usable: Columns) -> Columns:
    texts = usable["abstract"]
    if not texts.null_count:
        return usable
    present = pc.is_valid(texts)
    others = {name: column.filter(present) for name, column in usable.items() if name != "abstract"}
    return others | {"abstract": without_nulls(texts)}
