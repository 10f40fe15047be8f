"""Write row groups of equal size, one a file, from a stream of examples in their final order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.core.metadata import SplitLayout
from patent_spark.core.store import arrow_schema
from patent_spark.stages.shard.layout import Layout, content_digest, group_file, keys_digest, plan


def write_groups(
    directory: Path,
    examples: Iterable[pa.Table],
    rows: int,
    virtual_shards: int,
    row_group_rows: int,
    max_tokens: int,
    feature_width: int = 0,
) -> SplitLayout:
    """Write a split of `rows` examples, given in order with the columns of EXAMPLES except `position`.

    feature_width: numbers in the column `features`; with 0 there is no such column.
    Returns its entry of the manifest. Holds at most one row group and one table of the stream in memory.
    """
    planned: dict[str, Any] = plan(rows, virtual_shards, row_group_rows)
    layout = Layout(**planned, keys_digest=0, virtual_shards=virtual_shards, max_tokens=max_tokens)
    schema = arrow_schema("EXAMPLES")
    if feature_width:
        schema = schema.append(pa.field("features", pa.binary()))
    directory.mkdir(parents=True, exist_ok=True)
    digest, padding, contents = 0, 0, []
    sizes = [layout.examples_in(group) for group in range(layout.groups)]
    for group, table in enumerate(cut(examples, sizes)):
        digest = (digest + keys_digest(table["patent_key"].to_numpy())) % 2**64
        position = layout.first_position(group) + np.arange(table.num_rows)
        table = table.append_column("position", pa.array(position)).select(schema.names).cast(schema)
        filler = np.arange(padding, padding + layout.rows_per_group - table.num_rows)
        padding += len(filler)
        padding_rows = _padding(filler, rows, max_tokens, feature_width).select(schema.names).cast(schema)
        whole = pa.concat_tables([table, padding_rows])
        contents.append(_write_group(whole, directory / group_file(group)))
    return SplitLayout(**planned, keys_digest=digest, contents=tuple(contents))


def _padding(numbers: NDArray[np.int64], rows: int, max_tokens: int, feature_width: int) -> pa.Table:
    """Rows of the padding with these numbers, which run from 0 over a whole split of `rows` examples."""
    return pa.table(
        {
            "patent_key": -1 - numbers,
            "position": rows + numbers,
            "label": np.zeros(len(numbers), np.int32),
            "length": np.zeros(len(numbers), np.int32),
            "tokens": pa.array([bytes(4 * max_tokens)] * len(numbers), pa.binary()),
            "features": pa.array([bytes(4 * feature_width)] * len(numbers), pa.binary()),
        }
    )


def _write_group(table: pa.Table, path: Path) -> str:
    """Write a file of one row group; returns the digest of its content."""
    pq.write_table(
        table,
        path,
        row_group_size=table.num_rows,
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
    )
    return content_digest(path)


def cut(tables: Iterable[pa.Table], sizes: Iterable[int]) -> Iterator[pa.Table]:
    """The rows of a stream of tables, as tables of the given sizes.

    Raises ValueError when the stream has fewer or more rows.
    """
    stream = iter(tables)
    rest = next(stream, pa.table({}))
    for size in sizes:
        while rest.num_rows < size:
            more = next(stream, None)
            if more is None:
                raise ValueError(f"the stream ended {size - rest.num_rows} rows early")
            rest = pa.concat_tables([rest, more])
        yield rest.slice(0, size)
        rest = rest.slice(size)
    if rest.num_rows or any(table.num_rows for table in stream):
        raise ValueError("the stream has more rows than expected")
