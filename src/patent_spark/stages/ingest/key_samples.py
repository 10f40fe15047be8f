"""Keys of a table that are spread evenly over all its rows, kept while the rows stream by.

The share of a table that meets a patent (joins.py) follows from some hundred thousand of its rows as well as
from all, but not from the first ones: the ids of a part of a file can have another form than the rest.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.schemas import ABSTRACTS, CITATIONS, CPC, RELATED_DOCUMENTS

NO_KEY = -1
"""In the place of a null key."""
ID_COLUMNS = {
    CITATIONS.name: {"citing_key": "patent_id", "cited_key": "citation_patent_id"},
    CPC.name: {"patent_key": "patent_id"},
    ABSTRACTS.name: {"patent_key": "patent_id"},
    RELATED_DOCUMENTS.name: {"patent_key": "patent_id"},
}
"""The keys that are joined with PATENTS, by table, each with the column of the ids that it was made from."""

_MOST = 1 << 19
_THINNED = 3  # odd, so that a pattern of every other row is seen as it is
_EXAMPLES = 3


class KeySample:
    """All keys of a column up to half a million rows; of more each third, ninth and so on.

    Which rows are taken depends on their number in the table alone.
    """

    def __init__(self) -> None:
        self._taken: list[npt.NDArray[np.int64]] = []
        self._kept = self._seen = 0
        self._stride = 1
        self.without_key: list[str] = []
        """The first few ids of rows that have no key."""

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """The keys, NO_KEY for null."""
        return np.concatenate([*self._taken, np.zeros(0, np.int64)])

    def add(self, keys: pa.Array, ids: pa.Array) -> None:
        """Take from the next rows: int64 keys and the ids that they were made from."""
        taken = keys.fill_null(NO_KEY).to_numpy()[-self._seen % self._stride :: self._stride]
        self._seen += len(keys)
        self._taken.append(taken)
        self._kept += len(taken)
        while self._kept > _MOST:
            thinned = self.keys[::_THINNED].copy()
            self._taken, self._kept = [thinned], len(thinned)
            self._stride *= _THINNED
        if keys.null_count and len(self.without_key) < _EXAMPLES:
            found = ids.filter(keys.is_null()).drop_null().unique().to_pylist()
            new = [id_ for id_ in found if id_ not in self.without_key]
            self.without_key += new[: _EXAMPLES - len(self.without_key)]


def empty_samples(table: str) -> dict[str, KeySample]:
    """A sample of each key of a table that is joined with PATENTS, by column."""
    return {column: KeySample() for column in ID_COLUMNS.get(table, ())}


def read_samples(table: str, files: list[Path]) -> dict[str, KeySample]:
    """The samples of a table that was written before."""
    samples = empty_samples(table)
    for column, sample in samples.items():
        id_ = ID_COLUMNS[table][column]
        for path in sorted(files):
            with pq.ParquetFile(path) as file:
                for number in range(file.num_row_groups):
                    for batch in file.read_row_group(number, columns=[column, id_]).to_batches():
                        sample.add(batch[column], batch[id_])
    return samples
