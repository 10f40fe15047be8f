"""Stage label: CITATIONS, PATENTS and CPC become COUNTS and LABELS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.dataset

from patent_spark.core import schemas
from patent_spark.core.errors import conform
from patent_spark.core.metadata import IngestMetadata, LabelMetadata
from patent_spark.core.progress import say
from patent_spark.core.scratch import kept_aside
from patent_spark.core.store import location
from patent_spark.core.value_counts import tally
from patent_spark.stages.label.classes import first_class_per_patent
from patent_spark.stages.label.counts import count_citations
from patent_spark.stages.label.levels import interim_levels, level_patents, with_class_and_window

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext

_SMALL_POOL = 100  # patents; with fewer, the 99th percentile lies between the two most cited ones


def run(context: StageContext) -> None:
    """Write COUNTS, LABELS and, with label.follow_up_months, INTERIM_LEVELS; learn how many patents have which level, and why others have none."""
    label = context.config.label
    data_to_date = context.store.metadata(IngestMetadata).data_to_date
    patents = context.read("PATENTS")
    with _counted(context, count_citations(patents, context.read("CITATIONS"), label)) as counts:
        members = counts.transform(
            with_class_and_window, patents, first_class_per_patent(context.read("CPC")), label, data_to_date
        )
        with kept_aside(
            context, members, "members"
        ) as members:  # the quantiles and the levels both need every member
            context.write(level_patents(members, label), "LABELS")
            if label.follow_up_months:
                context.write(interim_levels(members, label, data_to_date), "INTERIM_LEVELS")
    _learn(context)


@contextmanager
def _counted(context: StageContext, counts: DataFrame) -> Iterator[DataFrame]:
    """Write COUNTS, and read it back so that the citations are joined once; the counts of exposures, which it does not hold, are kept aside."""
    if context.config.label.follow_up_months:
        with kept_aside(context, counts, "counts") as counts:
            context.write(counts.transform(conform, schemas.COUNTS.schema), "COUNTS")
            yield counts
    else:
        context.write(counts, "COUNTS")
        yield context.session.read.schema(schemas.COUNTS.schema).parquet(
            location(context.draft.path("COUNTS"))
        )


def _learn(context: StageContext) -> None:
    column = pyarrow.dataset.field
    values = {
        "class": column("cpc_class"),
        "year": pc.year(column("grant_date")),
        "pooled": column("q90").is_valid(),
    }
    values |= {"level": column("citation_level"), "complete": column("window_complete")}
    rows = [
        (dict(zip(values, row, strict=True)), n)
        for row, n in tally(context.draft.path("LABELS"), values).items()
    ]
    by_year = context.config.label.reference_set == "class_year"
    levels = {level: sum(n for row, n in rows if row["level"] == level) for level in schemas.LEVELS}
    open_window = sum(n for row, n in rows if not row["complete"])
    without_class = sum(n for row, n in rows if row["class"] is None)
    sizes: Counter[tuple[str, int | None]] = Counter()
    for row, n in rows:
        if row["pooled"]:
            sizes[row["class"], row["year"] if by_year else None] += n
    small = sum(size < _SMALL_POOL for size in sizes.values())
    context.record_metadata(
        LabelMetadata(
            levels=levels,
            open_window=open_window,
            without_class=without_class,
            reference_sets=len(sizes),
            small_reference_sets=small,
            follow_up_months=context.config.label.follow_up_months,
        )
    )
    if not sum(levels.values()):
        say(
            f"  no patent has a citation level: {open_window:,} windows are still open on the last day, {without_class:,} patents have no class"
        )
    elif small > len(sizes) / 2:
        say(
            f"  {small:,} of {len(sizes):,} pools hold fewer than {_SMALL_POOL} patents, where the top 1 % is whoever leads; see label.reference_set"
        )
