"""Train a model for each task, or one for both: MLflow run, Horovod ranks, MODEL/<task>."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from patent_spark.checks import DataError, StoppedError
from patent_spark.config import ConfigError, digest, flatten, recorded
from patent_spark.engine import engine_name
from patent_spark.progress import say
from patent_spark.schemas import DEVELOPMENT, TRAIN
from patent_spark.shards.layout import Layout, content_digest
from patent_spark.tracking import Run, create_run, reopen_run
from patent_spark.training.checkpoint import Checkpoint
from patent_spark.training.job import Job
from patent_spark.training.launch import run_ranks
from patent_spark.training.schedule import with_enough_epochs
from patent_spark.version import code_version, git_commit
from patent_spark.work import Work

_NO_PART_OF_A_MODEL = ("train.launcher", "train.ranks", "train.timeout_s")
"""Any number of ranks takes the same steps."""


def run(work: Work) -> None:
    """The models of the configuration; one that is there already, of the same data, knobs and code, is kept.

    A training that ended early leaves its folder, with a checkpoint, which work.resume goes on from.
    Raises DataError when examples and vectors do not belong together, or a rank finds bad data.
    """
    _require_examples(work)
    if work.config.train.launcher == "spark" and engine_name(work.config.engine) == "sail":
        raise ConfigError("train.launcher = spark needs engine.name = spark, a session that has executors; or leave the launcher at local")
    earlier = {} if work.force else _earlier_models(work)
    learned, jobs = {}, []
    for model, tasks in work.config.models.items():
        key = _key(work, model)
        jobs.append(job_folder := Job.folder_of(work.store.root, model, key))
        if all((key, task) in earlier for task in tasks):
            say(f"  {model}: examples and knobs are those of the model that is there, which is kept")
            made = {task: earlier[key, task] for task in tasks}
        else:
            models = _train(work, model, key, job_folder)
            made = {task: models / task for task in tasks}
        for task in tasks:
            learned[task] = _put_into(work.draft.path("MODEL") / task, made[task])
    work.learn(tasks=learned)
    for job_folder in jobs:  # only now, so that of two models the first need not be trained again when the second is interrupted
        shutil.rmtree(job_folder, ignore_errors=True)


def _put_into(folder: Path, made: Path) -> dict[str, Any]:
    """Copy a task's model; returns its facts."""
    shutil.copytree(made, folder)
    described, history = (json.loads((folder / name).read_text()) for name in ("task.json", "history.json"))
    return {name: described[name] for name in ("run_id", "key", "kept_epoch")} | {"epochs": len(history), "last": history[-1]}


def _require_examples(work: Work) -> None:
    """Examples for every model, and of the vectors' vocabulary: token ids are its places, and with another every word would mean something else."""
    for model in work.config.models:
        if model not in work.store.facts("shard")["tasks"]:
            raise DataError(f"there are no EXAMPLES of {model}; run the stages from `patent-spark split` on with tasks={work.config.tasks}")
    examples, vectors = (work.store.facts(stage)["vocabulary_digest"] for stage in ("shard", "text"))
    if examples != vectors:
        raise DataError(f"EXAMPLES were made with vocabulary {examples}, VECTORS are those of {vectors}; run `patent-spark shard`")


def _train(work: Work, model: str, key: str, folder: Path) -> Path:
    """Train a model, from a checkpoint or from the start; returns the folder, a part of the job's, with that of each task in it."""
    store, config = work.store, work.config
    tracked, resume = _begin(work, model, folder)
    facts = store.facts("shard")
    job = Job(
        model=model,
        run_id=tracked.run_id,
        release_id=_release_id(work),
        key=key,
        examples=str(store.directory("EXAMPLES") / model),
        vectors=str(store.directory("VECTORS")),
        shards={**facts, "tasks": {name: facts["tasks"][name] for name in (model, *config.models[model])}},
        text=_text(work),
        folder=str(folder),
        resume=resume,
    )
    job.write(config)
    status = "FAILED"
    try:
        logs = store.root / "logs" / f"{time.strftime('%Y%m%dT%H%M%S')}-train-{model}"
        steps_per_epoch = Layout.of(facts, model, TRAIN).steps_per_epoch(config.train.batch)
        steps = with_enough_epochs(config.train, steps_per_epoch).epochs * steps_per_epoch
        run_ranks(folder, config.train, steps, logs, f"train {model}", lambda: work.session)
        status = "FINISHED"
    except (KeyboardInterrupt, StoppedError):
        status = "KILLED"
        raise
    finally:
        tracked.end(status)
    job.finish()
    return job.models


def _begin(work: Work, model: str, folder: Path) -> tuple[Run, bool]:
    """The run of a training, and whether it goes on from the checkpoint in its folder; says which."""
    before = Checkpoint.read(folder, arrays=False)
    place = f"the checkpoint at epoch {before.state.epoch}, step {before.state.step}" if before else ""
    if not work.resume:
        if before:
            say(f"  {model}: trained from the start; --resume would go on from {place}, which the first new one replaces")
        return _new_run(work, model), False
    if before:
        say(f"  {model}: goes on from {place}")
        return reopen_run(work.config, before.run_id), True
    say(f"  {model}: there is no checkpoint of these examples, knobs and code to go on from; trained from the start")
    return reopen_run(work.config, Job.read(folder)[0].run_id) if Job.is_in(folder) else _new_run(work, model), False


def _new_run(work: Work, model: str) -> Run:
    code = {"code": code_version(), "mlflow.source.git.commit": git_commit()}
    stages = {f"stage.{name}": manifest.version for name in ("text", "shard") if (manifest := work.store.manifest(name))}
    run = create_run(work.config, model, {"release_id": _release_id(work), **code, **stages})
    if (synonyms := work.store.facts("text").get("synonyms_found")) is not None:
        run.log_metrics({"synonyms_found": synonyms})
    return run


def _release_id(work: Work) -> str:
    shards = work.store.manifest("shard")
    return shards.release_id if shards else ""


def _text(work: Work) -> dict[str, Any]:
    """What TOKENS were made of, whatever today's configuration says."""
    made = work.store.manifest("text")
    text = recorded(made.knobs if made else {}).text
    return {"fields": list(text.fields), "claims": text.claims}


def _earlier_models(work: Work) -> dict[tuple[str, str], Path]:
    """Folders of models by key and task: those of the current version, and those that another model's end kept from being published."""
    models = Job.finished(work.store.root)
    current = work.store.manifest("train")
    if current is not None:
        models |= {(facts["key"], task): work.store.directory("MODEL") / task for task, facts in current.facts["tasks"].items()}
    return models


def _key(work: Work, model: str) -> str:
    """Digest of all that a model depends on: examples (which the ranks compare with the manifest) and vectors, labels, knobs, code."""
    sections = ("model.", "train.", *(f"{task}." for task in work.config.models[model]))
    knobs = {k: v for k, v in flatten(work.config).items() if k.startswith(sections) and k not in _NO_PART_OF_A_MODEL}
    facts: dict[str, Any] = work.store.facts("shard")
    described = facts["tasks"][model]
    splits = [described["splits"].get(split) for split in (TRAIN, DEVELOPMENT)]
    examples = [described["labels"], facts["lanes"], facts["vocabulary_digest"], *splits, described.get("early")]
    vectors = [content_digest(path) for path in sorted(work.store.directory("VECTORS").glob("*.parquet"))]
    return digest([model, work.code, knobs, examples, vectors])
