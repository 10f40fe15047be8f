"""The values of FEATURES, from what the tables of a release held on the day of each patent's grant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.core.features import FEATURES, TABLE_COLUMNS, columns_of
from patent_spark.core.patent_classes import first_class_per_patent
from patent_spark.core.patent_rules import EXAMINER, family_per_patent, keep_standing, parents_per_patent
from patent_spark.core.schemas import FEATURES as FEATURES_TABLE

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Read = Callable[[str], "DataFrame"]
"""A table of the release by its name."""

_APPLICANT = "cited by applicant"


def feature_values(names: Sequence[str], patents: DataFrame, read: Read) -> DataFrame:
    """One row per row of `patents` (patent_key, unique): patent_key and the columns of FEATURES with values.

    A column of a feature that is not among `names` is null. Only what was published by the day of a patent's
    grant counts: a patent's own rows, and relatives that were granted by then.
    """
    wanted = set(columns_of(names)) & set(TABLE_COLUMNS)
    keys = patents.select("patent_key")
    parts = [
        values(keys, read).select("patent_key", *(column for column in columns if column in wanted))
        for columns, values in _PARTS.items()
        if wanted & set(columns)
    ]
    joined = reduce(lambda one, other: one.join(other, "patent_key", how="left"), parts, keys)
    return joined.select("patent_key", *(_column(name, name in wanted).alias(name) for name in TABLE_COLUMNS))


def _column(name: str, wanted: bool) -> Column:
    """The values as FEATURES has them: a patent without rows in a table that is counted has 0 of them."""
    kind = FEATURES_TABLE.schema[name].dataType
    if not wanted:
        return F.lit(None).cast(kind)
    return F.coalesce(name, F.lit(0)).cast(kind) if name in _COUNTED else F.col(name).cast(kind)


def _of_the_patent(keys: DataFrame, read: Read) -> DataFrame:
    return read("PATENTS").select("patent_key", "num_claims", "patent_type")


def _citations(keys: DataFrame, read: Read) -> DataFrame:
    """Rows of CITATIONS of each citing patent, by category."""
    category = F.coalesce("citation_category", F.lit(""))
    chosen = {
        "citations_made": F.lit(True),
        "examiner_citations": category == EXAMINER,
        "applicant_citations": category == _APPLICANT,
        "other_citations": ~category.isin(EXAMINER, _APPLICANT),
    }
    own = (
        read("CITATIONS").withColumnRenamed("citing_key", "patent_key").join(keys, "patent_key", "left_semi")
    )
    return own.groupBy("patent_key").agg(
        *(F.sum(F.when(is_one, 1).otherwise(0)).alias(name) for name, is_one in chosen.items())
    )


def _citation_ages(keys: DataFrame, read: Read) -> DataFrame:
    """The mean age of the cited patents that are known, in whole months of 1461/48 days.

    The dates are on the left of the joins, where Sail builds its hash table.
    """
    granted = read("PATENTS").transform(keep_standing).select("patent_key", "grant_date")
    cited = granted.select(F.col("patent_key").alias("cited_key"), F.col("grant_date").alias("cited_date"))
    made = read("CITATIONS").select(F.col("citing_key").alias("patent_key"), "cited_key")
    own = F.broadcast(granted.join(keys, "patent_key", "left_semi")).join(made, "patent_key")
    ages = (
        F.broadcast(cited)
        .join(own, "cited_key")
        .select("patent_key", F.datediff("grant_date", "cited_date").alias("days"))
        .where(F.col("days") >= 0)
    )
    months = F.floor(F.sum("days") * 48 / (F.count("*") * 1461))
    return ages.groupBy("patent_key").agg(months.alias("citation_age_months"))


def _inventional_codes(keys: DataFrame, read: Read) -> DataFrame:
    inventional = read("CPC").where(F.col("cpc_type") == "inventional").join(keys, "patent_key", "left_semi")
    return inventional.groupBy("patent_key").agg(F.count("*").alias("inventional_codes"))


def _classes(keys: DataFrame, read: Read) -> DataFrame:
    return read("CPC").join(keys, "patent_key", "left_semi").transform(first_class_per_patent)


def _family_sizes(keys: DataFrame, read: Read) -> DataFrame:
    """The patents, each one included, that share a group with a patent and were granted by its day.

    A group is an abstract, or a parent together with those that name it. Families as FAMILIES has them would
    not do: a later patent can connect two earlier ones.
    """
    dates = read("PATENTS").transform(keep_standing).select("patent_key", "grant_date")
    abstracts = read("ABSTRACTS").transform(family_per_patent).withColumnRenamed("family", "shared")
    parents = read("RELATED_DOCUMENTS").transform(parents_per_patent).withColumnRenamed("parent", "shared")
    themselves = parents.select(F.col("shared").alias("patent_key"), "shared")
    groups = abstracts.unionByName(parents).unionByName(themselves).distinct().join(dates, "patent_key")
    own = groups.join(keys, "patent_key", "left_semi")
    others = groups.select(
        "shared", F.col("patent_key").alias("relative"), F.col("grant_date").alias("relative_date")
    )
    relatives = (
        own.join(others, "shared")
        .where((F.col("relative") != F.col("patent_key")) & (F.col("relative_date") <= F.col("grant_date")))
        .select("patent_key", "relative")
        .distinct()
        .groupBy("patent_key")
        .agg(F.count("*").alias("relatives"))
    )
    return keys.join(relatives, "patent_key", "left").select(
        "patent_key", (F.coalesce("relatives", F.lit(0)) + 1).alias("family_size")
    )


_PARTS: dict[tuple[str, ...], Callable[[DataFrame, Read], DataFrame]] = {
    FEATURES["claims"].columns + FEATURES["kind"].columns: _of_the_patent,
    FEATURES["citations_made"].columns: _citations,
    FEATURES["citation_age"].columns: _citation_ages,
    FEATURES["inventional_codes"].columns: _inventional_codes,
    FEATURES["class"].columns: _classes,
    FEATURES["family_size"].columns: _family_sizes,
}
"""What makes which columns."""
_COUNTED = FEATURES["citations_made"].columns + FEATURES["inventional_codes"].columns
