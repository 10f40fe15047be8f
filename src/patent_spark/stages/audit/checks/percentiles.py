"""The rule of the citation level once more, with pandas and NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patent_spark.core.schemas import BTM90, TOP1, TOP10, ZEROCITE
from patent_spark.stages.audit.evidence import Warehouse
from patent_spark.stages.audit.verdicts import COUNT, Check, Question

_ROUNDING = 1e-9

RECOUNTED = Question(
    "percentiles recounted from the counts", "labels amiss", COUNT,
    "Percentiles or levels of these labels are not those of their pool by the rule that LABELS was made with: run `patent-spark label --force`.",
)  # fmt: skip


def levels_again(warehouse: Warehouse) -> Check:
    """q90, q99 and level of every row of LABELS and INTERIM_LEVELS, from the counts of all pools: by COUNTS, and the pool that the settings tell."""
    counts = warehouse.counts.drop_duplicates("patent_key").set_index("patent_key")["forward_citations"]
    labels = warehouse.labels.assign(forward_citations=warehouse.labels["patent_key"].map(counts))
    kept = labels[labels["patent_key"].isin(ranked_patents(warehouse)["patent_key"])]
    early, by_exposure = warehouse.interim_levels, ["cpc_class", "year", "exposure_months"]
    amiss = _amiss(labels, kept, pool_columns(warehouse)) + _amiss(
        early.assign(window_complete=True), early, by_exposure
    )
    done = f"{amiss:,} of {len(labels) + len(early):,} rows of LABELS and INTERIM_LEVELS have other percentiles or another level than a recount gives."
    return RECOUNTED.answer(amiss, 0, done)


def _amiss(labels: pd.DataFrame, ranked: pd.DataFrame, pool: list[str]) -> int:
    """Labels whose percentiles or level are not those of their pools, in which `ranked` are."""
    if labels.empty:
        return 0
    again = labels.merge(percentiles(ranked, pool), on=pool, how="left")
    same = [
        np.isclose(again[told], again[recounted], rtol=0, atol=_ROUNDING, equal_nan=True)
        for told, recounted in (("q90", "p90"), ("q99", "p99"))
    ]
    levels = levels_of(again)
    levels[
        (again["forward_citations"] > 0) & again["p99"].isna()
        | ~again["window_complete"]
        | again["cpc_class"].isna()
    ] = None
    told = again["citation_level"]
    return int((~np.logical_and(*same) | ~((told == levels) | (told.isna() & pd.isna(levels)))).sum())


def pool_columns(warehouse: Warehouse) -> list[str]:
    """What the patents of a pool have in common."""
    return ["cpc_class"] if warehouse.label_rule.reference_set == "class" else ["cpc_class", "year"]


def ranked_patents(warehouse: Warehouse) -> pd.DataFrame:
    """The rows of LABELS whose counts are in the percentiles."""
    rule = warehouse.label_rule
    ranked = warehouse.labels.dropna(subset=["cpc_class"])
    if not rule.percentiles_before_censoring:
        ranked = ranked[ranked["window_complete"]]
    if rule.population == "cited":
        counts = warehouse.counts
        ranked = ranked[ranked["patent_key"].isin(counts.loc[counts["total_citations"] > 0, "patent_key"])]
    return ranked


def percentiles(ranked: pd.DataFrame, pool: list[str]) -> pd.DataFrame:
    """The pool's columns, p90 and p99 of its counts; linear interpolation, as NumPy does it."""
    groups = ranked.groupby(pool)["forward_citations"]
    ranks = np.array([np.quantile(counts.to_numpy(np.float64), [0.9, 0.99]) for _, counts in groups]).reshape(
        -1, 2
    )
    return groups.size().index.to_frame(index=False).assign(p90=ranks[:, 0], p99=ranks[:, 1])


def levels_of(patents: pd.DataFrame) -> NDArray[np.object_]:
    """The level by forward_citations, p90 and p99; a count equal to a percentile is below it."""
    count = patents["forward_citations"]
    return np.select(
        [count == 0, count > patents["p99"], count > patents["p90"]], [ZEROCITE, TOP1, TOP10], BTM90
    ).astype(object)
