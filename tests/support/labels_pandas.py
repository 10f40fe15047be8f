"""An independent computation of LABELS with pandas, row for row, for any release that was ingested.

It joins on the ids as text (not on keys), takes dates as day numbers, sorts where the platform aggregates,
and asks NumPy for the quantiles.

    expected = labels_of_store(Store("warehouse"), config.label)
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset

from patent_spark.core.metadata import IngestMetadata

COLUMNS = [
    "patent_id",
    "grant_date",
    "cpc_class",
    "forward_citations",
    "total_citations",
    "q90",
    "q99",
    "citation_level",
    "window_complete",
]


def labels_of_store(store, label) -> pd.DataFrame:
    """LABELS as they should be in a warehouse, plus total_citations; indexed by patent_id."""
    day = store.metadata(IngestMetadata).data_to_date
    return expected_labels(
        *(read(store.directory(name)) for name in ("PATENTS", "CITATIONS", "CPC")), label, day
    )


def interim_levels_of_store(store, label) -> pd.DataFrame:
    """INTERIM_LEVELS as they should be in a warehouse; indexed by patent_id and follow_up_months."""
    parts = []
    for months in label.follow_up_months:
        rule = dataclasses.replace(
            label,
            horizon_months=months,
            follow_up_months=(),
            reference_set="class_year",
            population="all",
            percentiles_before_censoring=False,
        )
        rows = labels_of_store(store, rule)
        parts.append(
            rows[rows["window_complete"] & rows["cpc_class"].notna()]
            .assign(follow_up_months=months)
            .reset_index()
        )
    interim = pd.concat(parts).drop(columns=["total_citations", "window_complete"])
    return interim.set_index(["patent_id", "follow_up_months"]).sort_index()


def read(directory: Path) -> pd.DataFrame:
    """All Parquet files of a directory; dates as Python dates."""
    return pyarrow.dataset.dataset(directory, format="parquet").to_table().to_pandas(date_as_object=True)


def expected_labels(
    patents: pd.DataFrame, citations: pd.DataFrame, cpc: pd.DataFrame, label, data_to_date: datetime.date
) -> pd.DataFrame:
    """LABELS plus total_citations, indexed by patent_id; counts as integers, no level as None."""
    rows = patents[~patents["withdrawn"].eq(True)].set_index("patent_id")[["grant_date"]].copy()
    ends = {day: months_later(day, label.horizon_months) for day in rows["grant_date"].unique()}
    rows["end"] = rows["grant_date"].map(ends)
    rows["window_complete"] = [end <= data_to_date for end in rows["end"]]
    rows["cpc_class"] = first_classes(cpc).reindex(rows.index)
    in_window, at_any_time = count(rows, citations, label)
    rows["forward_citations"], rows["total_citations"] = in_window, at_any_time
    rows["year"] = [day.year for day in rows["grant_date"]]
    rows["q90"] = rows["q99"] = np.nan
    reference = ["cpc_class"] if label.reference_set == "class" else ["cpc_class", "year"]
    for _, members in rows[rows["cpc_class"].notna()].groupby(reference):
        counted = members if label.percentiles_before_censoring else members[members["window_complete"]]
        if label.population == "cited":
            counted = counted[counted["total_citations"] > 0]
        if len(counted):
            rows.loc[members.index, ["q90", "q99"]] = np.quantile(
                counted["forward_citations"].to_numpy(float), [0.9, 0.99]
            )
    rows["citation_level"] = [level(row) for row in rows.itertuples()]
    return rows.reset_index()[COLUMNS].set_index("patent_id").sort_index()


def level(row) -> str | None:
    """The level of one patent with its class, window, count and quantiles."""
    if not row.window_complete or not isinstance(row.cpc_class, str):
        return None
    if row.forward_citations == 0:
        return "zerocite"
    if np.isnan(row.q90):
        return None
    below = [name for name, bound in (("top10", row.q90), ("top1", row.q99)) if row.forward_citations > bound]
    return below[-1] if below else "btm90"


def count(rows: pd.DataFrame, citations: pd.DataFrame, label) -> tuple[pd.Series, pd.Series]:
    """Distinct citing patents of each row within the horizon, and at any time."""
    pairs = citations.rename(
        columns={"patent_id": "citing", "citation_patent_id": "cited", "citation_category": "category"}
    )
    examiner = pairs["category"].fillna("") == "cited by examiner"
    pairs = {"all": pairs, "examiner": pairs[examiner], "not_examiner": pairs[~examiner]}[label.citing]
    pairs = pairs[pairs["citing"].isin(rows.index) & pairs["cited"].isin(rows.index)]
    if not label.self_citations:
        pairs = pairs[pairs["citing"] != pairs["cited"]]
    pairs = pairs[["citing", "cited"]].drop_duplicates()
    day = rows["grant_date"].map(datetime.date.toordinal)
    end = rows["end"].map(datetime.date.toordinal)
    citing_day = day.loc[pairs["citing"]].to_numpy()
    inside = (citing_day >= day.loc[pairs["cited"]].to_numpy()) & (
        citing_day <= end.loc[pairs["cited"]].to_numpy()
    )
    return tuple(
        some["cited"].value_counts().reindex(rows.index, fill_value=0) for some in (pairs[inside], pairs)
    )


def first_classes(cpc: pd.DataFrame) -> pd.Series:
    """The class listed first, by patent id."""
    inventional = cpc["cpc_type"].eq("inventional")
    ordered = cpc.assign(rest=~inventional).sort_values(["rest", "cpc_sequence", "cpc_class"])
    return ordered.groupby("patent_id")["cpc_class"].first()


def months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))
