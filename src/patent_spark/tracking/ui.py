"""Addresses of pages in MLflow's UI, with the parameter that chooses its part *Model training*."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from patent_spark.config import Config, without_password
from patent_spark.tracking.server import TrackingError, connected, tracking_uri

NOTE = "mlflow.note.content"
"""The tag with the description of a run, in Markdown."""

_PART = "workflowType=machine_learning"
_OF_MLFLOW_UI = "http://127.0.0.1:5000"
"""Where `mlflow ui` listens."""

_BETWEEN, _LINK = " · ", re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


def runs_page(config: Config) -> str:
    """The address of the runs of tracking.experiment; of all experiments when that one is not there."""
    try:
        with connected(config) as client:
            experiment = client.get_experiment_by_name(config.tracking.experiment)
    except TrackingError:
        experiment = None
    path = f"experiments/{experiment.experiment_id}/runs" if experiment else "experiments"
    return f"{_root(config)}/#/{path}?{_PART}"


def comparison_page(config: Config, run_ids: Sequence[str]) -> str:
    """The address of a page with these runs side by side.

    Raises TrackingError for a run that is not there.
    """
    return f"{_root(config)}/{comparison_link(config, run_ids)}"


def comparison_link(config: Config, run_ids: Sequence[str]) -> str:
    """The same, relative to the address of the UI."""
    with connected(config) as client:
        experiments = sorted({client.get_run(run_id).info.experiment_id for run_id in run_ids})
    runs, of_experiments = (json.dumps(ids, separators=(",", ":")) for ids in (list(run_ids), experiments))
    query = f"runs={quote(runs, safe=',')}&experiments={quote(of_experiments, safe=',')}"
    return f"#/compare-runs?{query}&{_PART}"


def artifact_link(experiment_id: str, run_id: str, path: str) -> str:
    """The page of an artifact of a run, relative to the address of the UI."""
    return f"#/experiments/{experiment_id}/runs/{run_id}/artifacts/{quote(path)}?{_PART}"


def ui_lines(config: Config, *addresses: str) -> list[str]:
    """How to open addresses of the UI: where the runs are in a database, it has to be started first."""
    if config.tracking.uri.startswith("http"):
        return [f"MLflow     {address}" for address in addresses]
    command = f"{Path(sys.executable).with_name('mlflow')} ui --backend-store-uri"
    return [f"MLflow UI  {command} {without_password(tracking_uri(config))}"] + [
        f"           then {address}" for address in addresses
    ]


def _root(config: Config) -> str:
    uri = config.tracking.uri
    return without_password(uri).rstrip("/") if uri.startswith("http") else _OF_MLFLOW_UI


def with_links(note: str, links: Mapping[str, str]) -> str:
    """A description whose first line has these links, by title, beside those that it has already.

    They come first because the UI cuts long descriptions.
    """
    first, _, rest = note.partition("\n\n")
    known = dict(_LINK.findall(first)) if first.startswith("[") else {}
    body = rest if known else note
    line = _BETWEEN.join(f"[{title}]({address})" for title, address in {**known, **links}.items())
    return f"{line}\n\n{body}".rstrip()
