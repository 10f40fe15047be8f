"""Train a model for each task, or one for both: MLflow run, Horovod ranks, MODEL/<task>."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from patent_spark.config import ConfigError, digest, flatten, recorded
from patent_spark.core.code_version import code_version, git_commit
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, StoppedError
from patent_spark.core.progress import say
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.session import engine_name
from patent_spark.stages.shard.layout import Layout, content_digest
from patent_spark.stages.train.checkpoint import Checkpoint
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.launcher import run_ranks
from patent_spark.stages.train.model.optimizer import with_enough_epochs
from patent_spark.tracking.runs import Run, create_run, reopen_run

_NO_PART_OF_A_MODEL = ("train.launcher", "train.ranks", "train.timeout_s")
"""Any number of ranks takes the same steps."""


def run(context: StageContext) -> None:
    """The models of the configuration; one that is there already, of the same data, settings and code, is kept.

    A training that ended early leaves its folder, with a checkpoint, which work.resume goes on from.
    Raises DataError when examples and vectors do not belong together, or a rank finds bad data.
    """
    _require_examples(context)
    if context.config.train.launcher == "spark" and engine_name(context.config.engine) == "sail":
        raise ConfigError(
            "train.launcher = spark needs engine.name = spark, a session that has executors; or leave the launcher at local"
        )
    earlier = {} if context.force else _earlier_models(context)
    learned, jobs = {}, []
    for model, tasks in context.config.models.items():
        key = _key(context, model)
        jobs.append(job_folder := Job.folder_of(context.store.root, model, key))
        if all((key, task) in earlier for task in tasks):
            say(f"  {model}: examples and settings are those of the model that is there, which is kept")
            made = {task: earlier[key, task] for task in tasks}
        else:
            models = _train(context, model, key, job_folder)
            made = {task: models / task for task in tasks}
        for task in tasks:
            learned[task] = _put_into(context.draft.path("MODEL") / task, made[task])
    context.record_metadata(tasks=learned)
    for job_folder in (
        jobs
    ):  # only now, so that of two models the first need not be trained again when the second is interrupted
        shutil.rmtree(job_folder, ignore_errors=True)


def _put_into(folder: Path, made: Path) -> dict[str, Any]:
    """Copy a task's model; returns its facts."""
    shutil.copytree(made, folder)
    described, history = (json.loads((folder / name).read_text()) for name in ("task.json", "history.json"))
    return {name: described[name] for name in ("run_id", "key", "kept_epoch")} | {
        "epochs": len(history),
        "last": history[-1],
    }


def _require_examples(context: StageContext) -> None:
    """Examples for every model, and of the vectors' vocabulary: token ids are its places, and with another every word would mean something else."""
    for model in context.config.models:
        if model not in context.store.metadata("shard")["tasks"]:
            raise DataError(
                f"there are no EXAMPLES of {model}; run the stages from `patent-spark split` on with tasks={context.config.tasks}"
            )
    examples, vectors = (context.store.metadata(stage)["vocabulary_digest"] for stage in ("shard", "text"))
    if examples != vectors:
        raise DataError(
            f"EXAMPLES were made with vocabulary {examples}, VECTORS are those of {vectors}; run `patent-spark shard`"
        )


def _train(context: StageContext, model: str, key: str, folder: Path) -> Path:
    """Train a model, from a checkpoint or from the start; returns the folder, a part of the job's, with that of each task in it."""
    store, config = context.store, context.config
    tracked, resume = _begin(context, model, folder)
    metadata = store.metadata("shard")
    job = Job(
        model=model,
        run_id=tracked.run_id,
        release_id=_release_id(context),
        key=key,
        examples=str(store.directory("EXAMPLES") / model),
        vectors=str(store.directory("VECTORS")),
        shards={
            **metadata,
            "tasks": {name: metadata["tasks"][name] for name in (model, *config.models[model])},
        },
        text=_text(context),
        folder=str(folder),
        resume=resume,
    )
    job.write(config)
    status = "FAILED"
    try:
        logs = store.root / "logs" / f"{time.strftime('%Y%m%dT%H%M%S')}-train-{model}"
        steps_per_epoch = Layout.of(metadata, model, TRAIN).steps_per_epoch(config.train.batch)
        steps = with_enough_epochs(config.train, steps_per_epoch).epochs * steps_per_epoch
        run_ranks(folder, config.train, steps, logs, f"train {model}", lambda: context.session)
        status = "FINISHED"
    except (KeyboardInterrupt, StoppedError):
        status = "KILLED"
        raise
    finally:
        tracked.end(status)
    job.finish()
    return job.models


def _begin(context: StageContext, model: str, folder: Path) -> tuple[Run, bool]:
    """The run of a training, and whether it goes on from the checkpoint in its folder; says which."""
    before = Checkpoint.read(folder, arrays=False)
    place = f"the checkpoint at epoch {before.state.epoch}, step {before.state.step}" if before else ""
    if not context.resume:
        if before:
            say(
                f"  {model}: trained from the start; --resume would go on from {place}, which the first new one replaces"
            )
        return _new_run(context, model), False
    if before:
        say(f"  {model}: goes on from {place}")
        return reopen_run(context.config, before.run_id), True
    say(
        f"  {model}: there is no checkpoint of these examples, settings and code to go on from; trained from the start"
    )
    return reopen_run(context.config, Job.read(folder)[0].run_id) if Job.is_in(folder) else _new_run(
        context, model
    ), False


def _new_run(context: StageContext, model: str) -> Run:
    code = {"code": code_version(), "mlflow.source.git.commit": git_commit()}
    stages = {
        f"stage.{name}": manifest.version
        for name in ("text", "shard")
        if (manifest := context.store.manifest(name))
    }
    run = create_run(context.config, model, {"release_id": _release_id(context), **code, **stages})
    if (synonyms := context.store.metadata("text").get("synonyms_found")) is not None:
        run.log_metrics({"synonyms_found": synonyms})
    return run


def _release_id(context: StageContext) -> str:
    shards = context.store.manifest("shard")
    return shards.release_id if shards else ""


def _text(context: StageContext) -> dict[str, Any]:
    """What TOKENS were made of, whatever today's configuration says."""
    made = context.store.manifest("text")
    text = recorded(made.settings if made else {}).text
    return {"fields": list(text.fields), "claims": text.claims}


def _earlier_models(context: StageContext) -> dict[tuple[str, str], Path]:
    """Folders of models by key and task: those of the current version, and those that another model's end kept from being published."""
    models = Job.finished(context.store.root)
    current = context.store.manifest("train")
    if current is not None:
        models |= {
            (metadata["key"], task): context.store.directory("MODEL") / task
            for task, metadata in current.metadata["tasks"].items()
        }
    return models


def _key(context: StageContext, model: str) -> str:
    """Digest of all that a model depends on: examples (which the ranks compare with the manifest) and vectors, labels, settings, code."""
    sections = ("model.", "train.", *(f"{task}." for task in context.config.models[model]))
    settings = {
        k: v
        for k, v in flatten(context.config).items()
        if k.startswith(sections) and k not in _NO_PART_OF_A_MODEL
    }
    metadata: dict[str, Any] = context.store.metadata("shard")
    described = metadata["tasks"][model]
    splits = [described["splits"].get(split) for split in (TRAIN, DEVELOPMENT)]
    examples = [
        described["labels"],
        metadata["lanes"],
        metadata["vocabulary_digest"],
        *splits,
        described.get("early"),
    ]
    vectors = [content_digest(path) for path in sorted(context.store.directory("VECTORS").glob("*.parquet"))]
    return digest([model, context.code, settings, examples, vectors])
