"""Run history: runs in MLflow, looked up by id or name, with what they logged."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import Config, ConfigError
from patent_spark.config.renamed import current_settings
from patent_spark.tracking.server import connected

_PAGE = 1000
_NAMED = 8
_SHORT = 8


@dataclass(frozen=True)
class RunRecord:
    """A run in its current state."""

    run_id: str
    name: str
    status: str
    started: str
    """UTC."""
    seconds: float | None
    """None while it is running."""
    settings: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]
    """The last value of each metric."""

    @property
    def short(self) -> str:
        """The beginning of its id."""
        return self.run_id[:_SHORT]

    @property
    def task(self) -> str:
        """technology, citation_level, joint, or another kind such as sweep."""
        return self.tags.get("task", "")


def find_run(config: Config, query: str) -> RunRecord:
    """The run with this id, beginning of an id, or name. Raises ConfigError unless it is exactly one."""
    runs = all_runs(config)
    exact = [run for run in runs if query in (run.run_id, run.name)]
    matches = exact or [run for run in runs if query and run.run_id.startswith(query)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise ConfigError(
            f"{query} could be any of {len(matches)} runs; give the beginning of an id: {_named(matches)}",
            run=query,
            matches=len(matches),
        )
    raise ConfigError(
        f"no run in MLflow has an id or a name like {query}; "
        + (f"the newest are: {_named(runs)}" if runs else "there are none"),
        run=query,
    )


def curves(config: Config, run: RunRecord, names: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """The values of metrics by epoch, in order; a metric that the run does not have is left out."""
    curves_ = {}
    for name in names:
        if name in run.metrics:
            with connected(config) as client:
                history = client.get_metric_history(run.run_id, name)
            curves_[name] = sorted({metric.step: metric.value for metric in history}.items())
    return curves_


def fetch(config: Config, run: RunRecord, path: str, folder: Path) -> Path | None:
    """Copy a file of a run below a folder; None if the run lacks it."""
    with connected(config) as client:
        if path not in [each.path for each in client.list_artifacts(run.run_id, str(Path(path).parent))]:
            return None
        return Path(client.download_artifacts(run.run_id, path, str(folder)))


def all_runs(config: Config) -> list[RunRecord]:
    """All runs of all experiments, the newest first."""
    with connected(config) as client:
        experiments = [each.experiment_id for each in client.search_experiments()]
        runs, token = [], None
        while True:
            page = client.search_runs(
                experiments, max_results=_PAGE, order_by=["attributes.start_time DESC"], page_token=token
            )
            runs += page
            token = page.token
            if not token:
                return [_past(run) for run in runs]


def _past(run: Any) -> RunRecord:
    info = run.info
    started = datetime.datetime.fromtimestamp(info.start_time / 1000, datetime.UTC)
    seconds = (info.end_time - info.start_time) / 1000 if info.end_time else None
    return RunRecord(
        info.run_id,
        info.run_name,
        info.status,
        f"{started:%Y-%m-%d %H:%M:%S}",
        seconds,
        {name: str(value) for name, value in current_settings(run.data.params, warn=False).items()},
        dict(run.data.tags),
        dict(run.data.metrics),
    )


def _named(runs: Sequence[RunRecord]) -> str:
    more = f", and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return ", ".join(f"{run.short} ({run.name}, {run.started})" for run in runs[:_NAMED]) + more
