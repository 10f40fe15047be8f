"""The rule of the citation level once more, with pandas and NumPy."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patent_spark.audit.evidence import Warehouse
from patent_spark.schemas import BTM90, TOP1, TOP10, ZEROCITE


def pool_columns(warehouse: Warehouse) -> list[str]:
    """What the patents of a pool have in common."""
    return ["cpc_class"] if warehouse.label_rule.pool == "class" else ["cpc_class", "year"]


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
    ranks = np.array([np.quantile(counts.to_numpy(np.float64), [0.9, 0.99]) for _, counts in groups]).reshape(-1, 2)
    return groups.size().index.to_frame(index=False).assign(p90=ranks[:, 0], p99=ranks[:, 1])


def levels_of(patents: pd.DataFrame) -> NDArray[np.object_]:
    """The level by forward_citations, p90 and p99; a count equal to a percentile is below it."""
    count = patents["forward_citations"]
    return np.select([count == 0, count > patents["p99"], count > patents["p90"]], [ZEROCITE, TOP1, TOP10], BTM90).astype(object)
