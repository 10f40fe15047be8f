"""The layout of a split's examples in files: row groups, virtual shards and rounds, and a digest of the keys.

- A row group is one file. All row groups of a split have the same number of rows.
- A virtual shard is every n-th row group: row group i belongs to virtual shard i % n. Rank r of W reads the
  virtual shards s with s % W == r. Their number n is the least common multiple of all world sizes, so that
  anything done one virtual shard after the other is the same for any number of ranks.
- A round is n consecutive row groups, one of each virtual shard.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from patent_spark.core.metadata import ShardMetadata


@dataclass(frozen=True)
class Layout:
    """The files of one split of one task, as the manifest describes them."""

    rows: int
    """Examples, without padding."""
    padding: int
    """Rows that only fill up row groups: at most one a group."""
    groups: int
    rows_per_group: int
    keys_digest: int
    """keys_digest() of all examples."""
    virtual_shards: int
    max_tokens: int
    feature_width: int = 0
    """Numbers in the column `features`; 0: there is none."""
    contents: Sequence[str] = ()
    """content_digest() of each group's file."""

    @classmethod
    def of(cls, metadata: ShardMetadata, task: str, split: str) -> Layout:
        """From the record of the shard stage; raises KeyError for a split that was not sharded."""
        examples = metadata.tasks[task]
        return cls(
            **examples.splits[split].model_dump(),
            virtual_shards=metadata.virtual_shards,
            max_tokens=examples.max_tokens,
            feature_width=examples.feature_width,
        )

    @property
    def rounds(self) -> int:
        """Row groups of each virtual shard."""
        return self.groups // self.virtual_shards

    def groups_of(self, rank: int, world: int) -> list[int]:
        """The row groups that a rank reads."""
        return [group for group in range(self.groups) if group % self.virtual_shards % world == rank]

    def examples_in(self, group: int) -> int:
        """Examples in a row group; its last rows are padding."""
        return self.rows // self.groups + (group < self.rows % self.groups)

    def first_position(self, group: int) -> int:
        """Position of a row group's first row; the positions of padding follow those of all examples."""
        if not self.examples_in(group):
            return self.rows + group - self.rows % self.groups
        return group * (self.rows // self.groups) + min(group, self.rows % self.groups)

    def steps_per_round(self, batch: int) -> int:
        """Steps in a round, if a step takes batch / virtual_shards rows of each virtual shard."""
        return math.ceil(self.rows_per_group / (batch // self.virtual_shards))

    def steps_per_epoch(self, batch: int) -> int:
        """The same on every rank, for any number of ranks."""
        return self.rounds * self.steps_per_round(batch)


def labels_of_tasks(sizes: Sequence[int]) -> npt.NDArray[np.int32]:
    """int32 [joint labels, tasks]: the label of each task for each joint label.

    `sizes`: the number of labels of each task. Joint labels enumerate all combinations; the last task's label
    varies fastest. The number after a task's last label means that the example has none for it. With one task
    the joint label is that task's label.
    """
    each = [size + 1 for size in sizes]
    return np.stack(np.unravel_index(np.arange(math.prod(each)), each), axis=1).astype(np.int32)


def plan(rows: int, virtual_shards: int, row_group_rows: int) -> dict[str, int]:
    """rows, padding, groups and rows_per_group of a split.

    The number of groups is the smallest multiple of `virtual_shards` with at most `row_group_rows` rows
    a group.
    """
    rounds = max(1, math.ceil(rows / (virtual_shards * row_group_rows)))
    groups = rounds * virtual_shards
    rows_per_group = max(1, math.ceil(rows / groups))
    return {
        "rows": rows,
        "padding": groups * rows_per_group - rows,
        "groups": groups,
        "rows_per_group": rows_per_group,
    }


def group_file(group: int) -> str:
    """The file name of a row group."""
    return f"group-{group:05d}.parquet"


def content_digest(file: Path) -> str:
    """A digest of all bytes of a file; raises OSError when it cannot be read."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()[:16]


def keys_digest(keys: npt.NDArray[np.int64]) -> int:
    """A digest of the keys of examples, independent of their order; the negative keys of padding are ignored.

    Digests of parts add up modulo 2**64.
    """
    return int(mixed(keys[keys >= 0].astype(np.uint64)).sum(dtype=np.uint64))


def mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of each number: the finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    hashed = numbers + np.uint64(0x9E3779B97F4A7C15)
    hashed = (hashed ^ (hashed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    hashed = (hashed ^ (hashed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashed ^ (hashed >> np.uint64(31))
