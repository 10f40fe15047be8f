"""Runs of MLflow as data frames."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from patent_spark.config import Config
from patent_spark.tracking.history import all_runs, curves, find_run
from patent_spark.tracking.server import has_runs

_ABOUT = ["run_id", "name", "task", "status", "started", "seconds", "release_id"]
_OF_MACHINE = "system/"


def run_table(config: Config) -> pd.DataFrame:
    """One row per run, the newest first: what it is, then its metrics under their names in MLflow.

    `started` is UTC; `seconds` is missing of a run that has not ended. Metrics of the machine are left out.
    """
    runs = all_runs(config) if has_runs(config) else []
    rows = [
        {name: getattr(run, name) for name in _ABOUT[:-1]}
        | {"release_id": run.tags.get("release_id", "")}
        | {name: value for name, value in run.metrics.items() if not name.startswith(_OF_MACHINE)}
        for run in runs
    ]
    table = pd.DataFrame(rows, columns=None if rows else _ABOUT)
    return table.assign(started=pd.to_datetime(table["started"], utc=True)).set_index("run_id")


def curve_table(config: Config, run_id: str, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per epoch, a column a metric. Raises ConfigError for a run that is not there."""
    values = curves(config, find_run(config, run_id), metrics)
    columns = {name: pd.Series(dict(steps), dtype=float) for name, steps in values.items()}
    return pd.DataFrame(columns).rename_axis("epoch").sort_index()


def setting_differences(config: Config, run_ids: Sequence[str]) -> pd.DataFrame:
    """One row per setting that is not the same in all of these runs, a column a run."""
    runs = {run_id: find_run(config, run_id).settings for run_id in run_ids}
    table = pd.DataFrame(runs).rename_axis("setting")
    return table[table.nunique(axis=1, dropna=False) > 1].sort_index()
