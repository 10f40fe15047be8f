"""What a classifier predicts for test patents: one record for the model, its baselines, champions and past
runs.

PREDICTIONS and BASELINE_PREDICTIONS hold it as rows; a run in MLflow has a sample of it for each task.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.core.patent_ids import patent_ids
from patent_spark.core.schemas import TOP1
from patent_spark.metrics.classification import top_hits
from patent_spark.metrics.label_sets import CUTS, LabelSets, SetScores, label_sets, ranks, set_scores

MODEL, UNCALIBRATED, TEMPERATURE_ALONE = "model", "uncalibrated", "temperature_alone"
"""The calibrated model; the model before calibration; calibrated by a temperature although it has more
parameters."""

FIRST, TOP = 3, 5
"""Labels among which `in_top3` and `in_top5` look for the truth."""

RUN_FOLDER = "predictions"
"""The folder of an MLflow run that has a sample for each task."""

_OF_PATENT = ("keys", "family", "cpc_class", "split", "truth")
_SCORES = ("predicted", "in_top3", "in_top5", "squared_error", "confidence", "top1_probability")
_MIXER = np.uint64(0x9E3779B97F4A7C15)
_ROWS = 65_536


@dataclass(frozen=True)
class TestPatents:
    """Test patents of a task: arrays of one value a patent, all in the same order."""

    __test__ = False  # not a test class for pytest

    keys: NDArray[np.int64]
    family: NDArray[np.int64]
    cpc_class: NDArray[np.bytes_]
    """Empty for a patent without a class. The first letter is the CPC section."""
    split: NDArray[np.int16]
    """Places in `splits`."""
    truth: NDArray[np.int16]
    """Places in `labels`."""
    splits: tuple[str, ...]
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_] | slice) -> TestPatents:
        """Some of the patents, in the order of `rows`."""
        arrays: dict[str, Any] = {name: getattr(self, name)[rows] for name in _OF_PATENT}
        return dataclasses.replace(self, **arrays)

    def rows_of(self, split: str) -> NDArray[np.int64]:
        """Rows of the patents of a split."""
        if split not in self.splits:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.split == self.splits.index(split))


@dataclass(frozen=True)
class Predictions:
    """Predictions of one classifier: arrays of one value a patent, in the order of `patents`."""

    patents: TestPatents
    predicted: NDArray[np.int16]
    """Places in the labels."""
    in_top3: NDArray[np.bool_]
    """Whether the truth is among the three most probable labels; empty where an older version did not say."""
    in_top5: NDArray[np.bool_]
    """Whether the truth is among the five most probable labels."""
    squared_error: NDArray[np.float32]
    """Sum over the labels of (probability - truth) squared; its mean is the Brier score."""
    confidence: NDArray[np.float32]
    """Probability of the most probable label."""
    top1_probability: NDArray[np.float32]
    """Probability of `top1`; empty when the task has no such label."""
    label_shares: NDArray[np.float64] | None = None
    """For a label that is drawn at random: the probability of each.

    Its metrics are expectations; none is drawn.
    """
    sets: SetScores | None = None
    """How all labels of the patents were found, where they have several."""

    @classmethod
    def from_probabilities(
        cls,
        patents: TestPatents,
        probabilities: NDArray[np.float32],
        predicted: NDArray[np.int64] | None = None,
        sets: LabelSets | None = None,
    ) -> Predictions:
        """From probabilities [patents, labels]; predicted: labels, where they are not the most probable
        ones; sets: all labels of the patents, where they have several."""
        found = set_scores(sets, ranks(probabilities, sets)) if sets else None
        return cls(patents, *scores(patents.truth, probabilities, patents.labels, predicted), sets=found)

    def __len__(self) -> int:
        return len(self.patents)

    def take(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_] | slice) -> Predictions:
        """Those for some of the patents; a patent can be taken more than once."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _SCORES}
        taken = {name: values[rows] if len(values) else values for name, values in arrays.items()}
        sets = self.sets.take(rows) if self.sets else None
        return dataclasses.replace(self, patents=self.patents.take(rows), sets=sets, **taken)

    def sorted_by_patent(self) -> Predictions:
        """In the order of the patents' keys."""
        return self.take(np.argsort(self.patents.keys))

    def with_labels(self, labels: Sequence[str]) -> Predictions:
        """The same with the places of labels in another list, which must have all of them."""
        places = np.array([labels.index(label) for label in self.patents.labels], np.int16)
        patents = dataclasses.replace(self.patents, labels=tuple(labels), truth=places[self.patents.truth])
        return dataclasses.replace(self, patents=patents, predicted=places[self.predicted])


def scores(
    truth: NDArray[np.integer[Any]],
    probabilities: NDArray[np.float32],
    labels: Sequence[str],
    predicted: NDArray[np.int64] | None = None,
) -> tuple[
    NDArray[np.int16],
    NDArray[np.bool_],
    NDArray[np.bool_],
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.float32],
]:
    """predicted, in_top3, in_top5, squared_error, confidence and top1_probability.

    probabilities: [n, labels].
    """
    own = np.take_along_axis(probabilities, truth[:, None].astype(np.int64), axis=1)[:, 0]
    top1 = probabilities[:, list(labels).index(TOP1)] if TOP1 in labels else np.zeros(0)
    return (
        (probabilities.argmax(axis=1) if predicted is None else predicted).astype(np.int16),
        top_hits(truth, probabilities, FIRST),
        top_hits(truth, probabilities, TOP),
        (np.einsum("ij,ij->i", probabilities, probabilities) - 2 * own + 1).astype(np.float32),
        probabilities.max(axis=1, initial=0).astype(np.float32),
        top1.astype(np.float32),
    )


def concatenated(parts: Sequence[Predictions]) -> Predictions:
    """One classifier's predictions for several groups of patents with the same splits and labels, in
    order."""
    patents: dict[str, Any] = {
        name: np.concatenate([getattr(part.patents, name) for part in parts]) for name in _OF_PATENT
    }
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in _SCORES
    }
    first, several = parts[0], [part.sets for part in parts if part.sets]
    sets = None
    if len(several) == len(parts):
        fields = (field.name for field in dataclasses.fields(SetScores))
        sets = SetScores(*(np.concatenate([getattr(each, name) for each in several]) for name in fields))
    patents_of_all = dataclasses.replace(first.patents, **patents)
    return dataclasses.replace(first, patents=patents_of_all, sets=sets, **arrays)


def columns_of(predictions: Predictions) -> dict[str, pa.Array]:
    """Columns of PREDICTIONS, all but `task` and `probabilities`, by name."""
    patents = predictions.patents
    count = len(patents)
    names, splits = pa.array(patents.labels, pa.string()), pa.array(patents.splits, pa.string())
    classes = pa.array(patents.cpc_class.astype("U3"), pa.string())
    top1 = predictions.top1_probability
    return {
        "patent_id": patent_ids(pa.array(patents.keys)),
        "patent_key": pa.array(patents.keys),
        "split": splits.take(pa.array(patents.split)),
        "family": pa.array(patents.family),
        "cpc_class": pc.if_else(pc.equal(classes, ""), pa.scalar(None, pa.string()), classes),
        "truth": names.take(pa.array(patents.truth)),
        "predicted": names.take(pa.array(predictions.predicted)),
        "probability": pa.array(predictions.confidence),
        "in_top3": pa.array(predictions.in_top3),
        "in_top5": pa.array(predictions.in_top5),
        "squared_error": pa.array(predictions.squared_error),
        "top1_probability": pa.array(top1) if len(top1) == count else pa.nulls(count, pa.float32()),
        **_columns_of_sets(predictions.sets, count),
    }


def _columns_of_sets(sets: SetScores | None, count: int) -> dict[str, pa.Array]:
    if sets is None:
        return {name: pa.nulls(count) for name in _OF_SETS}
    found = [pa.array(sets.found[:, place]) for place in range(len(CUTS))]
    return dict(zip(_OF_SETS, [*found, pa.array(sets.size), pa.array(sets.ranking_precision)], strict=True))


_READ = (
    "patent_key", "split", "family", "cpc_class", "truth", "predicted", "probability", "in_top5",
    "squared_error",
    "top1_probability",
)  # fmt: skip


_OF_SETS = (*(f"codes_in_top{cut}" for cut in CUTS), "code_count", "ranking_precision")


def read_predictions(
    folder: Path, task: str, labels: Sequence[str], splits: Sequence[str], predictor: str | None = None
) -> Predictions:
    """Predictions of a task for some splits from the folder of PREDICTIONS, in the order of its rows.

    predictor: the classifier to read from the folder of BASELINE_PREDICTIONS instead.
    Raises DataError when there is no such row.
    """
    chosen = (pc.field("task") == task) & pc.field("split").isin(list(splits))
    if predictor is not None:
        chosen &= pc.field("predictor") == predictor
    table = pyarrow.dataset.dataset(folder, format="parquet")
    batches = table.to_batches(columns=[*_READ, "in_top3", *_OF_SETS], filter=chosen, batch_size=_ROWS)
    parts = list(_from_batches(batches, labels, splits))
    if not parts:
        of = f" of {predictor}" if predictor else ""
        raise DataError(
            f"{folder} has no predictions{of} for the test patents of {task}; run `patent-spark "
            "evaluate --force`",
            table=folder.name,
            task=task,
        )
    return concatenated(parts)


def read_label_sets(folder: Path, task: str, labels: Sequence[str], splits: Sequence[str]) -> LabelSets:
    """All codes of the patents of read_predictions, in the same order, as places in `labels`."""
    chosen = (pc.field("task") == task) & pc.field("split").isin(list(splits))
    table = pyarrow.dataset.dataset(folder, format="parquet")
    parts, rows = [label_sets(pa.array([], pa.list_(pa.string())), labels)], 0
    for batch in table.to_batches(columns=["codes"], filter=chosen, batch_size=_ROWS):
        part = label_sets(batch["codes"], labels)
        parts.append(LabelSets(part.patent + rows, part.label, part.patents))
        rows += part.patents
    patent, label = (np.concatenate([getattr(part, name) for part in parts]) for name in ("patent", "label"))
    return LabelSets(patent, label, rows)


def write_sample(path: Path, predictions: Predictions, limit: int) -> None:
    """Write at most `limit` patents as a Parquet file, about thirty bytes a patent.

    Of more patents, those of some families are kept: the same ones in every run.
    """
    patents = predictions.patents
    mixed = patents.family.astype(np.uint64) * _MIXER
    kept = predictions.take(np.sort(np.lexsort([patents.keys, mixed])[:limit]))
    columns = columns_of(kept)
    table = pa.table({name: columns[name] for name in _READ})
    about = {"labels": patents.labels, "splits": patents.splits, "patents": len(patents)}
    metadata = {name: json.dumps(value) for name, value in about.items()}
    pq.write_table(table.replace_schema_metadata(metadata), path, compression="zstd")


def read_sample(path: Path) -> tuple[Predictions, int]:
    """The predictions in a file of write_sample, and the number of patents they are a sample of."""
    table = pq.read_table(path)
    about = {name.decode(): json.loads(value) for name, value in table.schema.metadata.items()}
    batches = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    parts = list(_from_batches(batches, about["labels"], about["splits"], empty=True))
    return concatenated(parts), about["patents"]


def _from_batches(
    batches: Iterator[pa.RecordBatch] | Sequence[pa.RecordBatch],
    labels: Sequence[str],
    splits: Sequence[str],
    empty: bool = False,
) -> Iterator[Predictions]:
    names, parts = pa.array(labels, pa.string()), pa.array(splits, pa.string())
    for batch in batches:
        if not (batch.num_rows or empty):
            continue
        places = {
            column: np.asarray(pc.index_in(batch[column].cast(pa.string()), values)).astype(np.int16)
            for column, values in (("truth", names), ("predicted", names), ("split", parts))
        }
        classes = np.asarray(pc.fill_null(batch["cpc_class"], "")).astype("S3")
        top1 = np.asarray(batch["top1_probability"]) if TOP1 in labels else np.zeros(0, np.float32)
        yield Predictions(
            TestPatents(
                *(np.asarray(batch["patent_key"]), np.asarray(batch["family"]), classes),
                *(places["split"], places["truth"]),
                splits=tuple(splits),
                labels=tuple(labels),
            ),
            places["predicted"],
            np.asarray(batch["in_top3"]) if "in_top3" in batch.schema.names else np.zeros(0, bool),
            np.asarray(batch["in_top5"]),
            np.asarray(batch["squared_error"]),
            np.asarray(batch["probability"]),
            top1,
            sets=_sets_of(batch),
        )


def _sets_of(batch: pa.RecordBatch) -> SetScores | None:
    """None without all labels of the patents: of citation levels, and in samples."""
    if _OF_SETS[0] not in batch.schema.names or not batch[_OF_SETS[0]].is_valid().true_count:
        return None
    *found, size, precision = (np.asarray(batch[name].fill_null(0)) for name in _OF_SETS)
    return SetScores(np.stack(found, axis=1).astype(np.int16), size.astype(np.int16), precision)
