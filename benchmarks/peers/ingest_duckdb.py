"""One unzipped TSV of a release to Parquet in DuckDB, with the columns that ingest makes of it.

python ingest_duckdb.py TSV OUT {CITATIONS|ABSTRACTS}: no sniffing, and rows in whichever order its threads
finish, are its fastest settings.
"""

import sys
from pathlib import Path

import duckdb

tsv, out, table = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
out.mkdir(parents=True, exist_ok=True)
columns, select = {
    "CITATIONS": (
        "patent_id citation_sequence citation_patent_id citation_date record_name wipo_kind "
        "citation_category",
        "select key(patent_id) as citing_key, key(citation_patent_id) as cited_key, patent_id, "
        "citation_patent_id, citation_category from rows",
    ),
    "ABSTRACTS": (
        "patent_id patent_abstract",
        "select key(patent_id) as patent_key, patent_id, patent_abstract as abstract from rows "
        "where patent_abstract is not null",
    ),
}[table]
# An id as a number, as in patent_spark/core/patent_ids.py: nearly all are plain numerals, the others have one
# of PatentsView's five prefixes.
prefixed = " ".join(
    f"when id[1] = '{prefix[0]}' then {code * 12 * 10**12} + try_cast(substr(id, "
    f"{len(prefix) + 1}) as bigint)"
    for prefix, code in {"D": 4, "H": 8, "T": 20, "RE": 18 * 27 + 5, "PP": 16 * 27 + 16}.items()
)
duckdb.execute(f"""
set preserve_insertion_order = false;
create macro key(id) as coalesce(try_cast(id as bigint), case {prefixed} end);
""")
duckdb.execute(f"""
copy (
    with rows as (
        select * from read_csv('{tsv}', delim = '\t', quote = '"', escape = '"', header = true,
            auto_detect = false,
                               columns = {dict.fromkeys(columns.split(), "varchar")}))
    {select}
) to '{out}/part-0.parquet' (format parquet, compression zstd, compression_level 1)
""")
