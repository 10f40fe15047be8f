"""Candidate and champion on the same test patents, each with its own words, labels and calibration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from numpy.typing import NDArray

from patent_spark.config import TECHNOLOGY, recorded
from patent_spark.core.context import StageContext
from patent_spark.core.cpc_levels import level_of
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.progress import Progress
from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store, write_parquet
from patent_spark.core.tokenization import claims_per_patent, tokens
from patent_spark.inference.known_features import known_of_patents
from patent_spark.inference.model_package import Package, PackedTask
from patent_spark.metrics.groups import PatentGroups, read_patent_groups
from patent_spark.metrics.paired import ALL, PairedComparison, paired_comparison
from patent_spark.metrics.prediction_records import (
    Predictions,
    TestPatents,
    concatenated,
    read_predictions,
)
from patent_spark.metrics.report_schema import Metric, headline_parts
from patent_spark.stages.register.promotion_rule import COMPARED_METRICS
from patent_spark.stages.register.report_schema import MetricComparison, OtherLevel

_BLOCK = 8192


def candidate_predictions(store: Store, task: str) -> Predictions:
    """Predictions of the current model for the headline's test patents, from PREDICTIONS."""
    examples = store.metadata(ShardMetadata).tasks[task]
    splits = headline_parts(sorted(filter(is_test, examples.splits)))
    return read_predictions(store.directory("PREDICTIONS"), task, examples.labels, splits)


def other_level(store: Store, task: str, package: Package) -> OtherLevel | None:
    """Why candidate and champion cannot be compared, if they predict technology at two levels of the CPC."""
    if task != TECHNOLOGY:
        return None
    candidate = level_of(store.metadata(ShardMetadata).tasks[task].labels)
    champion = level_of(package.task(task).labels)
    if candidate == champion:
        return None
    return OtherLevel(task=task, candidate=candidate, champion=champion)


def compare_with_champion(
    context: StageContext, task: str, package: Package, scratch: Path
) -> list[MetricComparison]:
    """Candidate and champion in each metric, on the test patents whose families are new to the champion."""
    everyone = candidate_predictions(context.store, task)
    fresh = new_to(package, everyone.patents, read_patent_groups(context.store))
    excluded = int((~fresh).sum())
    if not fresh.any():
        return [_not_compared(task, excluded)]
    candidate = everyone.take(fresh)
    champion = champion_predictions(context, package.task(task), candidate, scratch)
    comparison = paired_comparison(champion, candidate, context.config.evaluate)[ALL]
    return [_metric_comparison(task, metric, comparison, excluded) for metric in COMPARED_METRICS[task]]


def _metric_comparison(
    task: str, metric: Metric, comparison: PairedComparison, excluded: int
) -> MetricComparison:
    return MetricComparison(
        task=task,
        metric=metric,
        candidate=comparison.candidate[metric],
        champion=comparison.baseline[metric],
        difference=comparison.differences[metric].difference,
        interval=comparison.differences[metric].interval,
        patents=comparison.patents,
        excluded=excluded,
    )


def _not_compared(task: str, excluded: int) -> MetricComparison:
    return MetricComparison(
        task=task,
        metric=COMPARED_METRICS[task][0],
        candidate=None,
        champion=None,
        difference=None,
        interval=None,
        patents=0,
        excluded=excluded,
    )


def new_to(package: Package, patents: TestPatents, groups: PatentGroups) -> NDArray[np.bool_]:
    """Mask of the test patents whose families are not in the training data of a model.

    The splits of two releases need not agree, so a test patent of today may have trained the champion.
    """
    known = package.learned_from
    return ~(np.isin(patents.keys, known) | np.isin(patents.family, groups.families(known)))


def champion_predictions(
    context: StageContext, packed: PackedTask, candidate: Predictions, scratch: Path
) -> Predictions:
    """Predictions of another model for the patents of `candidate`.

    It never predicts a label that it does not know, so patents of such labels are errors.
    scratch: a folder for temporary files that executors can see as well.
    """
    own = packed.labels
    labels = [*candidate.patents.labels, *(label for label in own if label not in candidate.patents.labels)]
    columns = np.array([labels.index(label) for label in own])
    patents = candidate.with_labels(labels).patents
    order = np.argsort(patents.keys)
    seen: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    parts: list[Predictions] = []
    beside = known_of_patents(context.store, patents.keys) if packed.about.features else {}

    def predict(rows: NDArray[np.int64], texts: pa.ListArray) -> None:
        probabilities = np.zeros((len(rows), len(labels)), np.float32)
        known = [beside.get(key, {}) for key in patents.keys[rows].tolist()]
        encoded = packed.encode_words(texts, known)
        probabilities[:, columns] = packed.probabilities(encoded, context.config.evaluate.batch)
        parts.append(Predictions.from_probabilities(patents.take(rows), probabilities))
        seen.append(rows)

    with Progress(f"champion {packed.about.task}", total=len(order), unit="patents") as progress:
        for batch in _texts(context, packed, pa.array(patents.keys), scratch):
            rows = order[np.searchsorted(patents.keys, np.asarray(batch["patent_key"]), sorter=order)]
            predict(rows, batch["tokens"])
            progress.update(batch.num_rows)
        # Patents without a word in the text fields that this model reads.
        without = np.setdiff1d(np.arange(len(order)), np.concatenate(seen))
        if len(without):
            predict(without, pa.array([[]] * len(without), pa.list_(pa.string())))
    return concatenated(parts).take(np.argsort(np.concatenate(seen)))


def _texts(
    context: StageContext, packed: PackedTask, keys: pa.Array, scratch: Path
) -> Iterator[pa.RecordBatch]:
    """patent_key and tokens of patents: from TOKENS, or made anew if the model reads other text fields."""
    wanted = packed.about.text
    made = context.store.manifest("text")
    held = recorded(made.settings if made else {}).text
    claims = "claims" in wanted.fields
    if wanted.fields == held.fields and (not claims or wanted.claims == held.claims):
        folder = context.store.directory("TOKENS")
    else:
        folder = _tokens_of(context, wanted.fields, wanted.claims, scratch)
    return _batches(folder, ["patent_key", "tokens"], pc.field("patent_key").isin(keys))


def _tokens_of(context: StageContext, fields: Sequence[str], which: str, scratch: Path) -> Path:
    """TOKENS as they would be of these fields."""
    others = []
    for field in fields:
        if field == "abstract":
            others.append(context.read("ABSTRACTS").select("patent_key", field))
        if field == "claims":
            if "claims" not in _ingested(context):
                raise DataError(
                    "the champion reads claims, but this release was ingested without them; "
                    "run `patent-spark ingest` with text.fields=[title, abstract, claims]",
                    setting="text.fields",
                    stage="ingest",
                )
            others.append(claims_per_patent(context.read("CLAIMS"), which))
    folder = scratch / "tokens"
    write_parquet(tokens(context.read("PATENTS"), fields, others), folder)
    return folder


def _ingested(context: StageContext) -> tuple[str, ...]:
    ingest = context.store.manifest("ingest")
    return recorded(ingest.settings if ingest else {}).text.fields


def _batches(folder: Path, columns: list[str], where: pc.Expression) -> Iterator[pa.RecordBatch]:
    """The rows of a table that are asked for, a few thousand at a time."""
    for batch in pyarrow.dataset.dataset(folder, format="parquet").to_batches(
        columns=columns, filter=where, batch_size=_BLOCK
    ):
        if batch.num_rows:
            yield batch
