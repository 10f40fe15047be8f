"""Rules about patents and citations that more than one stage goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.config import Label

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_WHITE_SPACE = " \t\n\v\f\r\u00a0"


def is_withdrawn() -> Column:
    """Whether a row of PATENTS is a withdrawn patent; not when unknown."""
    return F.coalesce(F.col("withdrawn"), F.lit(False))


def keep_standing(patents: DataFrame) -> DataFrame:
    """Patents that are not withdrawn; withdrawn ones take no part, on neither side of a citation."""
    return patents.where(~is_withdrawn())


def may_count(label: Label) -> Column:
    """Whether the knobs `citing` and `self_citations` let a row of CITATIONS count; a blank category is not the examiner's."""
    by_examiner = F.coalesce(F.col("citation_category") == "cited by examiner", F.lit(False))
    chosen = {"all": F.lit(True), "examiner": by_examiner, "not_examiner": ~by_examiner}[label.citing]
    if label.self_citations:
        return chosen
    return chosen & F.coalesce(F.col("citing_key") != F.col("cited_key"), F.lit(True))


def family_per_patent(abstracts: DataFrame) -> DataFrame:
    """One row per patent with an abstract that is not empty: patent_key and family, the same for the same abstract.

    Continuations repeat their parent's abstract. The same is: equal but for case and white space, which is taken out
    altogether (five times as fast as folding it with a pattern). The number is a 64-bit hash: of ten million texts, two
    different ones share it with a probability of about 3e-6, and would only be kept together.
    """
    text = F.translate(F.lower("abstract"), _WHITE_SPACE, "")
    return abstracts.select("patent_key", text.alias("text")).where(F.col("text") != "").select("patent_key", F.xxhash64("text").alias("family"))
