"""Rows in a seeded order that is the same on every engine, streamed to this process a bucket at a time.

The order is by a 64-bit hash of the seed and the key. The engine spreads the rows over buckets by the first bits of
the hash, and each bucket is sorted when it is read: so nothing depends on partitions, and memory does not grow.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.store import location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ORDER, _BUCKET = "shuffle_order", "shuffle_bucket"
_BUCKET_ROWS = 50_000


def write_shuffled(frame: DataFrame, directory: Path, rows: int, seed: int, by: str | None = None) -> None:
    """Write a frame with unique `patent_key` for read_shuffled(); `rows` is about its size.

    With `by`, each value of that column gets a directory of its own, <by>=<value>, to be read by itself.
    """
    from pyspark.sql import functions as F

    bits = max(1, math.ceil(math.log2(max(rows, 1) / _BUCKET_ROWS)))
    hashed = frame.withColumn(_ORDER, F.xxhash64(F.lit(seed).cast("bigint"), "patent_key"))
    spread = hashed.withColumn(_BUCKET, F.shiftright(_ORDER, 64 - bits))
    parts = [by, _BUCKET] if by else [_BUCKET]
    spread.repartition(*parts).write.partitionBy(*parts).parquet(location(directory))


def read_shuffled(directory: Path) -> Iterator[pa.Table]:
    """The rows in their order, in tables of some 50,000 rows."""
    for bucket in sorted(directory.glob(f"{_BUCKET}=*"), key=lambda path: int(path.name.partition("=")[2])):
        table = pa.concat_tables([pq.ParquetFile(path).read() for path in sorted(bucket.glob("*.parquet"))])
        yield table.sort_by([(_ORDER, "ascending"), ("patent_key", "ascending")]).drop_columns([_ORDER])
