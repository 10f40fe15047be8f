"""The rule of the citation level, a second time, with pandas and NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patent_spark.core.schemas import BTM90, TOP1, TOP10, ZEROCITE
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.warehouse import Warehouse

_ROUNDING = 1e-9

RECOMPUTED = CheckSpec(
    "percentiles_recomputed",
    "percentiles and levels recomputed from the counts",
    "mismatched labels",
    "count",
    "Percentiles or levels in LABELS or INTERIM_LEVELS do not follow from the counts of their reference set "
    "and the label settings. Run `patent-spark label --force`.",
)


def percentiles_recomputed(warehouse: Warehouse) -> CheckResult:
    """q90, q99 and level of each row of LABELS and INTERIM_LEVELS, from the counts of its reference set."""
    counts = warehouse.counts.drop_duplicates("patent_key").set_index("patent_key")["forward_citations"]
    labels = warehouse.labels.assign(forward_citations=warehouse.labels["patent_key"].map(counts))
    ranked = labels[labels["patent_key"].isin(ranked_patents(warehouse)["patent_key"])]
    interim = warehouse.interim_levels
    mismatched = _count_mismatched(labels, ranked, reference_columns(warehouse)) + _count_mismatched(
        interim.assign(window_complete=True), interim, ["cpc_class", "year", "follow_up_months"]
    )
    details = (
        f"{mismatched:,} of {len(labels) + len(interim):,} rows of LABELS and INTERIM_LEVELS have other "
        "percentiles or another level than recomputed."
    )
    return RECOMPUTED.measured(mismatched, 0, details)


def _count_mismatched(labels: pd.DataFrame, ranked: pd.DataFrame, reference_set: list[str]) -> int:
    """Labels whose percentiles or level do not follow from their reference set, which `ranked` contains."""
    if labels.empty:
        return 0
    recomputed = labels.merge(percentiles(ranked, reference_set), on=reference_set, how="left")
    same = [
        np.isclose(recomputed[stored], recomputed[expected], rtol=0, atol=_ROUNDING, equal_nan=True)
        for stored, expected in (("q90", "p90"), ("q99", "p99"))
    ]
    levels = levels_of(recomputed)
    unranked = (recomputed["forward_citations"] > 0) & recomputed["p99"].isna()
    levels[unranked | ~recomputed["window_complete"] | recomputed["cpc_class"].isna()] = None
    stored_levels = recomputed["citation_level"]
    same_level = (stored_levels == levels) | (stored_levels.isna() & pd.isna(levels))
    return int((~np.logical_and.reduce([*same, same_level.to_numpy()])).sum())


def reference_columns(warehouse: Warehouse) -> list[str]:
    """The columns of LABELS that define a reference set: equal values are ranked together."""
    by_class = warehouse.label_settings.reference_set == "class"
    return ["cpc_class"] if by_class else ["cpc_class", "year"]


def ranked_patents(warehouse: Warehouse) -> pd.DataFrame:
    """The rows of LABELS whose counts enter the percentiles."""
    settings = warehouse.label_settings
    ranked = warehouse.labels.dropna(subset=["cpc_class"])
    if not settings.percentiles_before_censoring:
        ranked = ranked[ranked["window_complete"]]
    if settings.population == "cited":
        counts = warehouse.counts
        ranked = ranked[ranked["patent_key"].isin(counts.loc[counts["total_citations"] > 0, "patent_key"])]
    return ranked


def percentiles(ranked: pd.DataFrame, reference_set: list[str]) -> pd.DataFrame:
    """One row per reference set: its columns, p90 and p99 of its counts (NumPy's linear interpolation)."""
    groups = ranked.groupby(reference_set)["forward_citations"]
    values = [np.quantile(counts.to_numpy(np.float64), [0.9, 0.99]) for _, counts in groups]
    p90, p99 = np.array(values).reshape(-1, 2).T
    return groups.size().index.to_frame(index=False).assign(p90=p90, p99=p99)


def levels_of(patents: pd.DataFrame) -> NDArray[np.object_]:
    """The level that follows from forward_citations, p90 and p99. A count equal to one is below it."""
    count = patents["forward_citations"]
    conditions = [count == 0, count > patents["p99"], count > patents["p90"]]
    return np.select(conditions, [ZEROCITE, TOP1, TOP10], BTM90).astype(object)
