"""Which rows of CITATIONS can hold a pair that another row holds too, found while the file streams by.

Distinct citing patents are counted, and telling all pairs of a release apart was a third of the label job's work. But a
release's rows stand together by citing patent, so that a pair's copies are near one another, and few rows have any.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.stages.ingest.validation import Seen

COLUMN = "may_repeat"
_SPREAD = np.int64(
    -7046029254386353131
)  # odd: run * _SPREAD differs for each run, wrapping around like int64


class Pairs:
    """The pairs of one file. A row that is told apart has no copy; more rows than have one may be doubted, never fewer."""

    def __init__(self) -> None:
        self._citing = Seen()
        self._last: int | None = None
        self.grouped = True
        """Whether the rows of each citing patent have stood together so far; if not, what was told of earlier rows is void."""

    def may_repeat(self, citing: pa.Array, cited: pa.Array) -> pa.Array:
        """bool for each row of a block: another row may hold the same pair. Int64 keys, null where a cited id has no patent's form.

        The first and the last citing patent of a block can go on in another one, so all of their rows are doubted.
        """
        if not len(citing):
            return pa.array([], pa.bool_())
        keys = citing.to_numpy()
        new = np.concatenate([[True], keys[1:] != keys[:-1]])
        self._meet(keys[new])
        run = np.cumsum(new)
        mixed = cited.fill_null(-1).to_numpy() + run * _SPREAD
        return pa.array((run == 1) | (run == run[-1]) | _found_twice(mixed))

    def _meet(self, runs: npt.NDArray[np.int64]) -> None:
        """The citing patents of a block's runs, in their order."""
        fresh = runs[1:] if runs[0] == self._last else runs
        self.grouped &= not self._citing.repeated(pa.array(fresh)).any()
        self._last = int(runs[-1])


def doubt_all(path: Path) -> None:
    """Rewrite a Parquet file of CITATIONS, row group by row group, so that each row may repeat."""
    aside = path.with_suffix(".rewritten")
    with pq.ParquetFile(path) as file:
        place = file.schema_arrow.get_field_index(COLUMN)
        with pq.ParquetWriter(
            aside, file.schema_arrow, compression="zstd", compression_level=1, store_schema=False
        ) as writer:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                writer.write_table(rows.set_column(place, COLUMN, pa.repeat(True, len(rows))))
    aside.replace(path)


def _found_twice(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    ordered = np.sort(values)
    copies = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.isin(values, copies)
