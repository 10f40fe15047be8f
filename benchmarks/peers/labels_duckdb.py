"""The label job of conf/default.yaml in DuckDB: PATENTS, CITATIONS, CPC in one folder to LABELS in another.

python labels_duckdb.py TABLES OUT DATA_TO_DATE {bigint|text}: joins on the bigint keys that ingest made, or
on the ids' text.
"""

import sys
from pathlib import Path

import duckdb

tables, out, data_to_date, ids = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
key, citing, cited = (
    ("patent_key", "citing_key", "cited_key")
    if ids == "bigint"
    else ("patent_id", "patent_id", "citation_patent_id")
)
out.mkdir(parents=True, exist_ok=True)
duckdb.execute(f"""
copy (
    with standing as (
        select {key} as id, patent_id, grant_date from '{tables}/PATENTS/*.parquet'
        where not coalesce(withdrawn, false)),
    counted as (
        select old.id, count(distinct new.id)
               filter (new.grant_date between old.grant_date and old.grant_date + interval 60 month)
                as forward_citations
        from '{tables}/CITATIONS/*.parquet' c
        join standing new on new.id = c.{citing}
        join standing old on old.id = c.{cited}
        group by 1),
    classes as (
        select {key} as id,
        arg_min(cpc_class, (cpc_type <> 'inventional', cpc_sequence, cpc_class)) as cpc_class
        from '{tables}/CPC/*.parquet' group by 1),
    members as (
        select s.id, s.patent_id, s.grant_date, year(s.grant_date) as y, k.cpc_class,
               coalesce(n.forward_citations, 0) as forward_citations,
               s.grant_date + interval 60 month <= date '{data_to_date}' as window_complete
        from standing s left join counted n using (id) left join classes k using (id)),
    reference_sets as (
        select cpc_class, y, quantile_cont(forward_citations, 0.9) as q90,
               quantile_cont(forward_citations, 0.99) as q99
        from members where window_complete and cpc_class is not null group by 1, 2)
    select patent_id, grant_date, cpc_class, forward_citations, q90, q99, window_complete,
           case when not window_complete or cpc_class is null then null
                when forward_citations = 0 then 'zerocite' when forward_citations > q99 then 'top1'
                when forward_citations > q90 then 'top10' else 'btm90' end as citation_level
    from members left join reference_sets using (cpc_class, y)
) to '{out}/labels.parquet' (format parquet)
""")
