"""Rules about patents and citations that several stages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.config import Label

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_WHITE_SPACE = " \t\n\v\f\r\u00a0"
_PROVISIONAL = "us-provisional-application"
_DESCENT = (
    "addition",
    "continuation",
    "continuation-in-part",
    "continuing-reissue",
    "division",
    "reexamination",
    "reissue",
    "substitution",
    "us-divisional-reissue",
    "us-reexamination-reissue-merger",
)
_SERIES_AND_NUMBER = 8


def is_withdrawn() -> Column:
    """Whether a row of PATENTS is a withdrawn patent; false when unknown."""
    return F.coalesce(F.col("withdrawn"), F.lit(False))


def keep_standing(patents: DataFrame) -> DataFrame:
    """Patents that are not withdrawn. Withdrawn patents are excluded on both sides of a citation."""
    return patents.where(~is_withdrawn())


EXAMINER = "cited by examiner"
"""The citation_category of examiners."""


def may_count(label: Label) -> Column:
    """Whether a row of CITATIONS counts under the settings `citing` and `self_citations`.

    A blank category is not the examiner's.
    """
    by_examiner = F.coalesce(F.col("citation_category") == EXAMINER, F.lit(False))
    chosen = {"all": F.lit(True), "examiner": by_examiner, "not_examiner": ~by_examiner}[label.citing]
    if label.self_citations:
        return chosen
    return chosen & F.coalesce(F.col("citing_key") != F.col("cited_key"), F.lit(True))


def family_per_patent(abstracts: DataFrame) -> DataFrame:
    """One row per patent with a non-empty abstract: patent_key and family, equal for equal abstracts.

    Continuations repeat their parent's abstract. Abstracts are compared without case and white space.
    (Removing white space is five times as fast as collapsing it with a pattern.) The family is a 64-bit hash
    of the text. Among ten million texts the probability that two share a hash is about 3e-6; they would only
    be kept on the same side.
    """
    text = F.translate(F.lower("abstract"), _WHITE_SPACE, "")
    return (
        abstracts.select("patent_key", text.alias("text"))
        .where(F.col("text") != "")
        .select("patent_key", F.xxhash64("text").alias("family"))
    )


def parents_per_patent(relatives: DataFrame) -> DataFrame:
    """One row per row of RELATED_DOCUMENTS that links patents: patent_key and parent.

    `parent` is the key of a patent or a hash of an application's number. Two patents are related when one
    names the other as its parent, or both name the same parent. The parent is a patent or an application:
    provisional, under the PCT, or never granted. The rules follow the USPTO's grant files
    (us-related-documents) and PatentsView's parser:

    - Relations: those of _DESCENT, which share a description or a part of it, and provisional applications. A
    related publication is the patent's own application, published before the grant. Corrections and unknown
    types link no patents. - Parents only. A child is the patent's own application or one between it and the
    parent; a row that names the child comes with a row that names the parent. - Applications with a series:
    at least eight letters and digits. Patents up to 2001 were parsed from running text, without a kind and
    often without a series. The same six digits occur in every series and would link unrelated patents.
    Numbers are compared without slashes, commas and spaces.
    """
    number = F.upper(F.regexp_replace("related_number", "[^A-Za-z0-9]", ""))
    has_series = (F.length(number) >= _SERIES_AND_NUMBER) & number.rlike("[1-9]")
    application = F.when(has_series, F.xxhash64(number))
    descends, kind = F.col("relation").isin(*_DESCENT), F.col("related_kind")
    parent = (
        F.when((F.col("relation") == _PROVISIONAL) & F.coalesce(kind != "child", F.lit(True)), application)
        .when(descends & (kind == "parent-grant"), F.col("related_key"))
        .when(descends & kind.isin("parent", "parent-pct"), application)
    )
    return relatives.select("patent_key", parent.alias("parent")).where(F.col("parent").isNotNull())
