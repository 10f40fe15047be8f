"""Features of a sample of patents, computed a second time from what was known on the day of the grant."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.core.key_filter import among
from patent_spark.core.metadata import EncodedColumn, FeatureEncoding, ShardMetadata
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse

LOOKAHEAD = CheckSpec(
    "features_lookahead",
    "features that do not follow from what was known at the grant",
    "patents",
    "count",
    "The model reads something that is not known on the day of the grant, or something else than its table "
    "says. Its metrics are too good for patents that were just granted.",
)

_CATEGORIES = {"cited by examiner": "examiner_citations", "cited by applicant": "applicant_citations"}
_TOLERANCE = 1e-4
_SHOWN = 3


def features_lookahead(data: TaskData) -> CheckResult:
    """FEATURES of a seeded sample of examples against the tables of the release, and the numbers that the
    test examples have of them against both."""
    encoding = data.store.metadata(ShardMetadata).tasks[data.task].features
    if encoding is None:
        return LOOKAHEAD.not_applicable("The model reads the text alone.")
    examples = data.examples.drop_duplicates("patent_key")
    size = min(len(examples), data.settings.sample_size)
    sample = examples.sample(size, random_state=data.settings.seed).set_index("patent_key").sort_index()
    columns = [column.column for column in encoding.columns if column.column != "length"]
    expected = known_at_grant(data.warehouse, sample.index.to_numpy())[columns]
    stored = _stored(data, sample.index.to_numpy())[columns]
    differ = ~((stored == expected) | (stored.isna() & expected.isna()))
    wrong = differ.any(axis=1) | ~_encoded_as(data, encoding, expected.assign(length=sample["length"]))
    names = [f"{name} {count:,}" for name, count in differ.sum().items() if count]
    shown = ", ".join(str(key) for key in wrong.index[wrong][:_SHOWN])
    details = f"{wrong.sum():,} of {size:,} patents differ"
    if wrong.any():
        details += f", such as those with the keys {shown}; in FEATURES: {', '.join(names) or 'none'}"
    return LOOKAHEAD.measured(int(wrong.sum()), 0, f"{details}.")


def known_at_grant(warehouse: Warehouse, keys: NDArray[np.int64]) -> pd.DataFrame:
    """The columns of FEATURES for these patents, sorted by patent_key, which is the index."""
    patents = _rows(warehouse, "PATENTS", "patent_key", ["num_claims", "patent_type"], keys)
    known = patents.set_index("patent_key").reindex(keys)
    citations = _rows(warehouse, "CITATIONS", "citing_key", ["cited_key", "citation_category"], keys)
    known["citations_made"] = _counted(citations["citing_key"], keys)
    kind = citations["citation_category"].map(_CATEGORIES).fillna("other_citations")
    for column in (*_CATEGORIES.values(), "other_citations"):
        known[column] = _counted(citations.loc[kind == column, "citing_key"], keys)
    known["citation_age_months"] = _citation_ages(warehouse, citations).reindex(keys)
    codes = _rows(warehouse, "CPC", "patent_key", ["cpc_sequence", "cpc_class", "cpc_type"], keys)
    inventional = codes["cpc_type"] == "inventional"
    known["inventional_codes"] = _counted(codes.loc[inventional, "patent_key"], keys)
    ordered = codes.assign(later=~inventional).sort_values(["later", "cpc_sequence", "cpc_class"])
    known["cpc_class"] = ordered.groupby("patent_key")["cpc_class"].first().reindex(keys)
    known["family_size"] = 1 + _earlier_relatives(warehouse, keys).reindex(keys, fill_value=0)
    return known.sort_index()


def _counted(rows: pd.Series, keys: NDArray[np.int64]) -> pd.Series:
    """How many rows each patent has."""
    return rows.value_counts().reindex(keys, fill_value=0)


def _citation_ages(warehouse: Warehouse, citations: pd.DataFrame) -> pd.Series:
    """The mean age in months of the valid patents that each one cites, by key; later ones do not count."""
    granted = pd.to_datetime(warehouse.valid_patents.set_index("patent_key")["grant_date"])
    days = (citations["citing_key"].map(granted) - citations["cited_key"].map(granted)).dt.days
    earlier = days >= 0
    of_patent = days[earlier].groupby(citations.loc[earlier, "citing_key"])
    months: pd.Series = of_patent.sum() * 48 // (of_patent.size() * 1461)
    return months


def _earlier_relatives(warehouse: Warehouse, keys: NDArray[np.int64]) -> pd.Series:
    """How many others share an abstract or a document with a patent and were granted by its day, by key."""
    pairs = [pd.DataFrame({"patent_key": [], "relative": []}, dtype=np.int64)]
    for links in (warehouse.abstract_families, warehouse.document_links):
        if links is not None:
            own = links[links["patent_key"].isin(keys)]
            others = links.rename(columns={"patent_key": "relative"})
            pairs.append(own.merge(others, on="link")[["patent_key", "relative"]])
    together = pd.concat(pairs).drop_duplicates()
    granted = warehouse.valid_patents.set_index("patent_key")["grant_date"]
    days, others_days = together["patent_key"].map(granted), together["relative"].map(granted)
    earlier = together[(together["patent_key"] != together["relative"]) & (others_days <= days)]
    return earlier["patent_key"].value_counts()


def _stored(data: TaskData, keys: NDArray[np.int64]) -> pd.DataFrame:
    """FEATURES of these patents; a patent that it lacks has null everywhere."""
    table = data.store.read_arrow("FEATURES", where=among(keys))
    rows: pd.DataFrame = table.to_pandas().drop_duplicates("patent_key").set_index("patent_key")
    return rows.reindex(keys)


def _rows(
    warehouse: Warehouse, table: str, key: str, columns: list[str], keys: NDArray[np.int64]
) -> pd.DataFrame:
    rows: pd.DataFrame = warehouse.store.read_arrow(
        table, [key, *columns], pc.field(key).isin(keys)
    ).to_pandas()
    return rows


def _encoded_as(data: TaskData, encoding: FeatureEncoding, known: pd.DataFrame) -> pd.Series:
    """Whether the numbers of each patent's test example are those of its values; true of other examples."""
    expected = pd.DataFrame(
        np.concatenate([_numbers(column, known[column.column]) for column in encoding.columns], axis=1),
        known.index,
    )
    same = pd.Series(True, known.index)
    for path in (path for split in data.test_splits for path in (data.folder / split).glob("*.parquet")):
        rows = pq.ParquetFile(path).read(columns=["patent_key", "features"])
        rows = rows.filter(pc.is_in(rows["patent_key"], pc.cast(list(known.index), "int64")))
        numbers = np.frombuffer(b"".join(rows["features"].to_pylist()), "<f4").reshape(len(rows), -1)
        keys = rows["patent_key"].to_numpy()
        if numbers.shape[1:] != expected.shape[1:]:
            same[keys] = False
        else:
            same[keys] = (np.abs(numbers - expected.loc[keys].to_numpy()) <= _TOLERANCE).all(axis=1)
    return same


def _numbers(column: EncodedColumn, values: pd.Series) -> NDArray[np.float64]:
    """[patents, numbers of the column], as docs/features.md describes them."""
    unknown = values.isna().to_numpy()
    if column.scale:
        scaled = (np.log(1 + values.astype(float).to_numpy()) - column.mean) / column.scale
        return np.column_stack([np.nan_to_num(scaled), unknown])
    listed = [(values == value).to_numpy() for value in column.values]
    other = ~unknown & ~np.logical_or.reduce([np.zeros(len(values), bool), *listed])
    return np.column_stack([*listed, other, unknown]).astype(float)
