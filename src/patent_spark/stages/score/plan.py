"""How the input is cut into partitions: the units that are scored, published and, after a kill, kept."""

from __future__ import annotations

from patent_spark.core.key_ranges import Blocks, joined_blocks
from patent_spark.core.metadata import Record


class Partition(Record):
    """A part of the input."""

    number: int
    """From 0."""
    rows: int
    first: int | None = None
    """Of patents of the warehouse: the smallest patent_key that it may hold."""
    last: int | None = None
    """And the largest."""


class Plan(Record):
    """All partitions of an input, in order."""

    partitions: tuple[Partition, ...]

    @property
    def rows(self) -> int:
        """Texts of the input."""
        return sum(partition.rows for partition in self.partitions)


BLOCK_BITS = 10
"""Patents are counted by blocks of 1,024 keys: so planning takes little memory, however many they are."""


def key_ranges(blocks: Blocks, partition_rows: int) -> Plan:
    """Partitions of consecutive blocks with at most `partition_rows` patents, or of one block with more."""
    ranges = joined_blocks(blocks, BLOCK_BITS, partition_rows)
    return Plan(
        partitions=tuple(
            Partition(number=number, rows=keys.rows, first=keys.first, last=keys.last)
            for number, keys in enumerate(ranges)
        )
    )
