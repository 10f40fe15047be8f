"""One pass over the test shards: what the model and the linear baseline say about each patent.

Blocks of a few thousand patents are read, judged and written, so memory grows only by the few bytes a patent
that the figures need (label numbers, and the score of `top1`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.checks import DataError
from patent_spark.evaluation.metrics import top_hits
from patent_spark.keys import patent_ids
from patent_spark.progress import Progress
from patent_spark.schemas import TOP1
from patent_spark.serving.scorer import Scorer, token_matrix
from patent_spark.store import arrow_schema

if TYPE_CHECKING:
    from patent_spark.evaluation.baselines import TfidfLinear

_BLOCK = 8192
_TOP = 5


@dataclass(frozen=True)
class Block:
    """Some examples of a split, padding rows left out."""

    keys: pa.Array
    truth: NDArray[np.int64]
    """Label numbers [n]."""
    tokens: NDArray[np.int32]
    """Token ids [n, max_tokens]."""


@dataclass(frozen=True)
class Judged:
    """What is kept of a split: arrays of one value a patent, all in the same order."""

    truth: NDArray[np.int16]
    predicted: NDArray[np.int16]
    linear: NDArray[np.int16]
    """The linear baseline's label."""
    top5: NDArray[np.bool_]
    """Whether the truth is among the model's five most probable labels."""
    top1_score: NDArray[np.float32]
    """The model's probability of `top1`; empty when the task has no such label."""
    top1_linear: NDArray[np.float32]
    """The linear baseline's score of `top1`; empty likewise."""


def read_blocks(split_folder: Path, max_tokens: int, rows: int = _BLOCK) -> Iterator[Block]:
    """A split's examples in the order of its group files, about `rows` at a time."""
    waiting: list[pa.Table] = []
    for path in sorted(split_folder.glob("*.parquet")):
        group = pq.ParquetFile(path).read(columns=["patent_key", "label", "tokens"])
        waiting.append(group.filter(pc.greater_equal(group["patent_key"], 0)))
        if sum(len(each) for each in waiting) >= rows:
            yield _block(waiting, max_tokens)
            waiting = []
    if waiting:
        yield _block(waiting, max_tokens)


def read_sample(split_folder: Path, max_tokens: int, rows: int, limit: int, seed: int) -> Block:
    """A seeded sample of `limit` of a split's `rows` examples, or all of them; only the sample is ever in memory."""
    taken = np.arange(rows) < limit
    np.random.default_rng(seed).shuffle(taken)
    parts, start = [Block(pa.array([], pa.int64()), np.zeros(0, np.int64), np.zeros((0, max_tokens), np.int32))], 0
    for block in read_blocks(split_folder, max_tokens):
        mine = taken[start : start + len(block.truth)]
        parts.append(Block(block.keys.filter(pa.array(mine)), block.truth[mine], block.tokens[mine]))
        start += len(mine)
    keys = pa.concat_arrays([part.keys for part in parts])
    return Block(keys, np.concatenate([part.truth for part in parts]), np.concatenate([part.tokens for part in parts]))


def count_labels(split_folder: Path, labels: int) -> NDArray[np.int64]:
    """Examples of each label in a split."""
    counts = np.zeros(labels, np.int64)
    for path in sorted(split_folder.glob("*.parquet")):
        group = pq.ParquetFile(path).read(columns=["patent_key", "label"])
        real = np.asarray(group["patent_key"]) >= 0
        counts += np.bincount(np.asarray(group["label"])[real], minlength=labels)
    return counts


def judge_split(
    split_folder: Path,
    task: str,
    expected: int,
    scorer: Scorer,
    linear: TfidfLinear,
    batch: int,
    writer: pq.ParquetWriter,
    progress: Progress,
) -> Judged:
    """Judge every patent of a test split and write its PREDICTIONS; raises DataError when the shards lack some."""
    parts = []
    for block in read_blocks(split_folder, scorer.max_tokens):
        probabilities = scorer.probabilities(block.tokens, batch)
        predicted = probabilities.argmax(axis=1)
        writer.write_table(_rows(block, task, split_folder.name, scorer.labels, predicted, probabilities))
        parts.append(_judge(block, predicted, probabilities, linear.scores(block.tokens), scorer.labels))
        progress.update(len(predicted), note=split_folder.name)
    found = sum(len(part.truth) for part in parts)
    if found != expected:
        raise DataError(
            f"EXAMPLES/{task}/{split_folder.name} has {found:,} patents, its manifest says {expected:,}; run `patent-spark shard --force`"
        )
    return pool(parts)


def pool(parts: list[Judged]) -> Judged:
    """Several splits as one."""
    return Judged(*(np.concatenate([getattr(part, name) for part in parts]) for name in Judged.__dataclass_fields__))


def _judge(block: Block, predicted: NDArray[Any], probabilities: NDArray[np.float32], linear: NDArray[np.float32], labels: list[str]) -> Judged:
    nothing = np.zeros(0, np.float32)
    top1 = labels.index(TOP1) if TOP1 in labels else None
    return Judged(
        truth=block.truth.astype(np.int16),
        predicted=predicted.astype(np.int16),
        linear=linear.argmax(axis=1).astype(np.int16),
        top5=top_hits(block.truth, probabilities, _TOP),
        top1_score=nothing if top1 is None else probabilities[:, top1],
        top1_linear=nothing if top1 is None else linear[:, top1],
    )


def _rows(block: Block, task: str, split: str, labels: list[str], predicted: NDArray[Any], probabilities: NDArray[np.float32]) -> pa.Table:
    """PREDICTIONS of a block."""
    count, width = probabilities.shape
    names = pa.array(labels, pa.string())
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    columns = {
        "patent_id": patent_ids(block.keys),
        "task": pa.repeat(pa.scalar(task), count),
        "split": pa.repeat(pa.scalar(split), count),
        "truth": names.take(pa.array(block.truth)),
        "predicted": names.take(pa.array(predicted)),
        "probability": pa.array(np.take_along_axis(probabilities, predicted[:, None], axis=1)[:, 0]),
        "probabilities": pa.ListArray.from_arrays(offsets, pa.array(probabilities.reshape(-1))),
    }
    schema = arrow_schema("PREDICTIONS")
    return pa.table([columns[name] for name in schema.names], names=schema.names).cast(schema)


def _block(groups: list[pa.Table], max_tokens: int) -> Block:
    table = pa.concat_tables(groups).combine_chunks()
    keys = table["patent_key"].combine_chunks() if len(table) else pa.array([], pa.int64())
    return Block(keys, np.asarray(table["label"]).astype(np.int64), token_matrix(table["tokens"], max_tokens))
