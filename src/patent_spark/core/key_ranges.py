"""Ranges of patent keys: work on texts that goes through them one by one holds those of one range alone.

Engines keep one side of a join, and what is not yet written to a partition's file, in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BLOCK_BITS = 15
"""A block has 2^15 numbers of one type of patent: about 300 blocks for all patents. New patents have the
largest numbers."""
_ROWS = 250_000


@dataclass(frozen=True)
class KeyRange:
    """Neighbouring blocks of patent keys."""

    first_block: int
    last_block: int
    rows: int
    """Rows of the frame that the range was made of."""

    def of(self, frame: DataFrame) -> DataFrame:
        """The rows whose patent_key is in the range. Written as bounds, they skip files and row groups."""
        key = F.col("patent_key")
        return frame.where(
            (key >= self.first_block << BLOCK_BITS) & (key < (self.last_block + 1) << BLOCK_BITS)
        )


def key_block() -> Column:
    """The block of patent_key."""
    return F.shiftright("patent_key", BLOCK_BITS)


def key_ranges(keys: DataFrame) -> list[KeyRange]:
    """Ranges that together hold all keys of a frame; each has about 250,000 rows, and a block at least."""
    counted = keys.groupBy(key_block().alias("block")).agg(F.count("*").alias("rows")).collect()
    return list(_joined(sorted((row["block"], row["rows"]) for row in counted)))


def _joined(blocks: list[tuple[int, int]]) -> Iterator[KeyRange]:
    start = 0
    for end in range(1, len(blocks) + 1):
        size = sum(count for _, count in blocks[start:end])
        if end == len(blocks) or size + blocks[end][1] > _ROWS:
            yield KeyRange(blocks[start][0], blocks[end - 1][0], size)
            start = end
