"""Rows as an ingested release: published tables that the label and split stages read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.config import load_config
from patent_spark.core.patent_ids import patent_keys
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from tests.support.factories import publish, table_of


def with_keys(citations: list[dict]) -> list[dict]:
    """Rows of CITATIONS with both keys worked out from the ids."""
    keys = [
        patent_keys(pa.array([row[name] for row in citations], pa.string())).to_pylist()
        for name in ("patent_id", "citation_patent_id")
    ]
    return [
        row | {"citing_key": citing, "cited_key": cited}
        for row, citing, cited in zip(citations, *keys, strict=True)
    ]


def arrow_tables(rows: dict[str, list[dict]]) -> dict[str, pa.Table]:
    """Rows by table name as Arrow tables; a table that is left out is empty."""
    rows = {"PATENTS": [], "ABSTRACTS": [], "CITATIONS": [], "CPC": [], "RELATED_DOCUMENTS": []} | rows
    return {
        name: table_of(name, with_keys(table) if name == "CITATIONS" and table else table)
        for name, table in rows.items()
    }


def publish_release(
    root: Path, tables: dict[str, pa.Table], data_to_date, files: int = 1, shuffle: int | None = None
) -> Store:
    """A warehouse with an ingested release; each table in `files` files, its rows shuffled with a seed."""

    def fill(draft):
        for name, table in tables.items():
            if shuffle is not None:
                table = table.take(np.random.default_rng(shuffle).permutation(table.num_rows))
            for i in range(files):
                pq.write_table(
                    table.take(np.arange(i, table.num_rows, files)), draft.path(name) / f"part-{i}.parquet"
                )

    store = Store(root)
    publish(store, "ingest", {}, metadata={"data_to_date": str(data_to_date)}, fill=fill)
    return store


def run(store: Store, stage: str, engine, *sets: str):
    """Run a stage in a warehouse on the engine under test; returns its manifest."""
    sets = (
        f"warehouse.root={store.root}",
        f"engine.name={engine.name}",
        f"engine.shuffle_partitions={engine.shuffle_partitions}",
        *sets,
    )
    return run_stage(stage, load_config(sets=sets)[0]).manifest
