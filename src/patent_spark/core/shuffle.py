"""A seeded shuffle that is the same on every engine, streamed to this process bucket by bucket.

Rows are ordered by a 64-bit hash of the seed and the key. The engine writes them to buckets by the first bits
of the hash; the reader sorts each bucket. So the order does not depend on partitions, and memory does not
grow with rows as long as each frame to write is of limited size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.store import location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ORDER, _BUCKET = "shuffle_order", "shuffle_bucket"
_BUCKET_ROWS = 50_000


def write_shuffled(
    frames: Iterable[DataFrame], directory: Path, rows: int, seed: int, by: str | None = None
) -> None:
    """Write frames, whose `patent_key` is unique among all of them, for read_shuffled().

    rows: the approximate number of all rows. With `by`, each value of that column gets its own directory,
    <by>=<value>, which is read separately.
    """
    from pyspark.sql import functions as F

    bits = max(1, math.ceil(math.log2(max(rows, 1) / _BUCKET_ROWS)))
    parts = [by, _BUCKET] if by else [_BUCKET]
    for frame in frames:
        hashed = frame.withColumn(_ORDER, F.xxhash64(F.lit(seed).cast("bigint"), "patent_key"))
        spread = hashed.withColumn(_BUCKET, F.shiftright(_ORDER, 64 - bits))
        writer = spread.repartition(*parts).write.mode("append")
        writer.partitionBy(*parts).parquet(location(directory))


def read_shuffled(directory: Path) -> Iterator[pa.Table]:
    """The rows in shuffled order, in tables of about 50,000 rows."""
    for bucket in sorted(directory.glob(f"{_BUCKET}=*"), key=lambda path: int(path.name.partition("=")[2])):
        table = pa.concat_tables([pq.ParquetFile(path).read() for path in sorted(bucket.glob("*.parquet"))])
        yield table.sort_by([(_ORDER, "ascending"), ("patent_key", "ascending")]).drop_columns([_ORDER])
