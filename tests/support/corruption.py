"""How a copy of a finished warehouse is changed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.schemas import is_test
from patent_spark.core.store import Store, arrow_schema

Change = Callable[[pd.DataFrame], pd.DataFrame]


def copy_of(store: Store, root: Path) -> Store:
    """A copy to corrupt: its files are hard links until one is rewritten."""
    shutil.copytree(
        store.root, root, copy_function=os.link, ignore=shutil.ignore_patterns("audit", "logs", "mlflow")
    )
    return Store(root)


def rewrite(store: Store, table: str, change: Change) -> None:
    """Replace a table's rows."""
    folder = store.directory(table)
    frame = change(store.read_arrow(table).to_pandas())
    for path in folder.glob("*.parquet"):
        path.unlink()
    pq.write_table(
        pa.Table.from_pandas(frame, arrow_schema(table), preserve_index=False), folder / "part-0.parquet"
    )


def rewrite_examples(store: Store, task: str, change: Change) -> None:
    """Replace a task's examples; the frame has `split`, and `tokens` as arrays of ids."""
    home, schema = store.directory("EXAMPLES") / task, arrow_schema("EXAMPLES")
    parts = []
    for folder in sorted(home.iterdir()):
        frame = pd.concat([pq.read_table(path).to_pandas() for path in sorted(folder.glob("*.parquet"))])
        parts.append(frame[frame["patent_key"] >= 0].assign(split=folder.name))
    frame = pd.concat(parts, ignore_index=True)
    frame["tokens"] = [np.frombuffer(row, "<i4").copy() for row in frame["tokens"]]
    frame = change(frame)
    frame["tokens"] = [row.astype("<i4").tobytes() for row in frame["tokens"]]
    if "features" in frame:
        schema = schema.append(pa.field("features", pa.binary()))
    shutil.rmtree(home)
    for split, rows_ in frame.groupby("split"):
        (home / str(split)).mkdir(parents=True)
        pq.write_table(
            pa.Table.from_pandas(rows_, schema, preserve_index=False),
            home / str(split) / "group-00000.parquet",
        )


def rewrite_manifest(store: Store, stage: str, **parts: dict) -> None:
    """Replace values of metadata or settings in the manifest of a stage."""
    manifest = store.manifest(stage)
    path = store.root / stage / manifest.version / "manifest.json"
    content = json.loads(path.read_text())
    path.unlink()
    path.write_text(
        json.dumps({name: value | parts[name] if name in parts else value for name, value in content.items()})
    )


def with_examples(task: str, change: Change) -> Callable[[Store], None]:
    return lambda store: rewrite_examples(store, task, change)


def with_table(table: str, change: Change) -> Callable[[Store], None]:
    return lambda store: rewrite(store, table, change)


def tested(frame: pd.DataFrame) -> pd.Series:
    return frame["split"].map(is_test)


def some(rows: pd.Index, share: float, seed: int = 0) -> np.ndarray:
    """A seeded share of the rows, at least one."""
    return np.random.default_rng(seed).permutation(rows)[: max(1, round(share * len(rows)))]


def rolled(column: str) -> Change:
    """Each row gets the value of the previous row."""
    return lambda frame: frame.assign(**{column: np.roll(frame[column].to_numpy(), 1)})


def resplit(task: str, by: Callable[[pd.DataFrame, Store], pd.Series]) -> Callable[[Store], None]:
    """Splits of the same sizes, filled in the order of some value: training first, test last."""

    def inject(store: Store) -> None:
        def change(frame: pd.DataFrame) -> pd.DataFrame:
            order = frame["split"].map({"train": 0, "development": 1}).fillna(2)
            frame = frame.loc[order.sort_values(kind="stable").index]
            order = by(frame, store).sort_values(kind="stable").index
            return frame.loc[order].assign(split=frame["split"].to_numpy())

        rewrite_examples(store, task, change)

    return inject


def from_labels(column: str) -> Callable[[pd.DataFrame, Store], pd.Series]:
    """That column of LABELS for each example."""
    return lambda frame, store: frame["patent_key"].map(
        store.read_arrow("LABELS").to_pandas().set_index("patent_key")[column]
    )
