"""Stage label: CITATIONS, PATENTS and CPC become COUNTS and LABELS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from patent_spark.core import schemas
from patent_spark.core.errors import DataError, conform
from patent_spark.core.metadata import IngestMetadata, LabelMetadata
from patent_spark.core.patent_classes import first_code_per_patent
from patent_spark.core.patent_rules import EXAMINER
from patent_spark.core.progress import say
from patent_spark.core.scratch import materialize
from patent_spark.core.value_counts import value_counts
from patent_spark.stages.label.counts import count_citations
from patent_spark.stages.label.levels import interim_levels, level_patents, with_class_and_window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext

# With fewer patents, the 99th percentile lies between the two most cited ones.
_SMALL_REFERENCE_SET = 100


def run(context: StageContext) -> None:
    """Write COUNTS, LABELS and, with label.follow_up_months, INTERIM_LEVELS.

    Records how many patents have each level, and why the others have none.
    """
    label = context.config.label
    data_to_date = context.store.metadata(IngestMetadata).data_to_date
    patents = context.read("PATENTS")
    _require_categories(context)
    with _counted(context, count_citations(patents, context.read("CITATIONS"), label)) as counts:
        codes = first_code_per_patent(context.read("CPC"), context.config.technology.level)
        members = counts.transform(with_class_and_window, patents, codes, label, data_to_date)
        # Quantiles and levels both read every member.
        with materialize(context, members, "members") as members:
            context.write(level_patents(members, label), "LABELS")
            if label.follow_up_months:
                context.write(interim_levels(members, label, data_to_date), "INTERIM_LEVELS")
    _record(context)


def _require_categories(context: StageContext) -> None:
    """Raise DataError when label.citing asks for citations of a category that no row has."""
    citing = context.config.label.citing
    if citing == "all":
        return
    column = context.read("CITATIONS").select("citation_category").distinct().toArrow()["citation_category"]
    categories = {str(each or "blank") for each in column.to_pylist()}
    by_examiner = categories & {EXAMINER}
    if categories and not (by_examiner if citing == "examiner" else categories - by_examiner):
        raise DataError(
            f"label.citing = {citing} leaves no citation; the categories in CITATIONS are: "
            f"{', '.join(sorted(categories))}",
            setting="label.citing",
            table="CITATIONS",
        )


@contextmanager
def _counted(context: StageContext, counts: DataFrame) -> Iterator[DataFrame]:
    """Write COUNTS and read it back, so that the citations are joined once.

    Citations within follow-up windows are not in COUNTS; with them, all counts are materialized.
    """
    if context.config.label.follow_up_months:
        with materialize(context, counts, "counts") as counts:
            context.write(counts.transform(conform, schemas.COUNTS.schema), "COUNTS")
            yield counts
    else:
        context.write(counts, "COUNTS")
        yield context.read_back("COUNTS")


def _record(context: StageContext) -> None:
    metadata = _summarize(context)
    _check_subclasses(metadata)
    context.record_metadata(metadata)
    if not sum(metadata.levels.values()):
        say(
            f"  no patent has a citation level: {metadata.open_window:,} citation windows are still open at "
            f"data_to_date, {metadata.without_class:,} patents have no class"
        )
    elif metadata.small_reference_sets > metadata.reference_sets / 2:
        say(
            f"  {metadata.small_reference_sets:,} of {metadata.reference_sets:,} reference sets "
            f"have fewer than {_SMALL_REFERENCE_SET} patents, so that "
            '"top 1 %" is just the most cited patent; '
            "consider label.reference_set=class"
        )


def _check_subclasses(metadata: LabelMetadata) -> None:
    """Say how many patents have no label of technology for want of a subclass.

    Raises DataError when none has one.
    """
    without = metadata.class_without_subclass
    if without and without == metadata.classified:
        raise DataError(
            f"technology.level = subclass, but the first CPC code of none of {without:,} classified patents "
            "has a subclass; set technology.level=class, or ingest a release whose cpc_subclass is filled",
            setting="technology.level",
            table="CPC",
            patents=without,
        )
    if without:
        say(
            f"  {without:,} of {metadata.classified:,} patents with a class have no label of technology: the "
            "cpc_subclass of their first code is empty, or not its class and a letter"
        )


def _summarize(context: StageContext) -> LabelMetadata:
    """Counts of LABELS in the draft."""
    columns = {
        "class": F.col("cpc_class"),
        "year": F.year("grant_date"),
        "in_reference_set": F.col("q90").isNotNull(),
        "labelled": F.col("technology_label").isNotNull(),
        "level": F.col("citation_level"),
        "complete": F.col("window_complete"),
    }
    counts = value_counts(context.read_back("LABELS"), columns).items()
    rows = [(dict(zip(columns, row, strict=True)), n) for row, n in counts]
    sizes = _reference_set_sizes(rows, context.config.label.reference_set == "class_year")
    return LabelMetadata(
        levels={level: sum(n for row, n in rows if row["level"] == level) for level in schemas.LEVELS},
        open_window=sum(n for row, n in rows if not row["complete"]),
        without_class=sum(n for row, n in rows if row["class"] is None),
        classified=sum(n for row, n in rows if row["class"]),
        technology_level=context.config.technology.level,
        class_without_subclass=sum(n for row, n in rows if row["class"] and not row["labelled"]),
        reference_sets=len(sizes),
        small_reference_sets=sum(size < _SMALL_REFERENCE_SET for size in sizes),
        follow_up_months=context.config.label.follow_up_months,
    )


def _reference_set_sizes(rows: Iterable[tuple[dict[str, Any], int]], by_year: bool) -> list[int]:
    """The number of patents of each reference set."""
    sizes: Counter[tuple[str, int | None]] = Counter()
    for row, n in rows:
        if row["in_reference_set"]:
            sizes[row["class"], row["year"] if by_year else None] += n
    return list(sizes.values())
