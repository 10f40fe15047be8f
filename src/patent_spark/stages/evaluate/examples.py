"""Reading the examples of a split from its shards, a block or a sample at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.inference.scorer import token_matrix

_BLOCK = 8192


@dataclass(frozen=True)
class Block:
    """Some examples of a split, without the rows that only fill up row groups."""

    keys: NDArray[np.int64]
    truth: NDArray[np.int64]
    """Label numbers [n]."""
    tokens: NDArray[np.int32]
    """Token ids [n, max_tokens]."""

    def take(self, rows: NDArray[np.bool_] | slice) -> Block:
        """Some of the examples."""
        return Block(self.keys[rows], self.truth[rows], self.tokens[rows])


def read_blocks(split_folder: Path, max_tokens: int, rows: int = _BLOCK) -> Iterator[Block]:
    """A split's examples in the order of its files, about `rows` at a time."""
    waiting: list[pa.Table] = []
    for path in sorted(split_folder.glob("*.parquet")):
        group = pq.ParquetFile(path).read(columns=["patent_key", "label", "tokens"])
        waiting.append(group.filter(pc.greater_equal(group["patent_key"], 0)))
        if sum(len(each) for each in waiting) >= rows:
            yield _block(waiting, max_tokens)
            waiting = []
    if waiting:
        yield _block(waiting, max_tokens)


def sample_examples(split_folder: Path, max_tokens: int, rows: int, limit: int, seed: int) -> Block:
    """A seeded sample of `limit` of a split's `rows` examples, or all of them.

    Only the sample is held in memory.
    """
    chosen = np.arange(rows) < limit
    np.random.default_rng(seed).shuffle(chosen)
    parts, start = [_no_examples(max_tokens)], 0
    for block in read_blocks(split_folder, max_tokens):
        parts.append(block.take(chosen[start : start + len(block.truth)]))
        start += len(block.truth)
    return Block(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("keys", "truth", "tokens"))
    )


def _no_examples(max_tokens: int) -> Block:
    return Block(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, max_tokens), np.int32))


def _block(groups: list[pa.Table], max_tokens: int) -> Block:
    table = pa.concat_tables(groups)
    if not len(table):
        return _no_examples(max_tokens)
    tokens = token_matrix(table["tokens"].combine_chunks(), max_tokens)
    return Block(np.asarray(table["patent_key"]), np.asarray(table["label"]).astype(np.int64), tokens)
