"""Whether the tables of a release are about the same patents: how many rows of each meet one of PATENTS.

A column of ids in another form, or a file of another release, leaves every join empty and every label zero,
with all rows read and none rejected. So the shares are measured on some row groups of each table as soon as
it is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import JoinMetadata
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

FIRST_OF_1976 = 3_930_271
_GROUPS = 8
"""Row groups that are looked at, of each table, spread evenly."""
_FEW_ROWS = 100
_NEARLY_NONE = 0.1
"""Share of rows with a patent below which a table is about other patents."""
_EXAMPLES = 3
_LETTERED = 10**12
_NO_KEY = -1


def measure_joins(tables: Path) -> dict[str, JoinMetadata]:
    """For each join: rows looked at, those that meet no patent, and some of their ids."""
    patents = np.sort(np.concatenate([*_keys(tables / PATENTS.name, "patent_key"), np.zeros(0, np.int64)]))
    return {
        name: _measured(tables / table, column, patents, name == CITED)
        for name, (table, column) in JOINS.items()
        if (tables / table).is_dir()
    }


def require_joins(joins: dict[str, JoinMetadata], folder: Path) -> None:
    """Raise DataError for a table of which nearly no row meets a patent."""
    for name, join in joins.items():
        if _meets_nearly_none(name, join):
            raise DataError(
                f"{name}: {join.unmatched:,} of {join.rows:,} rows looked at meet no patent of PATENTS "
                f"(such as {', '.join(join.examples)}); check that all "
                f"files of {folder} are of one release and that its ids are patents' ids",
                table=name.partition(" ")[0],
                rows=join.rows,
                unmatched=join.unmatched,
            )


def _meets_nearly_none(name: str, join: JoinMetadata) -> bool:
    """A release may hold a sample of patents, whose cited ones are mostly elsewhere.

    But as many meet as of ids that are drawn at random from the same numbers, at least a fifth of these.
    """
    least = 0.2 * join.expected_share if name == CITED else _NEARLY_NONE
    enough = join.rows >= _FEW_ROWS and (name != CITED or least * join.rows >= 10)
    return enough and join.rows - join.unmatched < least * join.rows


def _measured(folder: Path, column: str, patents: npt.NDArray[np.int64], cited: bool) -> JoinMetadata:
    rows = unmatched = 0
    examples: list[str] = []
    ids = "citation_patent_id" if cited else "patent_id"
    for group in _groups(folder, [column, ids]):
        keys = np.asarray(group[column].fill_null(_NO_KEY), np.int64)
        # Ids that are no patent's count; patents before 1976, and those with letters, do not.
        looked_at = (keys == _NO_KEY) | ((keys >= FIRST_OF_1976) & (keys < _LETTERED) if cited else True)
        missing = looked_at & ~_among(keys, patents)
        rows, unmatched = rows + int(looked_at.sum()), unmatched + int(missing.sum())
        if len(examples) < _EXAMPLES and missing.any():
            unmatched_ids = group[ids].filter(pa.array(missing)).unique().drop_null().to_pylist()
            examples += [str(each) for each in unmatched_ids[: _EXAMPLES - len(examples)]]
    return JoinMetadata(
        rows=rows,
        unmatched=unmatched,
        examples=tuple(examples),
        expected_share=_density(patents) if rows else 0.0,
    )


def _among(numbers: npt.NDArray[np.int64], patents: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    if not len(patents):
        return np.zeros(len(numbers), bool)
    place = np.searchsorted(patents, numbers).clip(max=len(patents) - 1)
    met: npt.NDArray[np.bool_] = patents[place] == numbers
    return met


def _density(patents: npt.NDArray[np.int64]) -> float:
    """Share of the numbers between the first and last utility patent that are in PATENTS."""
    utility = patents[(patents >= FIRST_OF_1976) & (patents < _LETTERED)]
    return len(utility) / (int(utility[-1] - utility[0]) + 1) if len(utility) else 0.0


def _keys(folder: Path, column: str) -> Iterator[npt.NDArray[np.int64]]:
    for path in sorted(folder.glob("*.parquet")):
        yield np.asarray(pq.read_table(path, columns=[column])[column], np.int64)


def _groups(folder: Path, columns: list[str]) -> Iterator[pa.Table]:
    files = [pq.ParquetFile(path) for path in sorted(folder.glob("*.parquet"))]
    groups = [(file, group) for file in files for group in range(file.num_row_groups)]
    step = max(1, len(groups) // _GROUPS)
    for file, group in groups[::step][:_GROUPS]:
        yield file.read_row_group(group, columns=columns)
