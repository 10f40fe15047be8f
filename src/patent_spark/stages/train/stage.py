"""Train a model for each task, or one for both: MLflow run, Horovod ranks, MODEL/<task>."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from patent_spark.config import Train, recorded
from patent_spark.core.code_version import code_version, git_commit
from patent_spark.core.context import StageContext
from patent_spark.core.files import write_json
from patent_spark.core.lineage import LINEAGE_FILE, lineage_of
from patent_spark.core.log_lines import current_run_id, log_context
from patent_spark.core.metadata import ShardMetadata, TextMetadata, TrainedTask, TrainMetadata
from patent_spark.core.model_files import TaskDescription, TextSource, read_history
from patent_spark.core.progress import say
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.checkpoint import Checkpoint
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.launcher import run_ranks
from patent_spark.stages.train.model.optimizer import with_enough_epochs
from patent_spark.stages.train.preconditions import (
    require_examples,
    require_executors,
    require_same_vocabulary,
    require_several_labels,
)
from patent_spark.stages.train.reuse import existing_models, model_key
from patent_spark.stages.train.vectors import further_vectors
from patent_spark.tracking.datasets import example_sets
from patent_spark.tracking.runs import Run, create_run, ending, reopen_run

_READ = ("text", "shard")
"""The stages that a training reads."""


def run(context: StageContext) -> None:
    """Train the models of the configuration, or keep those that exist already.

    A training that ended early leaves its folder with a checkpoint, which context.resume goes on from.
    Raises DataError when examples and vectors do not belong together, or a rank finds bad data.
    """
    require_examples(context)
    require_several_labels(context)
    require_same_vocabulary(context)
    require_executors(context.config)
    existing = {} if context.force else existing_models(context)
    jobs: list[Path] = []
    metadata: dict[str, TrainedTask] = {}
    for model, tasks in context.config.models.items():
        key = model_key(context, model)
        jobs.append(Job.folder_of(context.store.root, model, key))
        if all((key, task) in existing for task in tasks):
            say(f"  {model}: kept, because examples, settings and code are those of the existing model")
            folders = {task: existing[key, task] for task in tasks}
        else:
            models = _train(context, model, key, jobs[-1])
            folders = {task: models / task for task in tasks}
        metadata |= {task: _publish(folders[task], context.draft.path("MODEL") / task) for task in tasks}
    context.record_metadata(TrainMetadata(tasks=metadata))
    # Only now: when the second of two trainings is interrupted, the first need not be repeated.
    for job_folder in jobs:
        shutil.rmtree(job_folder, ignore_errors=True)


def _publish(source: Path, folder: Path) -> TrainedTask:
    """Copy a task's model into the draft; returns its metadata."""
    shutil.copytree(source, folder)
    task, history = TaskDescription.read(folder), read_history(folder)
    return TrainedTask(
        run_id=task.run_id,
        key=task.key,
        kept_epoch=task.kept_epoch,
        epochs=len(history),
        last=history[-1],
    )


def _train(context: StageContext, model: str, key: str, folder: Path) -> Path:
    """Train a model, from a checkpoint or from the start; returns a folder with a subfolder for each task."""
    store, settings = context.store, context.config.train
    run, resume = _begin(context, model, folder)
    job = _job(context, model, key, folder, run.run_id, resume)
    job.write(context.config)
    _write_lineage(context, job)
    with ending(run), log_context(mlflow_run_id=run.run_id):
        logs = store.root / "logs" / f"{time.strftime('%Y%m%dT%H%M%S')}-train-{model}"
        run_ranks(folder, settings, _step_count(job, settings), logs, model, lambda: context.session)
    job.mark_done()
    return job.models


def _write_lineage(context: StageContext, job: Job) -> None:
    """Into the folder of each task's model, where rank 0 finds it and sends it to MLflow."""
    read = {stage: manifest.version for stage in _READ if (manifest := context.store.manifest(stage))}
    lineage = lineage_of(context.store, read)
    for task in context.config.models[job.model]:
        folder = job.models / task
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / LINEAGE_FILE, lineage.to_json())


def _step_count(job: Job, settings: Train) -> int:
    """Steps of all epochs together."""
    steps_per_epoch = Layout.of(job.shards, job.model, TRAIN).steps_per_epoch(settings.batch)
    return with_enough_epochs(settings, steps_per_epoch).epochs * steps_per_epoch


def _job(context: StageContext, model: str, key: str, folder: Path, run_id: str, resume: bool) -> Job:
    store, tasks = context.store, context.config.models[model]
    shards = store.metadata(ShardMetadata)
    shards = shards.model_copy(update={"tasks": {name: shards.tasks[name] for name in (model, *tasks)}})
    return Job(
        model=model,
        run_id=run_id,
        release_id=_release_id(context),
        key=key,
        examples=str(store.directory("EXAMPLES") / model),
        vectors=str(store.directory("VECTORS")),
        further_vectors=tuple(map(str, further_vectors(store))),
        shards=shards,
        text=_text_source(context),
        log_run_id=current_run_id(),
        folder=str(folder),
        resume=resume,
    )


def _begin(context: StageContext, model: str, folder: Path) -> tuple[Run, bool]:
    """The run of a training, and whether to resume from the checkpoint in its folder; prints which."""
    checkpoint = Checkpoint.read(folder, arrays=False)
    if checkpoint is None:
        if not context.resume:
            return _new_run(context, model), False
        say(f"  {model}: starts anew: there is no checkpoint of these examples, settings and code")
        if Job.is_in(folder):
            return reopen_run(context.config, Job.read(folder)[0].run_id), False
        return _new_run(context, model), False
    place = f"the checkpoint at epoch {checkpoint.state.epoch}, step {checkpoint.state.step}"
    if context.resume:
        say(f"  {model}: resumes from {place}")
        return reopen_run(context.config, checkpoint.run_id), True
    say(f"  {model}: starts anew; --resume would go on from {place}, which its first checkpoint replaces")
    return _new_run(context, model), False


def _new_run(context: StageContext, model: str) -> Run:
    code = {"code": code_version(), "mlflow.source.git.commit": git_commit()}
    versions = {
        f"stage.{name}": manifest.version for name in _READ if (manifest := context.store.manifest(name))
    }
    run = create_run(context.config, model, {"release_id": _release_id(context), **code, **versions})
    run.log_datasets(example_sets(context.store, model, (TRAIN, DEVELOPMENT)))
    if (synonyms := context.store.metadata(TextMetadata).synonyms_found) is not None:
        run.log_metrics({"synonyms_found": synonyms})
    return run


def _release_id(context: StageContext) -> str:
    shards = context.store.manifest("shard")
    return shards.release_id if shards else ""


def _text_source(context: StageContext) -> TextSource:
    """The parts of a patent that TOKENS were made of, whatever the current configuration says."""
    made = context.store.manifest("text")
    text = recorded(made.settings if made else {}).text
    return TextSource(fields=tuple(text.fields), claims=text.claims)
