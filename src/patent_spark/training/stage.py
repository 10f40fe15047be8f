"""Train a model for each task: MLflow run, Horovod ranks, MODEL/<task>."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from patent_spark.checks import DataError
from patent_spark.config import digest, flatten
from patent_spark.progress import say
from patent_spark.schemas import DEVELOPMENT, TRAIN
from patent_spark.shards.layout import Layout
from patent_spark.tracking import create_run
from patent_spark.training.job import Job
from patent_spark.training.launch import run_ranks
from patent_spark.version import code_version, git_commit
from patent_spark.work import Work


def run(work: Work) -> None:
    """A model for each task of the configuration; one that is there already, of the same data, knobs and code, is kept.

    Raises DataError when examples and vectors do not belong together, or a rank finds bad data.
    """
    _require_one_vocabulary(work)
    earlier = {} if work.force else _earlier_models(work)
    learned = {}
    for task in work.config.task_names:
        key, folder = _key(work, task), work.draft.path("MODEL") / task
        if key in earlier:
            say(f"  {task}: examples and knobs are those of the current model, which is kept")
            shutil.copytree(earlier[key], folder)
        else:
            _train(work, task, key, folder)
        described = json.loads((folder / "task.json").read_text())
        history = json.loads((folder / "history.json").read_text())
        learned[task] = {name: described[name] for name in ("run_id", "key", "kept_epoch")} | {"epochs": len(history), "last": history[-1]}
    work.learn(tasks=learned)


def _require_one_vocabulary(work: Work) -> None:
    """Token ids are places in the vocabulary: with the vectors of another one every word would mean something else."""
    examples, vectors = (work.store.facts(stage)["vocabulary_digest"] for stage in ("shard", "text"))
    if examples != vectors:
        raise DataError(f"EXAMPLES were made with vocabulary {examples}, VECTORS are those of {vectors}; run `patent-spark shard`")


def _train(work: Work, task: str, key: str, folder: Path) -> None:
    """Train a new model into `folder`; the job's own folder is there to be looked at after a failure, and only then."""
    store, config = work.store, work.config
    shards = store.manifest("shard")
    facts = store.facts("shard")
    release_id = shards.release_id if shards else ""
    stages = {f"stage.{name}": manifest.version for name in ("text", "shard") if (manifest := store.manifest(name))}
    code = {"code": code_version(), "mlflow.source.git.commit": git_commit()}
    tracked = create_run(config, task, {"release_id": release_id, **code, **stages})
    job = Job(
        task=task,
        run_id=tracked.run_id,
        release_id=release_id,
        key=key,
        examples=str(store.directory("EXAMPLES") / task),
        vectors=str(store.directory("VECTORS")),
        shards={**facts, "tasks": {task: facts["tasks"][task]}},
        folder=str(store.root / "train" / "work" / f"{task}-{key}"),
    )
    job.write(config)
    status = "FAILED"
    try:
        logs = store.root / "logs" / f"{time.strftime('%Y%m%dT%H%M%S')}-train-{task}"
        steps = config.train.epochs * Layout.of(facts, task, TRAIN).steps_per_epoch(config.train.batch)
        run_ranks(Path(job.folder), config.train.ranks, steps, config.train.timeout_s, logs, f"train {task}")
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        tracked.end(status)
    shutil.copytree(job.model, folder)
    shutil.rmtree(job.folder)


def _earlier_models(work: Work) -> dict[str, Path]:
    """Folders of the models of the current version by their key."""
    current = work.store.manifest("train")
    if current is None:
        return {}
    return {facts["key"]: work.store.directory("MODEL") / task for task, facts in current.facts["tasks"].items()}


def _key(work: Work, task: str) -> str:
    """Digest of all that a model of this task depends on: examples and vectors byte for byte, labels, knobs, code."""
    knobs = {k: v for k, v in flatten(work.config).items() if k.startswith(("model.", "train.", f"{task}."))}
    examples = work.store.directory("EXAMPLES") / task
    folders = [examples / TRAIN, examples / DEVELOPMENT, work.store.directory("VECTORS")]
    facts: dict[str, Any] = work.store.facts("shard")
    described = facts["tasks"][task]
    facts_used = [described["labels"], facts["lanes"], facts["vocabulary_digest"]]
    return digest([task, work.code, knobs, *facts_used, [_content(folder) for folder in folders]])


def _content(folder: Path) -> str:
    sha = hashlib.sha256()
    for path in sorted(folder.glob("*.parquet")):
        sha.update(path.name.encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                sha.update(block)
    return sha.hexdigest()
