"""The CPC code of a patent that is listed first: its class, and its label of technology."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.core.cpc_levels import CLASS, LABEL_LENGTHS, SECTION, SUBCLASS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_RANK_WIDTH = 11  # one digit for the type and ten for the sequence
_CLASS_WIDTH, _SUBCLASS_WIDTH = LABEL_LENGTHS[CLASS], LABEL_LENGTHS[SUBCLASS]
_NO_SUBCLASS = "~"  # comes after all letters
_WHOLE = 100


def first_code_per_patent(cpc: DataFrame, level: str = CLASS) -> DataFrame:
    """One row per patent with a CPC row: patent_key, and cpc_class and technology_label of its first code.

    The first code has the smallest cpc_sequence among inventional rows or, without any, among all rows.
    Sequences have gaps. If one occurs twice, the alphabetically first code wins. technology_label is the code
    at a level; at the level of subclasses it is null if the first code has no subclass of its class. Type,
    sequence and code are compared as one text, such as "00000000003H04": the minimum of a struct gives the
    same and took 25 times as long on Sail.
    """
    additional = F.when(F.col("cpc_type") == "inventional", F.lit("0")).otherwise(F.lit("1"))
    sequence = F.lpad(F.col("cpc_sequence").cast("string"), _RANK_WIDTH - 1, "0")
    letter = [_subclass_letter()] if level == SUBCLASS else []
    ranked = F.concat(additional, sequence, F.col("cpc_class"), *letter)
    return (
        cpc.select("patent_key", ranked.alias("ranked"))
        .groupBy("patent_key")
        .agg(F.min("ranked").alias("first"))
        .where(F.col("first").isNotNull())
        .select(
            "patent_key",
            _code(_CLASS_WIDTH if level == SUBCLASS else _WHOLE).alias("cpc_class"),
            _label(level).alias("technology_label"),
        )
    )


def first_class_per_patent(cpc: DataFrame) -> DataFrame:
    """One row per patent with a CPC row: patent_key and cpc_class, the class listed first."""
    return first_code_per_patent(cpc).drop("technology_label")


def _subclass_letter() -> Column:
    """The last character of cpc_subclass; `~` if it is not the class and a letter."""
    letter = F.substring("cpc_subclass", _SUBCLASS_WIDTH, 1)
    formed = (
        (F.length("cpc_subclass") == _SUBCLASS_WIDTH)
        & (F.substring("cpc_subclass", 1, _CLASS_WIDTH) == F.col("cpc_class"))
        & (letter >= "A")
        & (letter <= "Z")
    )
    return F.when(formed, letter).otherwise(F.lit(_NO_SUBCLASS))


def _label(level: str) -> Column:
    """The label of technology in the text `first`."""
    if level == CLASS:
        return _code(_WHOLE)
    label = _code(LABEL_LENGTHS[level])
    return label if level == SECTION else F.when(~label.endswith(_NO_SUBCLASS), label)


def _code(length: int) -> Column:
    """The beginning of the code in the text `first`."""
    return F.substring("first", _RANK_WIDTH + 1, length)
