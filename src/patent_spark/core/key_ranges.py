"""Ranges of patent keys: work on texts that goes through them one by one holds those of one range alone.

Engines keep one side of a join, and what is not yet written to a partition's file, in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BLOCK_BITS = 15
"""A block has 2^15 numbers of one type of patent: about 300 blocks for all patents. New patents have the
largest numbers."""
_ROWS = 250_000


Blocks = list[tuple[int, int]]
"""Number (patent_key >> bits) and rows of each block of patent keys that has any, ascending."""


@dataclass(frozen=True)
class KeyRange:
    """Neighbouring blocks of patent keys."""

    first: int
    """The smallest patent_key that it may hold."""
    last: int
    """And the largest."""
    rows: int
    """Rows of the frame that the range was made of."""

    def of(self, frame: DataFrame) -> DataFrame:
        """The rows whose patent_key is in the range. Written as bounds, they skip files and row groups."""
        return frame.where(F.col("patent_key").between(self.first, self.last))


def key_block() -> Column:
    """The block of patent_key."""
    return F.shiftright("patent_key", BLOCK_BITS)


def key_ranges(keys: DataFrame) -> list[KeyRange]:
    """Ranges that together hold all keys of a frame; each has about 250,000 rows, and a block at least."""
    return joined_blocks(counted_blocks(keys, BLOCK_BITS), BLOCK_BITS, _ROWS)


def counted_blocks(keys: DataFrame, bits: int) -> Blocks:
    """The blocks of the patent keys in a frame."""
    block = F.shiftright("patent_key", bits).alias("block")
    counted = keys.select(block).groupBy("block").agg(F.count("*").alias("rows"))
    return sorted((row["block"], row["rows"]) for row in counted.collect())


def joined_blocks(blocks: Blocks, bits: int, rows: int) -> list[KeyRange]:
    """Ranges of consecutive blocks with at most so many rows, or of one block with more."""
    ranges: list[KeyRange] = []
    for block, own in blocks:
        first, last = block << bits, ((block + 1) << bits) - 1
        if ranges and ranges[-1].rows + own <= rows:
            ranges[-1] = KeyRange(ranges[-1].first, last, ranges[-1].rows + own)
        else:
            ranges.append(KeyRange(first, last, own))
    return ranges
