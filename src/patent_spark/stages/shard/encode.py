"""Encode texts as token ids of fixed length, one Arrow batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.token_ids import token_ids

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_TEXTS = ("split", "patent_key", "label", "tokens")
ENCODED = "split string, patent_key bigint, label int, length int, tokens binary"


def labelled_texts(members: DataFrame, labels: DataFrame, tokens: DataFrame) -> DataFrame:
    """One row per patent of a task's splits that has text: split, patent_key, label and tokens.

    members: patent_key and split. The label is null for a patent without one.
    """
    return (
        members.join(labels, "patent_key", how="left")
        .join(tokens, "patent_key", how="inner")
        .select("split", "patent_key", "label", "tokens")
    )


def encode(
    texts: DataFrame, words: Sequence[str], labels: Sequence[str], max_tokens: int, min_tokens: int
) -> DataFrame:
    """One row per text with at least `min_tokens` words of the vocabulary; see encode_batch."""
    further = [f"{name} {kind}" for name, kind in texts.dtypes if name not in _TEXTS]

    def encoded(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        vocabulary, names = pa.array(words, pa.string()), pa.array(labels, pa.string())
        for batch in batches:
            yield encode_batch(batch, vocabulary, names, max_tokens, min_tokens)

    return texts.mapInArrow(encoded, ", ".join([ENCODED, *further]))


def encode_batch(
    batch: pa.RecordBatch, vocabulary: pa.Array, labels: pa.Array, max_tokens: int, min_tokens: int
) -> pa.RecordBatch:
    """The batch (split, patent_key, label, tokens) with `label` and `tokens` as in EXAMPLES, and `length`.

    `label` becomes its index in `labels`. Texts with fewer than `min_tokens` known words are dropped; see
    token_ids. Further columns stay as they are.
    """
    matrix, known = token_ids(batch.column("tokens"), vocabulary, max_tokens)
    length = np.minimum(known, max_tokens).astype(np.int32)
    columns = {
        "split": batch.column("split"),
        "patent_key": batch.column("patent_key"),
        "label": pc.index_in(batch.column("label").cast(pa.string()), labels),
        "length": pa.array(length),
        "tokens": _as_binary(matrix),
    }
    columns |= {name: batch.column(name) for name in batch.schema.names if name not in _TEXTS}
    return pa.RecordBatch.from_pydict(columns).filter(pa.array(length >= min_tokens))


def _as_binary(matrix: npt.NDArray[np.int32]) -> pa.Array:
    rows, width = matrix.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * (width * matrix.itemsize)
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(matrix)])
