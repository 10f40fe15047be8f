"""Stage score: SCORES, one partition after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import functions as F

from patent_spark.config import digest
from patent_spark.core.context import StageContext
from patent_spark.core.errors import conform
from patent_spark.core.metadata import ScoredTask, ScoreMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import SCORES
from patent_spark.core.session import engine_name
from patent_spark.core.store import write_parquet
from patent_spark.inference.model_source import OpenedModel, open_models
from patent_spark.stages.score.file_input import FileInput
from patent_spark.stages.score.plan import Partition, Plan
from patent_spark.stages.score.texts import columns_beside
from patent_spark.stages.score.warehouse_input import WarehouseInput
from patent_spark.stages.score.worker import ScoreRequest, answer_fields
from patent_spark.stages.score.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Models = Mapping[str, OpenedModel]
Input = FileInput | WarehouseInput


def run(context: StageContext) -> None:
    """Score the partitions that are missing and publish them all.

    An interrupted run is continued when input, models, settings and code are the same. Raises DataError for
    an input that cannot be used and for a model that does not exist.
    """
    models = open_models(context.config, context.config.score.model, context.config.task_names, threads=1)
    key = _key(context, models)
    if not context.force and _is_current(context, key):
        context.up_to_date = True
        return
    home = context.store.root / "score" / "unfinished"
    with open_workspace(home, key, anew=context.force) as workspace:
        source = _input(context, models, workspace.input)
        plan = workspace.plan or workspace.keep_plan(source.prepare(context.config.score.partition_rows))
        for task, model in models.items():
            _score_task(context, workspace, plan, source, task, model)
        workspace.move_to(context.draft)
    counted = {task: _counted(context, task, model) for task, model in models.items()}
    context.record_metadata(
        ScoreMetadata(
            key=key, input=context.config.score.input, partitions=len(plan.partitions), tasks=counted
        )
    )


def _input(context: StageContext, models: Models, copies: Path) -> Input:
    if not context.config.score.input:
        return WarehouseInput(context)
    abouts = [model.packed.about for model in models.values()]
    fields = dict.fromkeys(field for about in abouts for field in about.text.fields)
    beside = dict.fromkeys(column for about in abouts for column in columns_beside(about))
    return FileInput(context, tuple(fields), copies, tuple(beside))


def _key(context: StageContext, models: Models) -> str:
    """A digest of all that the answers depend on."""
    score = context.config.score
    asked = [
        (task, model.package.identity, model.name, model.version, model.release_id)
        for task, model in models.items()
    ]
    source = _input(context, models, Path())
    return digest([asked, source.fingerprint(), score.partition_rows, score.top, context.code])


def _is_current(context: StageContext, key: str) -> bool:
    manifest = context.store.manifest("score")
    record = manifest.metadata_if_readable(ScoreMetadata) if manifest else None
    return record is not None and record.key == key


def _score_task(
    context: StageContext, workspace: Workspace, plan: Plan, source: Input, task: str, model: OpenedModel
) -> None:
    missing = [partition for partition in plan.partitions if not workspace.has(task, partition)]
    total = len(plan.partitions)
    if len(missing) < total:
        say(f"  {task}: {total - len(missing)} of {total} partitions are there; {len(missing)} are missing")
    score = context.config.score
    request = ScoreRequest(
        str(workspace.model(model.package)), task, score.top, score.chunk_rows, score.batch
    )
    started, rows = time.monotonic(), 0
    with Progress(f"score {task}", total=sum(each.rows for each in missing), unit="texts") as bar:
        for partition in missing:
            texts = source.texts(partition, model.packed.about)
            scores = _scores(_spread(context, texts, partition), request, model, source.release_id)
            workspace.publish(task, partition, partial(write_parquet, scores))
            rows += partition.rows
            rate = rows / (time.monotonic() - started)
            bar.update(partition.rows, f"{partition.number + 1} of {total} partitions, {rate:,.0f} texts/s")
    if missing:
        seconds = time.monotonic() - started
        say(f"  {task}: {rows:,} texts in {seconds:,.1f} s, {rows / seconds:,.0f} texts/s")


def _scores(texts: DataFrame, request: ScoreRequest, model: OpenedModel, release: str | None) -> DataFrame:
    """One row per text: SCORES without the columns that stand in the names of folders."""
    constants = {
        "model_name": model.name,
        "model_version": model.version,
        "model_identity": model.package.identity,
        "model_release_id": model.release_id,
        "release_id": release,
    }
    answers = texts.mapInArrow(request, answer_fields())
    return answers.withColumns(
        {name: F.lit(value).cast("string") for name, value in constants.items()}
    ).transform(conform, SCORES.in_files)


def _spread(context: StageContext, texts: DataFrame, partition: Partition) -> DataFrame:
    """The texts over all workers, each with enough of them to sort by length.

    By a hash of the id, so that a task that is retried gets the same rows again.
    """
    score = context.config.score
    enough = -(-partition.rows // score.chunk_rows)
    return texts.repartition(max(1, min(_tasks(context), enough)), "patent_id", "row")


def _tasks(context: StageContext) -> int:
    if context.config.score.parallel:
        return context.config.score.parallel
    if engine_name(context.config.engine) == "sail":
        return len(os.sched_getaffinity(0))
    return int(context.session.conf.get("spark.sql.shuffle.partitions") or 1)


def _counted(context: StageContext, task: str, model: OpenedModel) -> ScoredTask:
    scores = ds.dataset(context.draft.directory / "SCORES" / f"task={task}", format="parquet")
    return ScoredTask(
        model_name=model.name,
        model_version=model.version,
        model_identity=model.package.identity,
        rows=scores.count_rows(),
        without_label=scores.count_rows(filter=pc.field("label").is_null()),
        too_short=scores.count_rows(filter=pc.field("too_short")),
    )
