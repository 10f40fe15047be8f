"""Stage shard: EXAMPLES/<task>/<split>/group-*.parquet, shuffled, in row groups of equal size."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from pyspark.sql import functions as F

from patent_spark.config import JOINT
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.key_ranges import key_ranges
from patent_spark.core.metadata import (
    FeatureEncoding,
    ShardMetadata,
    SplitLayout,
    TaskExamples,
    TextMetadata,
)
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.shuffle import read_shuffled, write_shuffled
from patent_spark.core.store import parquet_size
from patent_spark.stages.shard.encode import encode, labelled_texts
from patent_spark.stages.shard.features import (
    features_of_task,
    fit_to_training,
    with_features,
    with_values,
    write_features,
)
from patent_spark.stages.shard.labels import label_per_patent, labels_of_task
from patent_spark.stages.shard.multitask import join_examples, read_examples
from patent_spark.stages.shard.row_groups import write_groups

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MAX_SHARE_CUT = 0.1
"""With a larger share of truncated training texts, the stage warns."""


def run(context: StageContext) -> None:
    """Write the examples of every task; raises DataError when a task has no training examples."""
    words = context.store.read_arrow("VOCABULARY", ["word", "id"]).sort_by("id")["word"].to_pylist()
    tasks, too_short = {}, {}
    for task in context.config.task_names:
        tasks[task], too_short[task] = _shard_task(context, task, words)
    if JOINT in context.config.models:
        tasks[JOINT] = _shard_joint(context, tasks)
    metadata = ShardMetadata(
        vocabulary_digest=context.store.metadata(TextMetadata).vocabulary_digest,
        virtual_shards=math.lcm(*context.config.shard.world_sizes),
        tasks=tasks,
        too_short=too_short,
    )
    context.record_metadata(metadata)


def _shard_task(context: StageContext, task: str, words: list[str]) -> tuple[TaskExamples, int]:
    """The examples of one task, and the number of patents with too few known words."""
    section = context.config.task(task)
    members = context.store.read_arrow("SPLITS", ["split"], where=pc.field("task") == task)["split"]
    sizes = {each["values"]: each["counts"] for each in members.value_counts().to_pylist()}
    splits_of_task = context.read("SPLITS").where(F.col("task") == task).drop("task")
    labels = labels_of_task(context, task)
    labels_of_patents, interim = label_per_patent(context, task, splits_of_task)
    members_of_task = splits_of_task.select("patent_key", "split")
    texts = labelled_texts(members_of_task, labels_of_patents, context.read("TOKENS"))
    features = features_of_task(context, task)
    if features:
        texts = with_values(texts, write_features(context, features, members_of_task), features)
    shuffled = context.draft.directory / "shuffled"
    names = [*labels, *(each.label for each in interim)]
    encoded = (
        encode(keys.of(texts), words, names, section.max_tokens, section.min_tokens)
        for keys in key_ranges(members_of_task)
    )
    write_shuffled(encoded, shuffled, rows=len(members), seed=context.config.shard.seed, by="split")
    if not parquet_size(shuffled / f"split={TRAIN}")["rows"]:
        raise _no_training_examples(task, sizes.get(TRAIN, 0), section.min_tokens)
    encoding = fit_to_training(features, shuffled / f"split={TRAIN}") if features else None
    splits = _write_splits(context, task, shuffled, sizes, encoding)
    shutil.rmtree(shuffled)
    if "claims" in context.config.text.fields:
        _warn_if_truncated(context, task, splits[TRAIN].rows)
    examples = TaskExamples(
        labels=labels, max_tokens=section.max_tokens, splits=splits, interim=interim, features=encoding
    )
    return examples, len(members) - sum(split.rows for split in splits.values())


def _no_training_examples(task: str, patents: int, min_tokens: int) -> DataError:
    return DataError(
        f"EXAMPLES: no training examples for {task}: of {patents:,} patents in split {TRAIN} "
        f"none has {min_tokens} words of the vocabulary; "
        f"lower {task}.min_tokens or text.min_count, or give train a larger share of the patents",
        table="EXAMPLES",
        task=task,
        split=TRAIN,
        patents=patents,
        setting=f"{task}.min_tokens",
    )


def _write_splits(
    context: StageContext,
    task: str,
    shuffled: Path,
    sizes: Mapping[str, int],
    encoding: FeatureEncoding | None,
) -> dict[str, SplitLayout]:
    """Write the splits that have examples; `sizes` are the patents of each split."""
    section, splits = context.config.task(task), {}
    for split in sorted(sizes):
        directory = shuffled / f"split={split}"
        rows = parquet_size(directory)["rows"]
        if rows:
            splits[split] = _write_split(context, task, split, directory, rows, section.max_tokens, encoding)
        elif split != TRAIN:
            say(
                f"  {task}: split {split} is skipped, none of its {sizes[split]:,} patents "
                f"has {section.min_tokens} known words"
            )
    return splits


def _warn_if_truncated(context: StageContext, task: str, rows: int) -> None:
    """Claims come last and are long, so a truncated text can lose all of them."""
    longest = context.config.task(task).max_tokens
    examples = pyarrow.dataset.dataset(context.draft.path("EXAMPLES") / task / TRAIN, format="parquet")
    full = examples.count_rows(filter=pc.field("length") >= longest)
    if full > _MAX_SHARE_CUT * rows:
        further = ", or text.claims=first" if context.config.text.claims == "all" else ""
        say(
            f"  {task}: {full / rows:.0%} of the training texts have {longest} words or more, "
            f"and the rest is cut; to use more of the claims, raise {task}.max_tokens{further}"
        )


def _shard_joint(context: StageContext, tasks: Mapping[str, TaskExamples]) -> TaskExamples:
    """The examples of a joint model of all these tasks."""
    sizes = {task: len(examples.labels) for task, examples in tasks.items()}
    (max_tokens,) = {examples.max_tokens for examples in tasks.values()}
    shuffled, splits = context.draft.directory / "shuffled", {}
    for split in (TRAIN, DEVELOPMENT):
        rows = {task: each.splits[split].rows for task, each in tasks.items() if split in each.splits}
        if rows:
            directory = context.draft.path("EXAMPLES")
            examples = {task: read_examples(context.session, directory / task / split) for task in rows}
            joint = _joint_parts(examples, sizes)
            write_shuffled(joint, shuffled, rows=sum(rows.values()), seed=context.config.shard.seed)
            written = parquet_size(shuffled)["rows"]
            splits[split] = _write_split(context, JOINT, split, shuffled, written, max_tokens)
            shutil.rmtree(shuffled)
    return TaskExamples(labels=(), max_tokens=max_tokens, splits=splits)


def _joint_parts(examples: Mapping[str, DataFrame], sizes: Mapping[str, int]) -> Iterator[DataFrame]:
    keys_of_all = (each.select("patent_key") for each in examples.values())
    for keys in key_ranges(reduce(lambda one, other: one.unionByName(other), keys_of_all)):
        yield join_examples({task: keys.of(each) for task, each in examples.items()}, sizes)


def _write_split(
    context: StageContext,
    task: str,
    split: str,
    shuffled: Path,
    rows: int,
    max_tokens: int,
    encoding: FeatureEncoding | None = None,
) -> SplitLayout:
    shard = context.config.shard
    directory = context.draft.path("EXAMPLES") / task / split
    virtual_shards = math.lcm(*shard.world_sizes)
    with Progress(f"shards of {task}, {split}", rows) as bar:
        tables = _checked(read_shuffled(shuffled), task, bar)
        if encoding:
            tables = with_features(tables, encoding, training=split == TRAIN)
        width = encoding.width if encoding else 0
        return write_groups(directory, tables, rows, virtual_shards, shard.row_group_rows, max_tokens, width)


def _checked(tables: Iterator[pa.Table], task: str, bar: Progress) -> Iterator[pa.Table]:
    for table in tables:
        unknown = table.filter(pc.is_null(table["label"]))
        if unknown.num_rows:
            key = unknown["patent_key"][0].as_py()
            raise DataError(
                f"SPLITS: {unknown.num_rows} patents of {task} have no label, for example patent_key {key}; "
                "run `patent-spark label` and `patent-spark split` again",
                table="SPLITS",
                task=task,
                patents=unknown.num_rows,
                patent_key=key,
            )
        yield table
        bar.update(table.num_rows)
