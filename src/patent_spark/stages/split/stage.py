"""Stage split: ABSTRACTS and RELATED_DOCUMENTS become FAMILIES, and with LABELS SPLITS."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pyarrow.dataset import field
from pyspark.sql import functions as F

from patent_spark.config import CITATION_LEVEL, JOINT, Config
from patent_spark.core import schemas
from patent_spark.core.errors import DataError, conform
from patent_spark.core.metadata import LabelMetadata, SplitMetadata
from patent_spark.core.progress import say
from patent_spark.core.value_counts import tally
from patent_spark.stages.split.families import write_families
from patent_spark.stages.split.protocols import (
    add_early,
    early_examples,
    examples_of_task,
    keep_sides_apart,
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
    """Write FAMILIES and SPLITS; learn how many patents of each task are in which split.

    Raises DataError when nothing is left to train on, or INTERIM_LEVELS lack an exposure.
    """
    labels, config = context.read("LABELS"), context.config
    early = (
        _interim_levels(context)
        if config.split.interim_levels and CITATION_LEVEL in config.task_names
        else None
    )
    families = write_families(context)
    context.write(
        split_patents(labels, families if config.split.group_by_family else None, config, early), "SPLITS"
    )
    tallied = tally(context.draft.path("SPLITS"), {"task": field("task"), "split": field("split")})
    splits = {
        task: {name: n for (of, name), n in sorted(tallied.items()) if of == task}
        for task in config.task_names
    }
    for task, sizes in splits.items():
        if not sizes.get(schemas.TRAIN):
            raise DataError(_nothing_to_train_on(task, sizes, config))
    on_interim_levels = _trained_early(context) if early is not None else {}
    context.record_metadata(SplitMetadata(splits=splits, on_interim_levels=on_interim_levels))


def split_patents(
    labels: DataFrame, families: DataFrame | None, config: Config, early: DataFrame | None = None
) -> DataFrame:
    """One row per patent and task it takes part in (SPLITS).

    Without families, each patent is drawn by itself; `early` are the INTERIM_LEVELS to train on, if any.
    """
    placed = [labels.transform(_split_task, families, config, task, early) for task in config.task_names]
    together = reduce(lambda tasks, task: tasks.unionByName(task), placed)
    if JOINT in config.models:
        together = together.transform(keep_sides_apart)
    return together.transform(conform, schemas.SPLITS.schema)


def _split_task(
    labels: DataFrame, families: DataFrame | None, config: Config, task: str, early: DataFrame | None
) -> DataFrame:
    def of_families(examples: DataFrame) -> DataFrame:
        return (
            examples.transform(with_own_family)
            if families is None
            else examples.transform(with_family, families)
        )

    examples = labels.transform(examples_of_task, task, config.label).transform(of_families)
    if config.task(task).protocol == "stratified":
        placed = examples.transform(split_stratified, config.split)
    else:
        placed = examples.transform(split_temporal, config.split, months_until_known(task, config.label))
        if early is not None and task == CITATION_LEVEL:
            placed = placed.transform(
                add_early, early.transform(early_examples, config.split, config.label).transform(of_families)
            )
    return placed.withColumn("task", F.lit(task))


def _interim_levels(context: StageContext) -> DataFrame:
    """INTERIM_LEVELS, if it has the exposures that are asked for."""
    made = list(context.store.metadata(LabelMetadata).follow_up_months)
    asked = list(context.config.label.follow_up_months)
    if made != asked:
        raise DataError(
            f"INTERIM_LEVELS: made with label.follow_up_months = {made}, now {asked}; run `patent-spark label` first"
        )
    return context.read("INTERIM_LEVELS")


def _trained_early(context: StageContext) -> dict[int, int]:
    """Patents that train on an early level, by its exposure."""
    exposures = tally(context.draft.path("SPLITS"), {"exposure": field("exposure_months")})
    found = {
        months: exposures[(months,)]
        for months in context.config.label.follow_up_months
        if (months,) in exposures
    }
    told = ", ".join(f"{count:,} after {months} months" for months, count in found.items()) or "none"
    say(f"  patents that train on what their open windows had shown: {told}")
    return found


def _nothing_to_train_on(task: str, sizes: dict[str, int], config: Config) -> str:
    found = ", ".join(f"{name} {n:,}" for name, n in sizes.items()) or "no patent at all"
    split = config.split
    if config.task(task).protocol == "stratified":
        return f"{task}: no patent is left to train on ({found}); give it more patents with a label, or raise split.sample = {split.sample}"
    months = months_until_known(task, config.label) if split.embargo else 0
    closed = f" and have a label that closed before {min(split.test_years)}-01-01" if months else ""
    return (
        f"{task}: no patent is left to train on ({found}): none with a label was granted up to split.train_until = {split.train_until}{closed}; "
        f"set other split.train_until and split.test_years, or {task}.protocol=stratified{', or split.embargo=false' if months else ''}"
    )
