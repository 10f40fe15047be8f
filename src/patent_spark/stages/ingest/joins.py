"""Whether the tables of a release are about the same patents: how many rows of each meet one of PATENTS.

A column of ids in another form, or a file of another release, leaves every join empty and every label zero,
with all rows read and none rejected. So the shares are measured as soon as the tables are written: on all
rows, because the ids of a part of a file can have another form than the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import JoinMetadata
from patent_spark.core.patent_ids import FIRST_LETTERED, FIRST_OF_1976
from patent_spark.core.schemas import ABSTRACTS, CITATIONS, CPC, PATENTS, RELATED_DOCUMENTS

CITED = "CITATIONS (cited, 1976 and later)"
JOINS = {
    "CITATIONS (citing)": (CITATIONS.name, "citing_key"),
    CITED: (CITATIONS.name, "cited_key"),
    "CPC": (CPC.name, "patent_key"),
    "ABSTRACTS": (ABSTRACTS.name, "patent_key"),
    "RELATED_DOCUMENTS": (RELATED_DOCUMENTS.name, "patent_key"),
}
"""What is joined with PATENTS: table and key. Cited patents before 1976 are in no release."""

_DENSE_NUMBERS = 10**8
_FEW_ROWS, _FEW_MATCHES = 100, 10
_CITED_LEAST = 0.2
"""Part of the share that ids drawn at random would have, below which cited ids are of another form."""
_EXAMPLES, _LOOKED_AT = 3, 100
_NO_KEY = -1


def measure_joins(tables: Path) -> dict[str, JoinMetadata]:
    """For each join: rows looked at, those that meet no patent, and some of their ids."""
    patents = _KnownPatents(tables / PATENTS.name)
    return {
        name: _measured(tables / table, column, patents, name == CITED)
        for name, (table, column) in JOINS.items()
        if (tables / table).is_dir()
    }


def require_joins(joins: dict[str, JoinMetadata], folder: Path, least: float) -> None:
    """Raise DataError for a table of which a smaller share of rows than `least` meets a patent.

    Cited patents are mostly elsewhere when a release holds a sample of patents; but as many meet as of ids
    that are drawn at random from the same numbers, at least a fifth of these.
    """
    for name, join in joins.items():
        expected = min(least, _CITED_LEAST * join.expected_share) if name == CITED else least
        enough = join.rows >= _FEW_ROWS and (name != CITED or expected * join.rows >= _FEW_MATCHES)
        if enough and join.rows - join.unmatched < expected * join.rows:
            raise DataError(
                f"{name}: {join.unmatched:,} of {join.rows:,} rows meet no patent of PATENTS "
                f"(such as {', '.join(join.examples)}); check that all files of {folder} are of one release "
                "and that its ids are patents' ids, or set ingest.min_matched_fraction=0",
                table=name.partition(" ")[0],
                rows=join.rows,
                unmatched=join.unmatched,
                setting="ingest.min_matched_fraction",
            )


class _KnownPatents:
    """The keys of PATENTS, ready for many look-ups: a mark for each number of a utility patent."""

    def __init__(self, folder: Path) -> None:
        keys = np.sort(np.concatenate([*_keys(folder, "patent_key"), np.zeros(0, np.int64)]))
        numbers = keys[keys < _DENSE_NUMBERS]
        self._others = keys[len(numbers) :]
        self._marks = np.zeros(int(numbers.max(initial=0)) + 1, bool)
        self._marks[numbers] = True
        utility = keys[(keys >= FIRST_OF_1976) & (keys < FIRST_LETTERED)]
        self.density = len(utility) / (int(utility[-1] - utility[0]) + 1) if len(utility) else 0.0
        """Share of the numbers between the first and the last utility patent that are in PATENTS."""

    def hold(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Bool for each key: PATENTS has it. A negative key is none."""
        dense = keys.view(np.uint64) < len(self._marks)  # a negative number is a large one
        if dense.all():
            held: npt.NDArray[np.bool_] = self._marks[keys]
            return held
        held = self._marks[np.where(dense, keys, 0)] & dense
        if len(self._others):
            others = np.flatnonzero(~dense)
            found = np.searchsorted(self._others, keys[others]).clip(max=len(self._others) - 1)
            held[others] = self._others[found] == keys[others]
        return held


def _measured(folder: Path, column: str, patents: _KnownPatents, cited: bool) -> JoinMetadata:
    """All rows of a table are looked at: a part of a file may hold ids in another form."""
    rows = unmatched = unreadable = 0
    examples = _Examples("citation_patent_id" if cited else "patent_id")
    for group, keys in _groups(folder, column):
        no_key = keys == _NO_KEY
        # Ids that are no patent's count; patents before 1976, and those with letters, do not.
        looked_at = no_key | ((keys >= FIRST_OF_1976) & (keys < FIRST_LETTERED)) if cited else None
        missing = ~patents.hold(keys)
        if looked_at is not None:
            missing &= looked_at
        rows += len(keys) if looked_at is None else int(np.count_nonzero(looked_at))
        unmatched += int(np.count_nonzero(missing))
        unreadable += int(np.count_nonzero(no_key))
        examples.take(group, missing, no_key)
    return JoinMetadata(
        rows=rows,
        unmatched=unmatched,
        examples=tuple(examples.unmatched),
        unreadable=unreadable,
        unreadable_examples=tuple(examples.unreadable),
        expected_share=patents.density if rows else 0.0,
    )


class _Examples:
    """The first ids of a table that meet no patent, and those of them that are no patent's."""

    def __init__(self, ids: str) -> None:
        self._ids = ids
        self.unmatched: list[str] = []
        self.unreadable: list[str] = []

    def take(self, group: _Group, missing: npt.NDArray[np.bool_], no_key: npt.NDArray[np.bool_]) -> None:
        """Take ids from a row group; the texts are read only if some are wanted."""
        wanted = [
            (place, rows)
            for place, rows in ((self.unmatched, missing), (self.unreadable, no_key))
            if len(place) < _EXAMPLES and rows.any()
        ]
        if not wanted:
            return
        ids = group.file.read_row_group(group.number, columns=[self._ids])[self._ids]
        for place, rows in wanted:
            new = ids.take(pa.array(np.flatnonzero(rows)[:_LOOKED_AT])).unique().drop_null().to_pylist()
            place += [str(each) for each in new[: _EXAMPLES - len(place)]]


class _Group(NamedTuple):
    """A row group of a Parquet file."""

    file: pq.ParquetFile
    number: int


def _keys(folder: Path, column: str) -> Iterator[npt.NDArray[np.int64]]:
    for _, keys in _groups(folder, column):
        yield keys


def _groups(folder: Path, column: str) -> Iterator[tuple[_Group, npt.NDArray[np.int64]]]:
    """The row groups of a table, and the keys in each; _NO_KEY for null."""
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                keys = file.read_row_group(number, columns=[column], use_threads=False)[column]
                # Chunk by chunk: numbers of a whole column would bring pandas along.
                parts = [chunk.fill_null(_NO_KEY).to_numpy() for chunk in keys.chunks]
                yield _Group(file, number), np.concatenate([*parts, np.zeros(0, np.int64)])
