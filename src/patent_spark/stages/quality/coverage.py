"""Holes in a release: grant years whose patents lack citations, CPC codes or abstracts that those around
them have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.core.patent_ids import FIRST_LETTERED
from patent_spark.stages.quality.report_schema import Hole

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CITING, CLASSIFIED, DESCRIBED, RELATED = "citing", "classified", "described", "related"
"""Patents that make a citation, have a CPC code, have an abstract, have a related document."""
COVERED = {
    CITING: ("CITATIONS", "citing_key"),
    CLASSIFIED: ("CPC", "patent_key"),
    DESCRIBED: ("ABSTRACTS", "patent_key"),
    RELATED: ("RELATED_DOCUMENTS", "patent_key"),
}
"""What says so: table and key of the patent."""

_NEAR = 5
"""Years on either side that a year is compared with."""
_FALL = 0.5
"""Share of what the years around have, below which a year has a hole."""
_FEW = 20
"""Patents with it that must be missing for a hole to be more than chance."""


def coverage_by_year(patents: DataFrame, tables: Mapping[str, DataFrame]) -> DataFrame:
    """One row per grant year: utility patents, and how many have a row in each of the tables (COVERED)."""
    rows = patents.where(F.col("patent_key") < FIRST_LETTERED).select(
        "patent_key", F.year("grant_date").alias("year")
    )
    for name, (_, key) in COVERED.items():
        keys = tables[name].select(F.col(key).alias("patent_key")).distinct().withColumn(name, F.lit(1))
        rows = rows.join(keys, on="patent_key", how="left")
    return rows.groupBy("year").agg(
        F.count("*").alias("patents"), *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in COVERED)
    )


def total_coverage(years: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """Utility patents of all years, and how many have a row in each of the tables; years: see find_holes."""
    return {name: sum(row[name] for row in years) for name in ("patents", *COVERED)}


def find_holes(years: Sequence[Mapping[str, int]]) -> list[Hole]:
    """The holes of each kind; years: rows of coverage_by_year, in any order.

    A year is compared with the sound years up to five before it and up to five behind, and has a hole when it
    falls short of either. Only those before count for citations and related documents: the first patents of a
    release may have none.
    """
    ordered = sorted((row for row in years if row["patents"]), key=lambda row: row["year"])
    return [hole for what in COVERED for hole in _holes_of(what, ordered)]


def _holes_of(what: str, years: Sequence[Mapping[str, int]]) -> list[Hole]:
    shares = [row[what] / row["patents"] for row in years]
    expected: dict[int, float] = {}
    directions = [range(len(years))]
    if what in (CLASSIFIED, DESCRIBED):
        directions.append(range(len(years) - 1, -1, -1))
    for places in directions:
        sound: list[float] = []
        for place in places:
            usual = median(sound[-_NEAR:]) if sound else 0.0
            row = years[place]
            if shares[place] < _FALL * usual and usual * row["patents"] - row[what] >= _FEW:
                expected[place] = max(usual, expected.get(place, 0.0))
            else:
                sound.append(shares[place])
    return [_hole(what, [years[place] for place in run], expected[run[0]]) for run in _runs(sorted(expected))]


def _runs(places: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _hole(what: str, rows: Sequence[Mapping[str, int]], expected: float) -> Hole:
    patents, having = (sum(row[name] for row in rows) for name in ("patents", what))
    return Hole(
        what=what,
        first_year=rows[0]["year"],
        last_year=rows[-1]["year"],
        patents=patents,
        having=having,
        expected_share=expected,
    )
