"""Row counts by value for a written table, from its Parquet files and without an engine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from pyarrow.dataset import Expression


def tally(directory: Path, values: dict[str, Expression]) -> Counter[tuple[Any, ...]]:
    """Rows for each combination of a few values that repeat (name -> expression); memory is that of one
    batch."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for batch in pyarrow.dataset.dataset(directory, format="parquet").to_batches(columns=values):
        if batch.num_rows:
            counts.update(_counted(batch))
    return counts


def _counted(batch: pa.RecordBatch) -> dict[tuple[Any, ...], int]:
    """Count rows by one integer code a row, several times as fast as grouping by all columns."""
    columns = [pc.dictionary_encode(column, null_encoding="encode") for column in batch.columns]
    shape = tuple(len(column.dictionary) for column in columns)
    codes = np.ravel_multi_index([column.indices.to_numpy() for column in columns], shape)
    distinct, rows = np.unique(codes, return_counts=True)
    places = np.unravel_index(distinct, shape)
    keys = zip(
        *(
            column.dictionary.take(pa.array(place)).to_pylist()
            for column, place in zip(columns, places, strict=True)
        ),
        strict=True,
    )
    return dict(zip(keys, rows.tolist(), strict=True))
