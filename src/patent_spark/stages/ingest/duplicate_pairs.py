"""Mark the rows of CITATIONS that may repeat a pair of patents, while the file streams by.

`label` counts distinct citing patents. Comparing all pairs of a release took a third of that job. In a
release the rows of a citing patent stand together, so the copies of a pair are close and few rows need the
comparison.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.stages.ingest.seen_patents import SeenPatents

COLUMN = "may_repeat"
# Odd, so that run * _SPREAD differs for each run, wrapping around like int64.
_SPREAD = np.int64(-7046029254386353131)


class DuplicatePairs:
    """The pairs of one file, block by block.

    Every row whose pair occurs twice is marked. Some rows without a copy are marked too.
    """

    def __init__(self) -> None:
        self._citing = SeenPatents()
        self._last: int | None = None
        self.grouped = True
        """Whether the rows of each citing patent were adjacent so far; if not, earlier marks are void."""

    def may_repeat(self, citing: pa.Array, cited: pa.Array) -> pa.Array:
        """Bool for each row of a block: another row may hold the same pair.

        citing, cited: int64 keys; cited is null where the id is not a patent's. The first and the last citing
        patent of a block can continue in another block, so all of their rows are marked.
        """
        if not len(citing):
            return pa.array([], pa.bool_())
        keys = citing.to_numpy()
        new = np.concatenate([[True], keys[1:] != keys[:-1]])
        self._add_runs(keys[new])
        run = np.cumsum(new)
        mixed = cited.fill_null(-1).to_numpy() + run * _SPREAD
        return pa.array((run == 1) | (run == run[-1]) | _occurs_twice(mixed))

    def _add_runs(self, runs: npt.NDArray[np.int64]) -> None:
        """Add the citing patents of a block's runs, in their order."""
        fresh = runs[1:] if runs[0] == self._last else runs
        self.grouped &= not self._citing.repeated(pa.array(fresh)).any()
        self._last = int(runs[-1])


def mark_all_rows(path: Path) -> None:
    """Rewrite a Parquet file of CITATIONS, row group by row group, with every row marked."""
    rewritten = path.with_suffix(".rewritten")
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        place = schema.get_field_index(COLUMN)
        with pq.ParquetWriter(
            rewritten, schema, compression="zstd", compression_level=1, store_schema=False
        ) as writer:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                writer.write_table(rows.set_column(place, COLUMN, pa.repeat(True, len(rows))))
    rewritten.replace(path)


def _occurs_twice(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    ordered = np.sort(values)
    copies = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.isin(values, copies)
