"""What runs in the engine's Python workers: texts in, answers out, one model a process."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql.types import StructType

from patent_spark.core.features import TABLE_COLUMNS, given_or_unknown
from patent_spark.core.schemas import LEVELS, SCORES, TOP1
from patent_spark.inference.model_package import Package, PackedTask
from patent_spark.stages.score.texts import KEPT, TEXT, chunks

if TYPE_CHECKING:
    from patent_spark.inference.encoded_texts import EncodedTexts


@dataclass(frozen=True)
class ScoreRequest:
    """What a worker is to do; plain values, which travel to it with the task."""

    folder: str
    """The model package; every worker sees it."""
    task: str
    top: int
    chunk_rows: int
    batch: int

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Answers on batches with the columns KEPT and TEXT, as SCORES describes them."""
        packed = packed_task(self.folder, self.task)
        for chunk in chunks(batches, self.chunk_rows):
            yield scored(packed, chunk, self)


_models: dict[tuple[str, str], PackedTask] = {}
_loading = threading.Lock()


def packed_task(folder: str, task: str) -> PackedTask:
    """The model, loaded once a process; it computes in the thread that asks (threads 1).

    Sail's workers are threads of one process and share it; Spark's are processes that live on between tasks.
    """
    with _loading:
        if (folder, task) not in _models:
            _models.clear()  # a process scores one task after the other
            _models[folder, task] = Package(Path(folder), threads=1).task(task)
        return _models[folder, task]


def scored(packed: PackedTask, texts: pa.Table, request: ScoreRequest) -> pa.RecordBatch:
    """One row per row of `texts`. Texts without a known word get no label."""
    beside = texts.select([name for name in TABLE_COLUMNS if name in texts.column_names]).to_pylist()
    known = [given_or_unknown(row) for row in beside] if packed.about.features else None
    encoded = packed.encode([text or "" for text in texts[TEXT].to_pylist()], known)
    readable = encoded.known > 0
    found = packed.probabilities(encoded.take(readable), request.batch)
    kept = [texts[name].combine_chunks() for name in KEPT]
    columns = [*kept, *_answers(packed.labels, found, readable, request.top), *_texts(packed, encoded)]
    return pa.record_batch(columns, names=[*KEPT, *_ANSWERS])


_ANSWERS = (
    "label", "probability", "top_labels", "top_probabilities", "top1_probability", "level_probabilities",
    "words", "known_words", "known_share", "too_short",
)  # fmt: skip


def answer_fields() -> StructType:
    """The columns that a ScoreRequest makes."""
    return StructType([SCORES.schema[name] for name in (*KEPT, *_ANSWERS)])


def _answers(
    labels: Sequence[str], found: NDArray[np.float32], readable: NDArray[np.bool_], top: int
) -> list[pa.Array]:
    """label, probability, top_labels, top_probabilities, top1_probability, level_probabilities."""
    # A stable sort: of equally probable labels the one that the model lists first comes first.
    best = np.argsort(-found, axis=1, kind="stable")[:, :top]
    probabilities = np.take_along_axis(found, best, axis=1)
    names = pa.array(labels, pa.string())
    is_level = set(LEVELS) <= set(labels)
    levels = found[:, [labels.index(level) for level in LEVELS]] if is_level else None
    return [
        _spread(names.take(pa.array(best[:, 0])), readable),
        _spread(pa.array(probabilities[:, 0]), readable),
        _lists(names.take(pa.array(best.ravel())), best.shape[1], readable),
        _lists(pa.array(probabilities.ravel()), best.shape[1], readable),
        pa.nulls(len(readable), pa.float32())
        if levels is None
        else _spread(pa.array(levels[:, LEVELS.index(TOP1)]), readable),
        pa.nulls(len(readable), pa.list_(pa.float32()))
        if levels is None
        else _lists(pa.array(levels.ravel()), len(LEVELS), readable),
    ]


def _texts(packed: PackedTask, encoded: EncodedTexts) -> list[pa.Array]:
    """words, known_words, known_share, too_short."""
    share = encoded.known / np.maximum(encoded.words, 1)
    return [
        pa.array(encoded.words.astype(np.int32)),
        pa.array(encoded.known.astype(np.int32)),
        pa.array(share.astype(np.float32), mask=encoded.words == 0),
        pa.array(encoded.known < packed.about.min_tokens),
    ]


def _spread(values: pa.Array, where: NDArray[np.bool_]) -> pa.Array:
    """The values at the rows where the mask is true, null elsewhere."""
    places = np.cumsum(where) - 1
    return values.take(pa.array(places, mask=~where))


def _lists(flat: pa.Array, length: int, where: NDArray[np.bool_]) -> pa.Array:
    """Lists of `length` values at the rows where the mask is true, null elsewhere."""
    ends = np.concatenate([[0], np.cumsum(where) * length]).astype(np.int32)
    # A null offset makes its list null.
    offsets = pa.array(ends, mask=np.append(~where, False))
    return pa.ListArray.from_arrays(offsets, flat)
