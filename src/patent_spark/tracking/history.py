"""Runs that MLflow holds: found by what a person calls them, with all that they logged."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import Config, ConfigError
from patent_spark.config.renamed import current_settings
from patent_spark.tracking.runs import connected

_PAGE = 1000
_NAMED = 8
_SHORT = 8


@dataclass(frozen=True)
class PastRun:
    """A run as it stands."""

    run_id: str
    name: str
    status: str
    started: str
    """UTC."""
    seconds: float | None
    """None while it goes on."""
    settings: dict[str, str]
    tags: dict[str, str]
    figures: dict[str, float]
    """The last value of each metric."""

    @property
    def short(self) -> str:
        """The beginning of its id."""
        return self.run_id[:_SHORT]

    @property
    def task(self) -> str:
        """technology, citation_level, joint, or whatever else it was made for."""
        return self.tags.get("task", "")


def find_run(config: Config, said: str) -> PastRun:
    """The run with this id, beginning of an id, or name; raises ConfigError, which names others, when there is none or more than one."""
    runs = _runs(config)
    exact = [run for run in runs if said in (run.run_id, run.name)]
    found = exact or [run for run in runs if said and run.run_id.startswith(said)]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            f"{said} could be any of {len(found)} runs; give the beginning of an id: {_named(found)}"
        )
    raise ConfigError(
        f"no run in MLflow has an id or a name like {said}; "
        + (f"the newest are: {_named(runs)}" if runs else "there are none")
    )


def curves(config: Config, run: PastRun, names: Sequence[str]) -> dict[str, list[tuple[int, float]]]:
    """The values of metrics by epoch, in order; a metric that the run does not have is left out."""
    found = {}
    for name in names:
        if name in run.figures:
            with connected(config) as client:
                history = client.get_metric_history(run.run_id, name)
            found[name] = sorted({metric.step: metric.value for metric in history}.items())
    return found


def fetch(config: Config, run: PastRun, path: str, folder: Path) -> Path | None:
    """A file of a run, copied below a folder; None when it does not have it."""
    with connected(config) as client:
        if path not in [each.path for each in client.list_artifacts(run.run_id, str(Path(path).parent))]:
            return None
        return Path(client.download_artifacts(run.run_id, path, str(folder)))


def _runs(config: Config) -> list[PastRun]:
    """All runs of all experiments, the newest first."""
    with connected(config) as client:
        experiments = [each.experiment_id for each in client.search_experiments()]
        found, token = [], None
        while True:
            page = client.search_runs(
                experiments, max_results=_PAGE, order_by=["attributes.start_time DESC"], page_token=token
            )
            found += page
            token = page.token
            if not token:
                return [_past(run) for run in found]


def _past(run: Any) -> PastRun:
    info = run.info
    started = datetime.datetime.fromtimestamp(info.start_time / 1000, datetime.UTC)
    seconds = (info.end_time - info.start_time) / 1000 if info.end_time else None
    return PastRun(
        info.run_id,
        info.run_name,
        info.status,
        f"{started:%Y-%m-%d %H:%M:%S}",
        seconds,
        current_settings(run.data.params, warn=False),
        dict(run.data.tags),
        dict(run.data.metrics),
    )


def _named(runs: Sequence[PastRun]) -> str:
    more = f", and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
    return ", ".join(f"{run.short} ({run.name}, {run.started})" for run in runs[:_NAMED]) + more
