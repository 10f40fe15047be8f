"""Which models need no training: those that exist already, of the same examples, settings and code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from patent_spark.config import digest, flatten
from patent_spark.core.context import StageContext
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.shard.layout import content_digest
from patent_spark.stages.train.launch.job import Job

_NOT_IN_KEY = ("train.launcher", "train.ranks", "train.timeout_s")
"""Settings that a model does not depend on: any number of ranks takes the same steps."""


def existing_models(context: StageContext) -> dict[tuple[str, str], Path]:
    """Folders of models by key and task.

    They are those of the current version, and those that were trained but not published because another model
    failed.
    """
    models = Job.finished(context.store.root)
    current = context.store.manifest("train")
    if current is not None:
        models |= {
            (metadata["key"], task): context.store.directory("MODEL") / task
            for task, metadata in current.metadata["tasks"].items()
        }
    return models


def model_key(context: StageContext, model: str) -> str:
    """Digest of all that a model depends on: examples, vectors, labels, settings and code.

    The ranks compare the files of the examples with the manifest.
    """
    sections = ("model.", "train.", *(f"{task}." for task in context.config.models[model]))
    settings = {
        name: value
        for name, value in flatten(context.config).items()
        if name.startswith(sections) and name not in _NOT_IN_KEY
    }
    metadata: dict[str, Any] = context.store.metadata("shard")
    described = metadata["tasks"][model]
    examples = [
        described["labels"],
        metadata["lanes"],
        metadata["vocabulary_digest"],
        *(described["splits"].get(split) for split in (TRAIN, DEVELOPMENT)),
        described.get("early"),
    ]
    vectors = [content_digest(path) for path in sorted(context.store.directory("VECTORS").glob("*.parquet"))]
    return digest([model, context.code, settings, examples, vectors])
