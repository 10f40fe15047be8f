"""Stage shard: EXAMPLES/<task>/<split>/group-*.parquet, shuffled, in row groups of equal size."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from pyspark.sql import functions as F

from patent_spark.config import JOINT, TECHNOLOGY
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import ShardMetadata, SplitLayout, TaskExamples, TextMetadata
from patent_spark.core.progress import Progress, say
from patent_spark.core.schemas import DEVELOPMENT, LEVELS, TRAIN
from patent_spark.core.shuffle import read_shuffled, write_shuffled
from patent_spark.core.store import parquet_size
from patent_spark.stages.shard.censored_labels import early_exposures, learn_early, with_early_answers
from patent_spark.stages.shard.encode import encode, labelled_texts
from patent_spark.stages.shard.multitask import join_examples, read_examples
from patent_spark.stages.shard.row_groups import write_groups

_CUT = 0.1
"""The share of texts that may be too long before it is said."""


def run(context: StageContext) -> None:
    """Write the examples of every task; raises DataError when there is nothing to train on."""
    words = context.store.read_arrow("VOCABULARY", ["word", "id"]).sort_by("id")["word"].to_pylist()
    tasks, too_short = {}, {}
    for task in context.config.task_names:
        tasks[task], too_short[task] = _shard_task(context, task, words)
    if JOINT in context.config.models:
        tasks[JOINT] = _shard_joint(context, tasks)
    metadata = ShardMetadata(
        vocabulary_digest=context.store.metadata(TextMetadata).vocabulary_digest,
        lanes=math.lcm(*context.config.shard.world_sizes),
        tasks=tasks,
        too_short=too_short,
    )
    context.record_metadata(metadata)


def _shard_task(context: StageContext, task: str, words: list[str]) -> tuple[TaskExamples, int]:
    """The examples of one task, and how many patents had too little text."""
    section = context.config.task(task)
    members = context.store.read_arrow("SPLITS", ["split"], where=pc.field("task") == task)["split"]
    sizes = {each["values"]: each["counts"] for each in members.value_counts().to_pylist()}
    splits_of_task = context.read("SPLITS").where(F.col("task") == task).drop("task")
    answers = context.read("LABELS").select(
        "patent_key", F.col("cpc_class" if task == TECHNOLOGY else "citation_level").alias("label")
    )
    labels, early = _labels(context, task), []
    if task != TECHNOLOGY and (exposures := early_exposures(context)):
        early = learn_early(splits_of_task, answers, context.read("INTERIM_LEVELS"), exposures)
        answers = with_early_answers(splits_of_task, answers, context.read("INTERIM_LEVELS"))
    texts = labelled_texts(splits_of_task.select("patent_key", "split"), answers, context.read("TOKENS"))
    shuffled = context.draft.directory / "shuffled"
    encoded = encode(
        texts, words, [*labels, *(each.label for each in early)], section.max_tokens, section.min_tokens
    )
    write_shuffled(encoded, shuffled, rows=len(members), seed=context.config.shard.seed, by="split")
    splits = {}
    for split in sorted(sizes):
        rows = parquet_size(shuffled / f"split={split}")["rows"]
        if rows:
            splits[split] = _write_split(
                context, task, split, shuffled / f"split={split}", rows, section.max_tokens
            )
        elif split != TRAIN:
            say(
                f"  {task}: split {split} is left out, none of its {sizes[split]:,} patents has {section.min_tokens} known words"
            )
    shutil.rmtree(shuffled, ignore_errors=True)  # no text at all: nothing was written
    if TRAIN not in splits:
        raise DataError(
            f"EXAMPLES: nothing to train {task} on: of {sizes.get(TRAIN, 0):,} patents in its split {TRAIN} none has {section.min_tokens} words "
            f"of the vocabulary; lower {task}.min_tokens or text.min_count, or let split keep more for training"
        )
    if "claims" in context.config.text.fields:
        _say_if_cut(context, task, splits[TRAIN].rows)
    examples = TaskExamples(labels=labels, max_tokens=section.max_tokens, splits=splits, interim=early)
    return examples, len(members) - sum(split.rows for split in splits.values())


def _say_if_cut(context: StageContext, task: str, rows: int) -> None:
    """Claims come last and are long: of a text that is cut they may all be lost."""
    longest = context.config.task(task).max_tokens
    examples = pyarrow.dataset.dataset(context.draft.path("EXAMPLES") / task / TRAIN, format="parquet")
    full = examples.count_rows(filter=pc.field("length") >= longest)
    if full > _CUT * rows:
        say(
            f"  {task}: {full / rows:.0%} of the training texts have {longest} words or more, and are cut there; "
            f"for the claims to count set {task}.max_tokens higher"
            + (", or text.claims=first" if context.config.text.claims == "all" else "")
        )


def _shard_joint(context: StageContext, tasks: Mapping[str, TaskExamples]) -> TaskExamples:
    """The examples that a model of all these tasks trains on."""
    labels = {task: described.labels for task, described in tasks.items()}
    (max_tokens,) = {described.max_tokens for described in tasks.values()}
    shuffled, splits = context.draft.directory / "shuffled", {}
    for split in (TRAIN, DEVELOPMENT):
        rows = {
            task: described.splits[split].rows
            for task, described in tasks.items()
            if split in described.splits
        }
        if rows:
            examples = {
                task: read_examples(context.session, context.draft.path("EXAMPLES") / task / split)
                for task in rows
            }
            together = join_examples(examples, {task: len(names) for task, names in labels.items()})
            write_shuffled(together, shuffled, rows=sum(rows.values()), seed=context.config.shard.seed)
            splits[split] = _write_split(
                context, JOINT, split, shuffled, parquet_size(shuffled)["rows"], max_tokens
            )
            shutil.rmtree(shuffled)
    return TaskExamples(labels=(), max_tokens=max_tokens, splits=splits)


def _labels(context: StageContext, task: str) -> list[str]:
    """All answers to a task in the order of the model's outputs; a class that only tests have is in it, and is then always missed."""
    if task != TECHNOLOGY:
        return list(LEVELS)
    members = context.read("SPLITS").where(F.col("task") == task).select("patent_key")
    classes = (
        members.join(context.read("LABELS"), "patent_key", how="inner")
        .where("cpc_class IS NOT NULL")
        .select("cpc_class")
        .distinct()
    )
    return sorted(row["cpc_class"] for row in classes.collect())


def _write_split(
    context: StageContext, task: str, split: str, shuffled: Path, rows: int, max_tokens: int
) -> SplitLayout:
    shard = context.config.shard
    directory = context.draft.path("EXAMPLES") / task / split
    lanes = math.lcm(*shard.world_sizes)
    with Progress(f"shards of {task}, {split}", rows) as bar:
        tables = _checked(read_shuffled(shuffled), task, bar)
        return write_groups(directory, tables, rows, lanes, shard.row_group_rows, max_tokens)


def _checked(tables: Iterator[pa.Table], task: str, bar: Progress) -> Iterator[pa.Table]:
    for table in tables:
        unknown = table.filter(pc.is_null(table["label"]))
        if unknown.num_rows:
            raise DataError(
                f"SPLITS: {unknown.num_rows} patents take part in {task} without a label, patent_key {unknown['patent_key'][0]} is one; "
                "run `patent-spark label` and `patent-spark split` again"
            )
        yield table
        bar.update(table.num_rows)
