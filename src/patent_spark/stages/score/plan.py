"""How the input is cut into partitions: the units that are scored, published and, after a kill, kept."""

from __future__ import annotations

from collections.abc import Iterable

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


def key_ranges(blocks: Iterable[tuple[int, int]], partition_rows: int) -> Plan:
    """Partitions of consecutive blocks with at most `partition_rows` patents, or of one block with more.

    blocks: number (patent_key >> BLOCK_BITS) and patents of each block that has any, ascending.
    """
    partitions: list[Partition] = []
    for block, rows in blocks:
        first, last = block << BLOCK_BITS, ((block + 1) << BLOCK_BITS) - 1
        open_one = partitions.pop() if partitions and partitions[-1].rows + rows <= partition_rows else None
        if open_one is None:
            partitions.append(Partition(number=len(partitions), rows=rows, first=first, last=last))
        else:
            partitions.append(open_one.model_copy(update={"rows": open_one.rows + rows, "last": last}))
    return Plan(partitions=tuple(partitions))
