"""What a release holds, counted by the few properties that matter: large tables in, small ones out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F
from pyspark.sql.types import (
    BooleanType,
    DataType,
    DateType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
)

from patent_spark.config import Label
from patent_spark.core.errors import conform
from patent_spark.core.patent_ids import FIRST_LETTERED, FIRST_OF_1976
from patent_spark.core.patent_rules import is_withdrawn, keep_standing, may_count, parents_per_patent

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

BLOCK = 1_000
"""Utility patents are looked for in blocks of so many numbers: less than a week of grants, so a release has
some of each.
"""

STANDING, WITHDRAWN, UNKNOWN = "standing", "withdrawn", "unknown"
MALFORMED, BEFORE_1976, LETTERED, ABSENT = "malformed", "before 1976", "lettered", "absent"
BEFORE, WITHIN, AFTER = "before", "within", "after"

CATEGORIES = ("examiner", "applicant", "other", "third party", "related application")
CPC_TYPES = ("inventional", "additional")
PATENT_TYPES = (
    "utility", "design", "plant", "reissue", "statutory invention registration", "defensive publication",
    "tvpp",
)  # fmt: skip
BLANK, OTHER_SPELLING = "blank", "something else"


def _schema(*columns: tuple[str, DataType]) -> StructType:
    return StructType([StructField(name, kind) for name, kind in columns])


_CITATION_COLUMNS = _schema(
    ("citing", StringType()), ("cited", StringType()), ("category", StringType()), ("year", IntegerType()),
    ("chosen", BooleanType()), ("timing", StringType()), ("citations", LongType()),
)  # fmt: skip
_PATENT_COLUMNS = _schema(
    ("patent_type", StringType()), ("year", IntegerType()), ("withdrawn", BooleanType()),
    ("cpc_class", StringType()),
    ("citation_level", StringType()), ("window_complete", BooleanType()), ("patents", LongType()),
)  # fmt: skip
_SEQUENCES = _schema(
    ("patents", LongType()), ("not_from_zero", LongType()), ("with_gaps", LongType()), ("doubled", LongType())
)
_TOTALS = _schema(
    ("patents", LongType()),
    ("never_cited", LongType()),
    ("forward_citations", LongType()),
    ("total_citations", LongType()),
)
_HISTOGRAM = _schema(("decade", IntegerType()), ("forward_citations", LongType()), ("patents", LongType()))
_DAYS = _schema(("first", DateType()), ("last", DateType()))
_RELATED = _schema(("patents", LongType()))
_BLOCKS = _schema(("block", LongType()), ("rows", LongType()))
_CHANGES = _schema(
    ("both", LongType()), ("added", LongType()), ("missing", LongType()), ("class_changed", LongType()),
    ("level_changed", LongType()),
)  # fmt: skip


def citation_aggregates(citations: DataFrame, patents: DataFrame, label: Label) -> DataFrame:
    """One row per combination of what is known of the two sides of a citation, its category and its time.

    citing: standing, withdrawn, or unknown to PATENTS. cited: these, and of the unknown ones malformed (no
    patent's form), before 1976 (a utility number below FIRST_OF_1976), lettered, or absent. year: the
    citing grant year. chosen: whether the settings `citing` and `self_citations` let it count. timing, of
    two standing patents: before the cited grant, within the horizon, or after. Two numbers a patent are
    broadcast, so that the citations stay where they are.
    """
    known = patents.select("patent_key", "grant_date", is_withdrawn().alias("withdrawn"))
    dated = citations.transform(_with_side, known, "citing").transform(_with_side, known, "cited")
    both = (F.col("citing") == STANDING) & (F.col("cited") == STANDING)
    end = F.add_months("cited_date", label.horizon_months)
    timing = (
        F.when(F.col("citing_date") < F.col("cited_date"), BEFORE)
        .when(F.col("citing_date") <= end, WITHIN)
        .otherwise(AFTER)
    )
    properties = {
        "citing": _citing_state(),
        "cited": _cited_state(),
        "category": _category(),
        "year": F.year("citing_date"),
        "chosen": may_count(label),
    }
    columns = [value.alias(name) for name, value in properties.items()]
    return (
        dated.select(*columns, F.col("citing_date"), F.col("cited_date"))
        .withColumn("timing", F.when(both, timing))
        .groupBy(*properties, "timing")
        .agg(F.count("*").alias("citations"))
        .transform(conform, _CITATION_COLUMNS)
    )


def patent_aggregates(patents: DataFrame, labels: DataFrame) -> DataFrame:
    """One row per combination of type, grant year, withdrawn, class, level and window; the last three null
    for withdrawn patents.
    """
    labelled = labels.select("patent_key", "cpc_class", "citation_level", "window_complete")
    return (
        patents.select(
            "patent_key", "patent_type", F.year("grant_date").alias("year"), is_withdrawn().alias("withdrawn")
        )
        .join(labelled, on="patent_key", how="left")  # labels has each patent once
        .groupBy("patent_type", "year", "withdrawn", "cpc_class", "citation_level", "window_complete")
        .agg(F.count("*").alias("patents"))
        .transform(conform, _PATENT_COLUMNS)
    )


def sequence_faults(cpc: DataFrame) -> DataFrame:
    """One row: patents with a classification, those whose sequence starts after 0 or has gaps, (patent,
    sequence) pairs that stand twice.
    """
    # Both groupings can use the one shuffle by patent.
    places = (
        cpc.select("patent_key", "cpc_sequence")
        .repartition("patent_key")
        .groupBy("patent_key", "cpc_sequence")
        .agg(F.count("*").alias("rows"))
    )
    per_patent = places.groupBy("patent_key").agg(
        F.min("cpc_sequence").alias("first"),
        (F.max("cpc_sequence") - F.min("cpc_sequence") + 1).alias("span"),
        F.count("*").alias("places"),
        _number_of(F.col("rows") > 1).alias("doubled"),
    )
    return per_patent.agg(
        F.count("*").alias("patents"),
        _number_of(F.col("first") > 0).alias("not_from_zero"),
        _number_of(F.col("span") > F.col("places")).alias("with_gaps"),
        F.coalesce(F.sum("doubled"), F.lit(0).cast("bigint")).alias("doubled"),
    ).transform(conform, _SEQUENCES)


def count_totals(counts: DataFrame) -> DataFrame:
    """One row: patents in COUNTS, those that nobody cites at any time, and the sums of both counts."""
    return counts.agg(
        F.count("*").alias("patents"),
        _number_of(F.col("total_citations") == 0).alias("never_cited"),
        F.coalesce(F.sum("forward_citations"), F.lit(0).cast("bigint")).alias("forward_citations"),
        F.coalesce(F.sum("total_citations"), F.lit(0).cast("bigint")).alias("total_citations"),
    ).transform(conform, _TOTALS)


def forward_histogram(labels: DataFrame) -> DataFrame:
    """One row per grant decade and number of forward citations, of patents whose window is closed."""
    decade = F.year("grant_date") - F.year("grant_date") % 10
    closed = labels.where("window_complete").select(decade.alias("decade"), "forward_citations")
    return (
        closed.groupBy("decade", "forward_citations")
        .agg(F.count("*").alias("patents"))
        .transform(conform, _HISTOGRAM)
    )


def grant_days(patents: DataFrame) -> DataFrame:
    """One row: the first and the last grant date; null without a patent."""
    return patents.agg(F.min("grant_date").alias("first"), F.max("grant_date").alias("last")).transform(
        conform, _DAYS
    )


def unknown_cpc_types(cpc: DataFrame) -> DataFrame:
    """One row per cpc_type that PatentsView does not use: its rows in CPC."""
    return _rows_per_value(cpc.where(~F.col("cpc_type").isin(*CPC_TYPES)), "cpc_type")


def unknown_categories(citations: DataFrame) -> DataFrame:
    """One row per citation_category that PatentsView does not use: its rows in CITATIONS."""
    return _rows_per_value(citations.where(_category() == OTHER_SPELLING), "citation_category")


def _rows_per_value(rows: DataFrame, column: str) -> DataFrame:
    return rows.groupBy(F.col(column).alias("value")).agg(F.count("*").alias("rows"))


def unknown_patent_types(patents: DataFrame) -> DataFrame:
    """One row per patent_type that PatentsView does not use: its rows in PATENTS."""
    return _rows_per_value(patents.where(~F.col("patent_type").isin(*PATENT_TYPES)), "patent_type")


def most_repeated(rows: DataFrame, column: str) -> DataFrame:
    """The text that most rows share, and how many; no row when none is shared.

    Texts are counted by a hash: the texts of all patents are too large to be grouped.
    """
    hashed = rows.where(F.col(column).isNotNull()).select(F.xxhash64(column).alias("hash"), column)
    counts = hashed.groupBy("hash").agg(F.count("*").alias("patents")).where(F.col("patents") > 1)
    most = counts.orderBy(F.col("patents").desc(), "hash").limit(1)
    texts = hashed.join(F.broadcast(most), on="hash", how="inner")
    text = F.min(F.substring(column, 1, 200)).alias("text")
    return texts.groupBy("patents").agg(F.lit(column).alias("column"), text)


def longest_texts(rows: DataFrame, column: str) -> DataFrame:
    """One row: the length of the longest text in characters, and how many texts are as long; none without
    texts.
    """
    lengths = rows.where(F.col(column).isNotNull()).select(F.length(column).alias("characters"))
    counts = lengths.groupBy("characters").agg(F.count("*").alias("texts"))
    return counts.orderBy(F.col("characters").desc()).limit(1).select(F.lit(column).alias("column"), "*")


def busiest_day(patents: DataFrame) -> DataFrame:
    """One row: the grant date that most patents have, and how many; none without patents."""
    counts = patents.groupBy(F.col("grant_date").alias("day")).agg(F.count("*").alias("patents"))
    return counts.orderBy(F.col("patents").desc(), "day").limit(1)


def related_patents(relatives: DataFrame, patents: DataFrame) -> DataFrame:
    """One row: the patents that are not withdrawn and go back to another application or patent, see
    rules.parents_per_patent.
    """
    children = relatives.transform(parents_per_patent).select("patent_key").distinct()
    standing = patents.transform(keep_standing).select("patent_key")
    return (
        standing.join(children, on="patent_key", how="left_semi")
        .agg(F.count("*").alias("patents"))
        .transform(conform, _RELATED)
    )


def blocks_of_patents(patents: DataFrame) -> DataFrame:
    """One row per block of utility numbers with a patent of it in PATENTS."""
    return patents.transform(_per_block, "patent_key")


def blocks_of_absent(citations: DataFrame, patents: DataFrame) -> DataFrame:
    """One row per block of utility numbers that citations point to without finding the patent in PATENTS."""
    keys = F.broadcast(patents.select(F.col("patent_key").alias("cited_key")))
    return (
        citations.select("cited_key")
        .join(keys, on="cited_key", how="left_anti")
        .transform(_per_block, "cited_key")
    )


def changes(before: DataFrame, now: DataFrame) -> DataFrame:
    """One row: patents in both, new and missing ones, and those in both with another class or another level
    (LABELS twice).

    A level changed only if both releases give one.
    """
    first, second = (
        labels.select(
            "patent_key",
            F.col("cpc_class").alias(f"{when}_class"),
            F.col("citation_level").alias(f"{when}_level"),
        )
        .withColumn(when, F.lit(1))
        for when, labels in (("before", before), ("now", now))
    )  # fmt: skip
    joined = first.join(second, on="patent_key", how="full")
    both = F.col("before").isNotNull() & F.col("now").isNotNull()
    return joined.agg(
        _number_of(both).alias("both"),
        _number_of(F.col("before").isNull()).alias("added"),
        _number_of(F.col("now").isNull()).alias("missing"),
        _number_of(both & ~F.col("before_class").eqNullSafe(F.col("now_class"))).alias("class_changed"),
        _number_of(F.col("before_level") != F.col("now_level")).alias("level_changed"),
    ).transform(conform, _CHANGES)


def _with_side(citations: DataFrame, known: DataFrame, side: str) -> DataFrame:
    """With <side>_date and <side>_withdrawn, null for a patent that is not in PATENTS; both sides broadcast
    the same frame.
    """
    matched = citations.join(F.broadcast(known), on=F.col(f"{side}_key") == F.col("patent_key"), how="left")
    names = {"grant_date": f"{side}_date", "withdrawn": f"{side}_withdrawn"}
    return matched.select(*citations.columns, *(F.col(name).alias(new) for name, new in names.items()))


def _citing_state() -> Column:
    return (
        F.when(F.col("citing_withdrawn"), WITHDRAWN)
        .when(F.col("citing_date").isNotNull(), STANDING)
        .otherwise(UNKNOWN)
    )


def _cited_state() -> Column:
    key = F.col("cited_key")
    return (
        F.when(key.isNull(), MALFORMED)
        .when(F.col("cited_withdrawn"), WITHDRAWN)
        .when(F.col("cited_date").isNotNull(), STANDING)
        .when(key >= FIRST_LETTERED, LETTERED)
        .when(key < FIRST_OF_1976, BEFORE_1976)
        .otherwise(ABSENT)
    )


def _category() -> Column:
    """The category in a word or two; other spellings than PatentsView's are `something else`."""
    raw = F.col("citation_category")
    named = F.when(raw.isNull(), BLANK)
    for name in CATEGORIES:
        named = named.when(raw.isin(f"cited by {name}", f"imported from a {name}"), name)
    return named.otherwise(OTHER_SPELLING)


def _per_block(rows: DataFrame, key: str) -> DataFrame:
    utility = rows.where(F.col(key).between(FIRST_OF_1976, FIRST_LETTERED - 1))
    block = F.floor(F.col(key) / BLOCK).cast("bigint")
    return utility.groupBy(block.alias("block")).agg(F.count("*").alias("rows")).transform(conform, _BLOCKS)


def _number_of(condition: Column) -> Column:
    return F.count(F.when(condition, 1))
