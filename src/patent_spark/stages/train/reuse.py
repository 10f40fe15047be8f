"""Which models need no training: those that exist already, of the same examples, settings and code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from patent_spark.config import digest, flatten
from patent_spark.core.context import StageContext
from patent_spark.core.manifest import Manifest
from patent_spark.core.metadata import ShardMetadata, TrainedTask, TrainMetadata
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.stages.shard.layout import content_digest
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.vectors import further_vectors

_NOT_IN_KEY = ("train.cache_dir", "train.launcher", "train.ranks", "train.timeout_s")
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
            (trained.key, task): context.store.directory("MODEL") / task
            for task, trained in _models_of(current).items()
        }
    return models


def _models_of(manifest: Manifest) -> Mapping[str, TrainedTask]:
    """The models of a version of this stage, by task; none when another version of patent_spark made it."""
    metadata = manifest.metadata_if_readable(TrainMetadata)
    return metadata.tasks if metadata else {}


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
    files = [*sorted(context.store.directory("VECTORS").glob("*.parquet")), *further_vectors(context.store)]
    vectors = [content_digest(path) for path in files]
    return digest([model, context.code, settings, _described_examples(context, model), vectors])


def _described_examples(context: StageContext, model: str) -> list[object]:
    """What the manifest says of a model's examples and their labels."""
    shards = context.store.metadata(ShardMetadata)
    of_model = shards.tasks[model]
    return [
        [shards.tasks[task].labels for task in context.config.models[model]],
        shards.virtual_shards,
        shards.vocabulary_digest,
        {name: of_model.splits[name].to_json() for name in (TRAIN, DEVELOPMENT) if name in of_model.splits},
        [label.to_json() for label in of_model.interim],
    ]
