"""What must hold before a training starts: matching examples and vectors, and executors for Spark."""

from __future__ import annotations

import numpy as np

from patent_spark.config import TASKS, Config, ConfigError
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.label_counts import label_counts
from patent_spark.core.metadata import ShardMetadata, TextMetadata
from patent_spark.core.schemas import TRAIN
from patent_spark.core.session import engine_name


def require_examples(context: StageContext) -> None:
    """Raises DataError unless there are examples for every model."""
    for model in context.config.models:
        if model not in context.store.metadata(ShardMetadata).tasks:
            tasks = context.config.tasks
            raise DataError(
                f"there are no EXAMPLES of {model}; "
                f"run the stages from `patent-spark split` on with tasks={tasks}",
                table="EXAMPLES",
                model=model,
            )


def require_several_labels(context: StageContext) -> None:
    """Raises DataError when all training patents of a task have one label: nothing could be learned."""
    examples = context.store.metadata(ShardMetadata).tasks
    for task in set(context.config.models) & set(TASKS):
        names = examples[task].labels
        counts = label_counts(context.store.directory("EXAMPLES") / task / TRAIN, len(names))
        if np.count_nonzero(counts) == 1:
            only = next(iter(names[i] for i in np.flatnonzero(counts) if i < len(names)), "an interim level")
            raise DataError(
                f"{task}: all training patents have one label, {only}, so there is nothing to learn; "
                f"use a release with more of them, or leave {task} out of `tasks`",
                task=task,
                label=only,
            )


def require_same_vocabulary(context: StageContext) -> None:
    """Raises DataError unless the examples are of the vectors' vocabulary.

    Token ids are places in the vocabulary; with another one every word would mean something else.
    """
    examples = context.store.metadata(ShardMetadata).vocabulary_digest
    vectors = context.store.metadata(TextMetadata).vocabulary_digest
    if examples != vectors:
        raise DataError(
            f"EXAMPLES were made with vocabulary {examples}, but VECTORS have {vectors}; "
            "run `patent-spark shard`",
            table="EXAMPLES",
            examples=examples,
            vectors=vectors,
        )


def require_executors(config: Config) -> None:
    """Raises ConfigError when train.launcher is spark and the engine has no executors."""
    if config.train.launcher == "spark" and engine_name(config.engine) == "sail":
        raise ConfigError(
            "train.launcher = spark needs engine.name = spark, whose session has executors; "
            "set it, or leave the launcher at local",
            setting="train.launcher",
        )
