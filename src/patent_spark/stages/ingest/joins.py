"""Whether the tables of a release are about the same patents: how many rows of each meet one of PATENTS.

A column of ids in another form, or a file of another release, leaves every join empty and every label zero,
with all rows read and none rejected. So the shares are measured as soon as the tables are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import JoinMetadata
from patent_spark.core.patent_ids import FIRST_LETTERED, FIRST_OF_1976, patent_ids
from patent_spark.core.schemas import ABSTRACTS, CITATIONS, CPC, RELATED_DOCUMENTS
from patent_spark.stages.ingest.key_samples import NO_KEY, KeySample

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


def measure_joins(
    patents: Path, samples: Mapping[str, Sequence[Mapping[str, KeySample]]]
) -> dict[str, JoinMetadata]:
    """For each join: rows looked at, those that meet no patent, and some of their ids.

    patents: the Parquet files of PATENTS. samples: by table, the samples of each of its files, by column.
    """
    known = _KnownPatents(patents)
    return {
        name: _measured([sample[column] for sample in samples[table]], known, name == CITED)
        for name, (table, column) in JOINS.items()
        if table in samples
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
        keys = np.sort(np.concatenate([*_keys(folder), np.zeros(0, np.int64)]))
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


def _measured(samples: list[KeySample], patents: _KnownPatents, cited: bool) -> JoinMetadata:
    keys = np.concatenate([sample.keys for sample in samples])
    no_key = keys == NO_KEY
    # Ids that are no patent's count; patents before 1976, and those with letters, do not.
    looked_at = no_key | ((keys >= FIRST_OF_1976) & (keys < FIRST_LETTERED)) if cited else None
    missing = ~patents.hold(keys)
    if looked_at is not None:
        missing &= looked_at
    unreadable = list(dict.fromkeys(id_ for sample in samples for id_ in sample.without_key))
    first = pa.array(keys[np.flatnonzero(missing & ~no_key)[:_LOOKED_AT]])
    unmatched = [*unreadable, *patent_ids(first.unique()).to_pylist()]
    return JoinMetadata(
        rows=len(keys) if looked_at is None else int(np.count_nonzero(looked_at)),
        unmatched=int(np.count_nonzero(missing)),
        examples=tuple(unmatched[:_EXAMPLES]),
        unreadable=int(np.count_nonzero(no_key)),
        unreadable_examples=tuple(unreadable[:_EXAMPLES]),
        expected_share=patents.density if len(keys) else 0.0,
    )


def _keys(folder: Path) -> list[npt.NDArray[np.int64]]:
    """The keys of PATENTS, chunk by chunk: numbers of a whole column would bring pandas along."""
    columns = [pq.ParquetFile(path).read(["patent_key"])["patent_key"] for path in folder.glob("*.parquet")]
    return [chunk.to_numpy() for column in columns for chunk in column.chunks]
