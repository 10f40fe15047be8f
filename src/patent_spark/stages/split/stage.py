"""Stage split: ABSTRACTS and RELATED_DOCUMENTS become FAMILIES, and with LABELS SPLITS."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.config import CITATION_LEVEL, JOINT, Config
from patent_spark.core import schemas
from patent_spark.core.errors import DataError, conform
from patent_spark.core.metadata import LabelMetadata, SplitMetadata
from patent_spark.core.progress import say
from patent_spark.core.value_counts import value_counts
from patent_spark.stages.split.families import write_families
from patent_spark.stages.split.protocols import (
    add_interim,
    examples_of_task,
    interim_examples,
    keep_families_on_one_side,
    months_until_known,
    split_stratified,
    split_temporal,
    with_family,
    with_own_family,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext


def run(context: StageContext) -> None:
    """Write FAMILIES and SPLITS; records the number of patents of each task and split.

    Raises DataError when a task has no training patents, or INTERIM_LEVELS lack a follow-up window.
    """
    labels, config = context.read("LABELS"), context.config
    interim = None
    if config.split.interim_levels and CITATION_LEVEL in config.task_names:
        interim = _interim_levels(context)
    families = write_families(context)
    grouping = families if config.split.group_by_family else None
    context.write(split_patents(labels, grouping, config, interim), "SPLITS")
    splits = _split_sizes(context)
    for task, sizes in splits.items():
        if not sizes.get(schemas.TRAIN):
            raise _nothing_to_train_on(task, sizes, config)
        _name_empty_test_years(task, sizes, config)
    on_interim_levels = _trained_on_interim_levels(context) if interim is not None else {}
    context.record_metadata(SplitMetadata(splits=splits, on_interim_levels=on_interim_levels))


def split_patents(
    labels: DataFrame, families: DataFrame | None, config: Config, interim: DataFrame | None = None
) -> DataFrame:
    """One row per patent and task that it is an example of (SPLITS).

    Without `families`, each patent is its own family. `interim`: INTERIM_LEVELS to train on, if any.
    """
    placed = [labels.transform(_split_task, families, config, task, interim) for task in config.task_names]
    together = reduce(lambda tasks, task: tasks.unionByName(task), placed)
    if JOINT in config.models:
        together = together.transform(keep_families_on_one_side)
    return together.transform(conform, schemas.SPLITS.schema)


def _split_task(
    labels: DataFrame, families: DataFrame | None, config: Config, task: str, interim: DataFrame | None
) -> DataFrame:
    def with_families(examples: DataFrame) -> DataFrame:
        if families is None:
            return examples.transform(with_own_family)
        return examples.transform(with_family, families)

    examples = labels.transform(examples_of_task, task, config.label).transform(with_families)
    if config.task(task).protocol == "stratified":
        placed = examples.transform(split_stratified, config.split)
    else:
        placed = examples.transform(split_temporal, config.split, months_until_known(task, config.label))
        if interim is not None and task == CITATION_LEVEL:
            further = interim.transform(interim_examples, config.split, config.label)
            placed = placed.transform(add_interim, further.transform(with_families))
    return placed.withColumn("task", F.lit(task))


def _name_empty_test_years(task: str, sizes: dict[str, int], config: Config) -> None:
    if config.task(task).protocol != "temporal":
        return
    empty = [str(year) for year in config.split.test_years if not sizes.get(f"{schemas.TEST}_{year}")]
    if empty:
        say(f"  {task}: no test patents of {', '.join(empty)}; LABELS has no label of these grant years")


def _interim_levels(context: StageContext) -> DataFrame:
    """INTERIM_LEVELS; raises DataError unless it has the follow-up windows of the configuration."""
    made = list(context.store.metadata(LabelMetadata).follow_up_months)
    wanted = list(context.config.label.follow_up_months)
    if made != wanted:
        raise DataError(
            f"INTERIM_LEVELS was made with label.follow_up_months = {made}, the configuration has {wanted}; "
            "run `patent-spark label` first",
            table="INTERIM_LEVELS",
            setting="label.follow_up_months",
            stage="label",
        )
    return context.read("INTERIM_LEVELS")


def _trained_on_interim_levels(context: StageContext) -> dict[int, int]:
    """Patents that train on an interim level, by the months of its follow-up window."""
    counts = value_counts(context.read_back("SPLITS"), {"months": F.col("follow_up_months")})
    follow_up = context.config.label.follow_up_months
    trained = {months: counts[(months,)] for months in follow_up if (months,) in counts}
    shown = ", ".join(f"{count:,} at {months} months" for months, count in trained.items()) or "none"
    say(f"  training patents with an interim citation level: {shown}")
    return trained


def _split_sizes(context: StageContext) -> dict[str, dict[str, int]]:
    """Number of patents by task and split."""
    counts = value_counts(context.read_back("SPLITS"), {"task": F.col("task"), "split": F.col("split")})
    return {
        task: {name: n for (of, name), n in sorted(counts.items()) if of == task}
        for task in context.config.task_names
    }


def _nothing_to_train_on(task: str, sizes: dict[str, int], config: Config) -> DataError:
    present = ", ".join(f"{name} {n:,}" for name, n in sizes.items()) or "no patents at all"
    split = config.split
    if config.task(task).protocol == "stratified":
        return DataError(
            f"{task}: no training patents ({present}); "
            f"provide more patents with a label, or raise split.sample = {split.sample}",
            task=task,
            setting="split.sample",
        )
    return _no_early_label(task, present, config)


def _no_early_label(task: str, present: str, config: Config) -> DataError:
    split = config.split
    months = months_until_known(task, config.label) if split.embargo else 0
    known = f" that is known before {min(split.test_years)}-01-01" if months else ""
    embargo = ", or split.embargo=false" if months else ""
    return DataError(
        f"{task}: no training patents ({present}): none granted up to "
        f"split.train_until = {split.train_until} has a label{known}; "
        f"change split.train_until and split.test_years, or set {task}.protocol=stratified{embargo}",
        task=task,
        setting="split.train_until",
    )
