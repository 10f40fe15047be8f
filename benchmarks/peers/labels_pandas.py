"""The label job of conf/default.yaml in pandas, everything in memory: python labels_pandas.py TABLES OUT
DATA_TO_DATE.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

tables, out, data_to_date = Path(sys.argv[1]), Path(sys.argv[2]), pd.Timestamp(sys.argv[3])
out.mkdir(parents=True, exist_ok=True)

patents = pd.read_parquet(tables / "PATENTS", columns=["patent_key", "patent_id", "grant_date", "withdrawn"])
patents = patents[~patents.withdrawn.fillna(False).astype(bool)].drop(columns="withdrawn")
patents["grant_date"] = pd.to_datetime(patents.grant_date)
granted = patents.set_index("patent_key").grant_date
pairs = pd.read_parquet(tables / "CITATIONS", columns=["citing_key", "cited_key"]).dropna()
citing = granted.reindex(pairs.citing_key).to_numpy()
start = granted.reindex(pairs.cited_key).to_numpy()
end = (granted + pd.DateOffset(months=60)).reindex(pairs.cited_key).to_numpy()
within = pairs[(citing >= start) & (citing <= end)].drop_duplicates()
counts = within.groupby("cited_key").size().rename("forward_citations")

cpc = pd.read_parquet(tables / "CPC", columns=["patent_key", "cpc_sequence", "cpc_class", "cpc_type"])
cpc["additional"] = cpc.cpc_type != "inventional"
classes = (
    cpc.sort_values(["patent_key", "additional", "cpc_sequence", "cpc_class"])
    .groupby("patent_key")
    .cpc_class.first()
)

members = patents.join(counts, on="patent_key").join(classes, on="patent_key")
members["forward_citations"] = members.forward_citations.fillna(0).astype("int64")
members["y"] = members.grant_date.dt.year
members["window_complete"] = members.grant_date + pd.DateOffset(months=60) <= data_to_date
reference_sets = (
    members[members.window_complete & members.cpc_class.notna()].groupby(["cpc_class", "y"]).forward_citations
)
labels = members.join(
    reference_sets.quantile([0.9, 0.99]).unstack().set_axis(["q90", "q99"], axis=1), on=["cpc_class", "y"]
)
levels = np.select(
    [
        ~labels.window_complete | labels.cpc_class.isna(),
        labels.forward_citations == 0,
        labels.forward_citations > labels.q99,
        labels.forward_citations > labels.q90,
    ],
    [None, "zerocite", "top1", "top10"],
    "btm90",
)
labels.assign(citation_level=levels).drop(columns=["patent_key", "y"]).to_parquet(out / "labels.parquet")
