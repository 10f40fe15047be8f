"""The kinds of rows in REJECTS."""

from __future__ import annotations

from pathlib import Path

import pyarrow.dataset

from patent_spark.stages.quality.report_schema import RejectKind
from patent_spark.stages.quality.summary import Row


def reject_kinds(directory: Path) -> tuple[RejectKind, ...]:
    """Rejected rows by table and reason, the most frequent first, each with the first row of its kind."""
    first: dict[tuple[str, str], Row] = {}
    rows: dict[tuple[str, str], int] = {}
    for batch in pyarrow.dataset.dataset(directory, format="parquet").to_batches():
        kinds = batch.select(["table", "reason"]).to_pandas().groupby(["table", "reason"], sort=False)
        for kind, places in kinds.indices.items():
            example = batch.slice(int(places[0]), 1).select(["table", "reason", "row", "content"])
            first.setdefault(kind, example.to_pylist()[0])
            rows[kind] = rows.get(kind, 0) + len(places)
    order = sorted(first, key=lambda kind: (kind[0], -rows[kind], kind[1]))
    return tuple(RejectKind(**first[kind], rows=rows[kind]) for kind in order)
