"""The label job of conf/default.yaml in Polars, streaming: python labels_polars.py TABLES OUT DATA_TO_DATE
{bigint|text}.
"""

import datetime
import sys
from pathlib import Path

import polars as pl

tables, out, data_to_date, ids = (
    Path(sys.argv[1]),
    Path(sys.argv[2]),
    datetime.date.fromisoformat(sys.argv[3]),
    sys.argv[4],
)
key, citing, cited = (
    ("patent_key", "citing_key", "cited_key")
    if ids == "bigint"
    else ("patent_id", "patent_id", "citation_patent_id")
)
out.mkdir(parents=True, exist_ok=True)

standing = (
    pl.scan_parquet(tables / "PATENTS" / "*.parquet")
    .filter(~pl.col("withdrawn").fill_null(False))
    .select(pl.col(key).alias("id"), pl.col("patent_id").alias("name"), "grant_date")
)
counted = (
    pl.scan_parquet(tables / "CITATIONS" / "*.parquet")
    .select(pl.col(citing).alias("citing"), pl.col(cited).alias("cited"))
    .join(
        standing.select(pl.col("id").alias("citing"), pl.col("grant_date").alias("citing_date")), on="citing"
    )
    .join(standing.select(pl.col("id").alias("cited"), "grant_date"), on="cited")
    .filter(pl.col("citing_date").is_between(pl.col("grant_date"), pl.col("grant_date").dt.offset_by("60mo")))
    .group_by("cited")
    .agg(pl.col("citing").n_unique().alias("forward_citations"))
)
classes = (
    pl.scan_parquet(tables / "CPC" / "*.parquet")
    .group_by(pl.col(key).alias("id"))
    .agg(
        pl.col("cpc_class").sort_by(pl.col("cpc_type") != "inventional", "cpc_sequence", "cpc_class").first()
    )
)
members = (
    standing.join(counted, left_on="id", right_on="cited", how="left")
    .join(classes, on="id", how="left")
    .with_columns(
        pl.col("forward_citations").fill_null(0),
        pl.col("grant_date").dt.year().alias("y"),
        (pl.col("grant_date").dt.offset_by("60mo") <= data_to_date).alias("window_complete"),
    )
)
reference_sets = (
    members.filter(pl.col("window_complete") & pl.col("cpc_class").is_not_null())
    .group_by("cpc_class", "y")
    .agg(
        pl.col("forward_citations").quantile(0.9, "linear").alias("q90"),
        pl.col("forward_citations").quantile(0.99, "linear").alias("q99"),
    )
)
count = pl.col("forward_citations")
level = (
    pl.when(~pl.col("window_complete") | pl.col("cpc_class").is_null())
    .then(None)
    .when(count == 0)
    .then(pl.lit("zerocite"))
    .when(count > pl.col("q99"))
    .then(pl.lit("top1"))
    .when(count > pl.col("q90"))
    .then(pl.lit("top10"))
    .otherwise(pl.lit("btm90"))
)
(
    members.join(reference_sets, on=["cpc_class", "y"], how="left")
    .select(
        pl.col("name").alias("patent_id"),
        "grant_date",
        "cpc_class",
        "forward_citations",
        "q90",
        "q99",
        "window_complete",
        level.alias("citation_level"),
    )
    .sink_parquet(out / "labels.parquet")
)
