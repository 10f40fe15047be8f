"""Candidate and champion on the same test patents, each with its own words, labels and calibration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from numpy.typing import NDArray

from patent_spark.config import recorded
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.patent_ids import patent_keys
from patent_spark.core.progress import Progress
from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store, write_parquet
from patent_spark.core.tokenization import claims_per_patent, tokens
from patent_spark.inference.model_package import Package, PackedTask
from patent_spark.metrics.estimator import joined, said
from patent_spark.metrics.groups import Cohorts, read_cohorts
from patent_spark.metrics.prediction_records import Answers, paired
from patent_spark.metrics.report_schema import headline_parts
from patent_spark.stages.register.promotion_rule import COMPARED_METRICS
from patent_spark.stages.register.report_schema import MetricComparison

_BLOCK = 8192


def candidate_answers(store: Store, task: str) -> Answers:
    """What the current model said about the headline's test patents, from PREDICTIONS."""
    layout = store.metadata(ShardMetadata).tasks[task]
    labels, splits = list(layout.labels), headline_parts(sorted(filter(is_test, layout.splits)))
    places = pa.array(labels, pa.string())
    chosen = (pc.field("task") == task) & pc.field("split").isin(splits)
    columns = ["patent_id", "family", "split", "truth", "probabilities"]
    parts = []
    for batch in _batches(store.directory("PREDICTIONS"), columns, chosen):
        truth = np.asarray(pc.index_in(batch["truth"], places)).astype(np.int64)
        probabilities = np.asarray(batch["probabilities"].flatten()).reshape(len(truth), len(labels))
        keys, family = np.asarray(patent_keys(batch["patent_id"])), np.asarray(batch["family"])
        parts.append(
            Answers(
                keys, family, np.asarray(batch["split"]), labels, truth, said(truth, probabilities, labels)
            )
        )
    if not parts:
        raise DataError(f"PREDICTIONS has no test patents of {task}; run `patent-spark evaluate` again")
    keys, family, split, truth = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("keys", "family", "split", "truth")
    )
    return Answers(keys, family, split, labels, truth, joined([part.says for part in parts]))


def compare_with_champion(
    context: StageContext, task: str, package: Package, scratch: Path
) -> list[MetricComparison]:
    """Candidate and champion in each metric, on the test patents whose families are new to the champion."""
    everyone = candidate_answers(context.store, task)
    fresh = new_to(package, everyone, read_cohorts(context))
    excluded = int((~fresh).sum())
    if not fresh.any():
        return [_not_compared(task, excluded)]
    candidate = everyone.of(fresh)
    champion = champion_answers(context, package.task(task), candidate, scratch)
    told = paired(champion, candidate, context.config.evaluate)["all"]
    return [
        MetricComparison(
            task=task,
            metric=metric,
            candidate=told["figures"]["other"][metric],
            champion=told["figures"]["one"][metric],
            difference=told["differences"][metric]["difference"],
            interval=told["differences"][metric]["interval"],
            patents=told["patents"],
            excluded=excluded,
        )
        for metric in COMPARED_METRICS[task]
    ]


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


def new_to(package: Package, answers: Answers, cohorts: Cohorts) -> NDArray[np.bool_]:
    """Mask of the test patents whose families are not in the training data of a model.

    The splits of two releases need not agree, so a test patent of today may have trained the champion.
    """
    known = package.learned_from
    families = cohorts.families(pa.array(known))
    return ~(np.isin(answers.keys, known) | np.isin(answers.family, families))


def champion_answers(context: StageContext, packed: PackedTask, candidate: Answers, scratch: Path) -> Answers:
    """What another model says about the patents of `candidate`; labels it does not know are never its answer,
    so their patents are errors.

    scratch: a folder for what is only needed meanwhile, which executors see as well.
    """
    own: list[str] = packed.about["labels"]
    labels = [*candidate.labels, *(label for label in own if label not in candidate.labels)]
    columns = np.array([labels.index(label) for label in own])
    order = np.argsort(candidate.keys)
    seen, parts = [np.zeros(0, np.int64)], []

    def judge(rows: NDArray[np.int64], texts: pa.ListArray) -> None:
        probabilities = np.zeros((len(rows), len(labels)), np.float32)
        probabilities[:, columns] = packed.probabilities(texts, context.config.evaluate.batch)
        parts.append(said(candidate.truth[rows], probabilities, labels))
        seen.append(rows)

    with Progress(f"champion {packed.about['task']}", total=len(order), unit="patents") as progress:
        for batch in _texts(context, packed, pa.array(candidate.keys), scratch):
            judge(
                order[np.searchsorted(candidate.keys, np.asarray(batch["patent_key"]), sorter=order)],
                batch["tokens"],
            )
            progress.update(batch.num_rows)
        without = np.setdiff1d(np.arange(len(order)), np.concatenate(seen))  # of which it would read no word
        if len(without):
            judge(without, pa.array([[]] * len(without), pa.list_(pa.string())))
    says = joined(parts).of(np.argsort(np.concatenate(seen)))
    return Answers(candidate.keys, candidate.family, candidate.split, labels, candidate.truth, says)


def _texts(
    context: StageContext, packed: PackedTask, keys: pa.Array, scratch: Path
) -> Iterator[pa.RecordBatch]:
    """patent_key and tokens of patents: from TOKENS, or made anew if the model reads other text fields."""
    wanted = packed.about["text"]
    made = context.store.manifest("text")
    held = recorded(made.settings if made else {}).text
    claims = "claims" in wanted["fields"]
    if wanted["fields"] == list(held.fields) and (not claims or wanted["claims"] == held.claims):
        folder = context.store.directory("TOKENS")
    else:
        folder = _tokens_of(context, wanted["fields"], wanted["claims"], scratch)
    return _batches(folder, ["patent_key", "tokens"], pc.field("patent_key").isin(keys))


def _tokens_of(context: StageContext, fields: list[str], which: str, scratch: Path) -> Path:
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
