"""One pass over the test shards: what the model and the baselines say about each patent.

Blocks of a few thousand patents are read, judged and written, so memory grows only by the few bytes a patent
that the figures need (see measures.Said).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.core.patent_ids import patent_ids
from patent_spark.core.progress import Progress
from patent_spark.core.store import arrow_schema
from patent_spark.inference.scorer import Scorer, token_matrix
from patent_spark.metrics.calibration import Calibration, tempered
from patent_spark.metrics.estimator import said
from patent_spark.metrics.groups import Cohorts
from patent_spark.metrics.prediction_records import MODEL, TEMPERED, UNCALIBRATED, Judged, pool
from patent_spark.stages.evaluate.tfidf import Says

_BLOCK = 8192


@dataclass(frozen=True)
class Block:
    """Some examples of a split, padding rows left out."""

    keys: pa.Array
    truth: NDArray[np.int64]
    """Label numbers [n]."""
    tokens: NDArray[np.int32]
    """Token ids [n, max_tokens]."""


@dataclass(frozen=True)
class Judges:
    """All that is asked about a patent of a task."""

    scorer: Scorer
    calibration: Calibration
    readers: dict[str, Callable[[NDArray[np.int32]], Says]]
    """Baselines that read the text."""
    cohorts: Cohorts
    batch: int


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
    parts, start = (
        [Block(pa.array([], pa.int64()), np.zeros(0, np.int64), np.zeros((0, max_tokens), np.int32))],
        0,
    )
    for block in read_blocks(split_folder, max_tokens):
        mine = taken[start : start + len(block.truth)]
        parts.append(Block(block.keys.filter(pa.array(mine)), block.truth[mine], block.tokens[mine]))
        start += len(mine)
    keys = pa.concat_arrays([part.keys for part in parts])
    return Block(
        keys, np.concatenate([part.truth for part in parts]), np.concatenate([part.tokens for part in parts])
    )


def count_labels(split_folder: Path, labels: int) -> NDArray[np.int64]:
    """Examples of each label in a split; those with an early level instead, whose numbers follow on the labels', are left out."""
    counts = np.zeros(labels, np.int64)
    for path in sorted(split_folder.glob("*.parquet")):
        group = pq.ParquetFile(path).read(columns=["patent_key", "label"])
        real = np.asarray(group["patent_key"]) >= 0
        counts += np.bincount(np.asarray(group["label"])[real], minlength=labels)[:labels]
    return counts


def judge_split(
    split_folder: Path, task: str, expected: int, judges: Judges, writer: pq.ParquetWriter, progress: Progress
) -> Judged:
    """Judge every patent of a test split and write its PREDICTIONS; raises DataError when the shards lack some."""
    parts, labels = [], judges.scorer.labels
    for block in read_blocks(split_folder, judges.scorer.max_tokens):
        raw = judges.scorer.probabilities(block.tokens, judges.batch)
        probabilities = judges.calibration(raw)
        family = judges.cohorts.families(block.keys)
        writer.write_table(_rows(block, family, task, split_folder.name, labels, probabilities))
        says = {MODEL: said(block.truth, probabilities, labels), UNCALIBRATED: said(block.truth, raw, labels)}
        if judges.calibration.slopes:
            says[TEMPERED] = said(block.truth, tempered(raw, judges.calibration.temperature), labels)
        for name, reader in judges.readers.items():
            predicted, votes = reader(block.tokens)
            says[name] = said(block.truth, votes, labels, predicted)
        parts.append(
            Judged(
                np.asarray(block.keys),
                block.truth.astype(np.int16),
                family,
                judges.cohorts.classes(block.keys),
                says,
            )
        )
        progress.update(len(raw), note=split_folder.name)
    found = sum(len(part.truth) for part in parts)
    if found != expected:
        raise DataError(
            f"EXAMPLES/{task}/{split_folder.name} has {found:,} patents, its manifest says {expected:,}; run `patent-spark shard --force`"
        )
    return pool(parts)


def _rows(
    block: Block,
    family: NDArray[np.int64],
    task: str,
    split: str,
    labels: list[str],
    probabilities: NDArray[np.float32],
) -> pa.Table:
    """PREDICTIONS of a block."""
    count, width = probabilities.shape
    predicted = probabilities.argmax(axis=1)
    names = pa.array(labels, pa.string())
    offsets = pa.array(np.arange(count + 1, dtype=np.int32) * width)
    columns = {
        "patent_id": patent_ids(block.keys),
        "family": pa.array(family),
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
