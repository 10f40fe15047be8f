"""`make bench-labels`: this project's label job against DuckDB, Polars and pandas, each as a whole process
on the same Parquet.

Median of three alternating runs after a warm-up, with start-up; the labels of all are asserted to be the
same.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import duckdb
from measure import alternate, machine, table
from simulated import release_settings, stage_command

from patent_spark.config import load_config
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage

PEERS = Path(__file__).parent / "peers"


def main() -> None:
    """Make the input when it is not there yet, run all contestants, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--citations",
        type=float,
        default=20,
        help="millions of citations (default 20, with 1.2 million patents)",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path("build/bench-labels"),
        help="where the input is kept between calls",
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--without", nargs="*", default=[], help="contestants to leave out")
    options = parser.parse_args()
    root = options.scratch.absolute() / f"{options.citations:g}M"
    sets = release_settings(options.citations)
    config, _ = load_config(sets=[f"warehouse.root={root}", *sets])
    for stage in ("simulate", "ingest"):
        run_stage(stage, config)
    store = Store(root)
    tables, ingest = store.directory("PATENTS").parent, store.manifest("ingest")
    assert ingest is not None
    python, date = sys.executable, ingest.metadata["data_to_date"]
    contestants = {
        "DuckDB, bigint keys": [
            python,
            PEERS / "labels_duckdb.py",
            tables,
            root / "out/duckdb",
            date,
            "bigint",
        ],
        "DuckDB, text ids": [
            python,
            PEERS / "labels_duckdb.py",
            tables,
            root / "out/duckdb-text",
            date,
            "text",
        ],
        "Polars streaming, bigint keys": [
            python,
            PEERS / "labels_polars.py",
            tables,
            root / "out/polars",
            date,
            "bigint",
        ],
        "Polars streaming, text ids": [
            python,
            PEERS / "labels_polars.py",
            tables,
            root / "out/polars-text",
            date,
            "text",
        ],
        "pandas": [python, PEERS / "labels_pandas.py", tables, root / "out/pandas", date],
        "patent_spark on Sail": stage_command("label", root, [*sets, "engine.name=sail"]),
        "patent_spark on local Spark": stage_command("label", root, [*sets, "engine.name=spark"]),
    }
    contestants = {
        name: [str(part) for part in command]
        for name, command in contestants.items()
        if not any(word in name for word in options.without)
    }
    outcomes = alternate(contestants, options.runs)
    _assert_same(
        store, root, [name.split()[-1].lower() for name in contestants if name.startswith("patent_spark")]
    )
    sizes = ingest.tables
    print(
        f"\n{machine()}\n{sizes['CITATIONS']['rows']:,} citations, "
        f"{sizes['PATENTS']['rows']:,} patents; make bench-labels\n"
    )
    print(
        table(
            outcomes, against="DuckDB, text ids" if "DuckDB, text ids" in outcomes else next(iter(outcomes))
        )
    )
    shutil.rmtree(root / "out", ignore_errors=True)


def _assert_same(store: Store, root: Path, engines: list[str]) -> None:
    """Row for row, for each engine and every peer.

    Quantiles at 0.9 and 0.99 of whole numbers are whole hundredths: rounded, they agree whatever the last
    bit of an interpolation is (ours is NumPy's, DuckDB's is its own).
    """
    columns = (
        "patent_id, grant_date::date, cpc_class, forward_citations, round(q90, 6), round(q99, 6), "
        "citation_level, window_complete"
    )
    of_engine = {
        each.engine: store.directory_in(each, "LABELS") for each in reversed(store.manifests("label"))
    }  # the newest of each
    first, *others = [of_engine[engine] / "*.parquet" for engine in engines] + sorted(
        (root / "out").glob("*/labels.parquet")
    )
    assert others, "nothing to compare with"
    for other in others:
        different = duckdb.execute(f"""
            select count(*) from (
                (select {columns} from '{first}' except all select {columns} from '{other}')
                union all
                (select {columns} from '{other}' except all select {columns} from '{first}'))""").fetchone()
        assert different == (0,), f"{other}: {different[0] if different else '?'} rows differ"
    print(f"labels: the same rows from all {len(others) + 1}", file=sys.stderr)


if __name__ == "__main__":
    main()
