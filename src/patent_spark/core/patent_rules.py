"""Rules about patents and citations that more than one stage goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.config import Label

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_WHITE_SPACE = " \t\n\v\f\r\u00a0"
_PROVISIONAL = "us-provisional-application"
_DESCENT = (
    "addition", "continuation", "continuation-in-part", "continuing-reissue", "division", "reexamination", "reissue", "substitution",
    "us-divisional-reissue", "us-reexamination-reissue-merger",
)  # fmt: skip
_SERIES_AND_NUMBER = 8


def is_withdrawn() -> Column:
    """Whether a row of PATENTS is a withdrawn patent; not when unknown."""
    return F.coalesce(F.col("withdrawn"), F.lit(False))


def keep_standing(patents: DataFrame) -> DataFrame:
    """Patents that are not withdrawn; withdrawn ones take no part, on neither side of a citation."""
    return patents.where(~is_withdrawn())


def may_count(label: Label) -> Column:
    """Whether the settings `citing` and `self_citations` let a row of CITATIONS count; a blank category is not the examiner's."""
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
    return (
        abstracts.select("patent_key", text.alias("text"))
        .where(F.col("text") != "")
        .select("patent_key", F.xxhash64("text").alias("family"))
    )


def parents_per_patent(relatives: DataFrame) -> DataFrame:
    """One row per row of RELATED_DOCUMENTS that makes relatives: patent_key and parent, the key of a patent or a hash of an application's number.

    Two patents are relatives when one names the other as its parent, or both name the same parent: a patent, or an
    application, be it provisional, under the PCT or never granted. What counts is taken from the USPTO's grant files
    (us-related-documents) and from how PatentsView reads them:

    - The relations of _DESCENT: to continue, divide, replace, reissue or reexamine an application or a patent, all with
      the same description or a part of it; and a provisional application. A related publication is the patent's own
      application, published before the grant. Corrections, and types that are not known, relate nobody.
    - Parents; a child is the patent's own application or one between it and the parent, and who names it names the parent too.
    - An application whose number has its series, at least eight letters and digits. Patents up to 2001 were read from
      running text, without a kind and often without a series; the same six digits come again in every series, and would
      join strangers. Numbers are compared without the slashes, commas and spaces in them.
    """
    number = F.upper(F.regexp_replace("related_number", "[^A-Za-z0-9]", ""))
    telling = (F.length(number) >= _SERIES_AND_NUMBER) & number.rlike("[1-9]")
    application = F.when(telling, F.xxhash64(number))
    descends, kind = F.col("relation").isin(*_DESCENT), F.col("related_kind")
    parent = (
        F.when((F.col("relation") == _PROVISIONAL) & F.coalesce(kind != "child", F.lit(True)), application)
        .when(descends & (kind == "parent-grant"), F.col("related_key"))
        .when(descends & kind.isin("parent", "parent-pct"), application)
    )
    return relatives.select("patent_key", parent.alias("parent")).where(F.col("parent").isNotNull())
