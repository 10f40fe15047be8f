"""Reading the examples of a split from its shards, a block or a sample at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
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
    features: NDArray[np.float32]
    """[n, width]: what is known beside the texts; width 0 for a model that reads the texts alone."""

    def take(self, rows: NDArray[np.bool_] | slice) -> Block:
        """Some of the examples."""
        return Block(self.keys[rows], self.truth[rows], self.tokens[rows], self.features[rows])


def read_blocks(
    split_folder: Path, max_tokens: int, rows: int = _BLOCK, features: int = 0
) -> Iterator[Block]:
    """A split's examples in the order of its files, about `rows` at a time.

    features: numbers in their column `features`.
    """
    waiting: list[pa.Table] = []
    columns = ["patent_key", "label", "tokens", *(["features"] if features else [])]
    for path in sorted(split_folder.glob("*.parquet")):
        group = pq.ParquetFile(path).read(columns=columns)
        waiting.append(group.filter(pc.greater_equal(group["patent_key"], 0)))
        if sum(len(each) for each in waiting) >= rows:
            yield _block(waiting, max_tokens, features)
            waiting = []
    if waiting:
        yield _block(waiting, max_tokens, features)


def read_keys(split_folder: Path) -> NDArray[np.int64]:
    """The patent keys of a split's examples."""
    examples = pyarrow.dataset.dataset(split_folder, format="parquet")
    rows = examples.to_table(columns=["patent_key"], filter=pc.field("patent_key") >= 0)
    keys: NDArray[np.int64] = rows["patent_key"].to_numpy().astype(np.int64)
    return keys


def sample_examples(
    split_folder: Path, max_tokens: int, rows: int, limit: int, seed: int, features: int = 0
) -> Block:
    """A seeded sample of `limit` of a split's `rows` examples, or all of them.

    Only the sample is held in memory.
    """
    chosen = np.arange(rows) < limit
    np.random.default_rng(seed).shuffle(chosen)
    parts, start = [_no_examples(max_tokens, features)], 0
    for block in read_blocks(split_folder, max_tokens, features=features):
        parts.append(block.take(chosen[start : start + len(block.truth)]))
        start += len(block.truth)
    names = ("keys", "truth", "tokens", "features")
    return Block(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _no_examples(max_tokens: int, features: int) -> Block:
    nothing = np.zeros(0, np.int64)
    return Block(nothing, nothing, np.zeros((0, max_tokens), np.int32), np.zeros((0, features), np.float32))


def _block(groups: list[pa.Table], max_tokens: int, features: int) -> Block:
    table = pa.concat_tables(groups)
    if not len(table):
        return _no_examples(max_tokens, features)
    tokens = token_matrix(table["tokens"].combine_chunks(), max_tokens)
    numbers = np.zeros((len(table), 0), np.float32)
    if features:
        column = table["features"].combine_chunks()
        numbers = token_matrix(column, features).view("<f4")
    return Block(
        np.asarray(table["patent_key"]), np.asarray(table["label"]).astype(np.int64), tokens, numbers
    )
