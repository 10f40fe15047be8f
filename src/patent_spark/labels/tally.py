"""How many rows of a written table have which values, from its Parquet files and without an engine."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
from pyarrow.dataset import Expression


def tally(directory: Path, values: dict[str, Expression]) -> Counter[tuple[Any, ...]]:
    """Rows for each combination of a few values that repeat (name -> expression); memory is that of one batch."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for batch in pyarrow.dataset.dataset(directory, format="parquet").to_batches(columns=values):
        grouped = pa.Table.from_batches([batch]).group_by(list(values)).aggregate([([], "count_all")])
        for row in grouped.to_pylist():
            counts[tuple(row[name] for name in values)] += row["count_all"]
    return counts
