"""`make bench-ingest`: zip to Parquet by the ingest stage, against DuckDB reading the unzipped TSV.

Once for citations and once for abstracts, whose text has lines and quotes; each as a whole process,
start-up included, median of three alternating runs after a warm-up. Both write the same columns as Parquet
(zstd level 1); the rows are asserted to be the same. The stage reads a release of which only the one file
is large, as a person would run it; DuckDB is spared the inflating.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import zipfile
from pathlib import Path

import duckdb
from measure import alternate, machine, table
from simulated import release_settings, stage_command

from patent_spark.config import load_config
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage

PEER = Path(__file__).parent / "peers" / "ingest_duckdb.py"
FILES = {"CITATIONS": "g_us_patent_citation.tsv", "ABSTRACTS": "g_patent_abstract.tsv"}
_WORDS = "simulate.abstract_words=110"


def main() -> None:
    """Make the input when it is not there yet, run both programs on each table, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--citations",
        type=float,
        default=20,
        help="millions of citations (default 20, with 1.1 million abstracts)",
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path("build/bench-ingest"),
        help="where the input is kept between calls",
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--tables", nargs="*", choices=FILES, default=list(FILES))
    options = parser.parse_args()
    root = options.scratch.absolute() / f"{options.citations:g}M"
    large = _release(root / "large", [*release_settings(options.citations), _WORDS])
    small = _release(root / "small", release_settings(0.016))
    for name in options.tables:
        folder, unzipped = _with_one_large_file(root / name, FILES[name], small, large)
        outcomes = alternate(
            {
                "DuckDB, unzipped TSV": [
                    sys.executable,
                    str(PEER),
                    str(unzipped),
                    str(root / "duckdb" / name),
                    name,
                ],
                "patent_spark, zip": stage_command(
                    "ingest",
                    root / "ours",
                    ["source.kind=folder", f"source.path={folder}", "ingest.min_matched_fraction=0"],
                ),
            },
            options.runs,
        )
        rows = _assert_same(name, root / "duckdb" / name, Store(root / "ours").directory(name))
        print(
            f"\n{machine()}\n{name}: {rows:,} rows, {unzipped.stat().st_size / 1e6:,.0f} MB of TSV; "
            "make bench-ingest\n"
        )
        print(table(outcomes, against="DuckDB, unzipped TSV"), flush=True)
        for output in ("duckdb", "ours"):
            shutil.rmtree(root / output)


def _release(root: Path, sets: list[str]) -> Path:
    config, _ = load_config(sets=[f"warehouse.root={root}", *sets])
    run_stage("simulate", config)
    return Store(root).directory("RELEASE")


def _with_one_large_file(folder: Path, file: str, small: Path, large: Path) -> tuple[Path, Path]:
    """A release folder with one file of the large release and the others of the small one, and that file
    unzipped beside it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    archive = f"{file}.zip"
    for path in small.iterdir():
        os.link(large / archive if path.name == archive else path, folder / path.name)
    unzipped = folder.parent / file
    if not unzipped.exists():
        with zipfile.ZipFile(large / archive) as whole:
            whole.extract(file, folder.parent)
    return folder, unzipped


def _assert_same(name: str, *directories: Path) -> int:
    """The number of rows, once both hold the same ones, in whatever order: their hashes have the same sum."""
    columns = {
        "CITATIONS": "citing_key, cited_key, patent_id, citation_patent_id, citation_category",
        "ABSTRACTS": "patent_key, patent_id, abstract",
    }
    contents = [
        duckdb.execute(f"select count(*), sum(hash({columns[name]})) from '{path}/*.parquet'").fetchone()
        for path in directories
    ]
    assert contents[0] and contents[0] == contents[1], f"{name}: rows and digest differ: {contents}"
    print(f"{name}: the same rows from both", file=sys.stderr)
    return int(contents[0][0])


if __name__ == "__main__":
    main()
