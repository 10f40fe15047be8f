"""One MLflow run per training, whatever the number of ranks.

The driver creates the run. Rank 0 attaches to it by id and logs. The evaluation attaches later and adds its
report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patent_spark.config import Config, shown
from patent_spark.core.errors import StoppedError
from patent_spark.core.log_lines import current_run_id
from patent_spark.core.progress import log, say
from patent_spark.tracking.models import MODEL, UNCALIBRATED_MODEL, log_keras_model
from patent_spark.tracking.server import (
    TrackingError,
    connected,
    experiment_id,
    open_client,
    require_answer,
    tracking_errors,
    tracking_uri,
)
from patent_spark.tracking.system_metrics import metric_entries, system_metrics
from patent_spark.tracking.ui import NOTE, artifact_link, with_links

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient
    from mlflow.entities import DatasetInput, Metric
    from mlflow.entities import Run as MlflowRun
    from numpy.typing import NDArray

__all__ = [
    "MODEL",
    "UNCALIBRATED_MODEL",
    "Run",
    "TrackingError",
    "attach",
    "connected",
    "create_run",
    "ending",
    "parent_run",
    "reopen_run",
    "require_answer",
    "tracking_uri",
]

REPORT_PAGE = "report.html"
"""The page in the folder of a report."""

# Limits of MLflow.
_PARAMS_A_CALL, _METRICS_A_CALL = 100, 1000

# Names of runs: MLflow shows them elsewhere, and two runs are not compared by them; nor by their logs.
_NOT_PARAMS = ("tracking.run_name", "tracking.parent_run", "logging.format")


class Run:
    """One MLflow run; any process can attach to it by its id."""

    def __init__(self, client: MlflowClient, uri: str, run_id: str) -> None:
        self._client, self.uri, self.run_id = client, uri, run_id
        self._sent: set[int] = set()
        self._complete = False
        """Whether `_sent` holds all epochs of the run."""

    def log_epochs(self, history: Sequence[Mapping[str, float]]) -> list[int]:
        """Send the epochs (`epoch`, from 1, and metrics) that the run lacks; returns those still missing.

        An unreachable server is logged, not raised: pass the whole history again at the next epoch.
        """
        try:
            # An earlier attempt may have sent some, and a call that failed may still have arrived.
            if not self._complete:
                with tracking_errors(self.uri):
                    history_there = self._client.get_metric_history(self.run_id, "train_loss")
                self._sent |= {metric.step for metric in history_there}
                self._complete = True
            for epoch in history:
                if epoch["epoch"] not in self._sent:
                    self.log_metrics(
                        {name: value for name, value in epoch.items() if name != "epoch"}, int(epoch["epoch"])
                    )
                    self._sent.add(int(epoch["epoch"]))
        except TrackingError as error:
            self._complete = False
            log.warning("%s; metrics of epochs are buffered", error)
        return [int(epoch["epoch"]) for epoch in history if epoch["epoch"] not in self._sent]

    def machine_watched(self) -> AbstractContextManager[None]:
        """Log metrics of this machine, as `system/...`, while the block runs."""
        return system_metrics(self.run_id, self.uri, self._send)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log metrics of the whole run. step: what MLflow plots them against, such as a test year."""
        self._send(metric_entries(metrics, step))

    def tag(self, name: str, value: str) -> None:
        """Set a tag, by which runs can be searched."""
        with tracking_errors(self.uri):
            self._client.set_tag(self.run_id, name, value)

    def adopt(self, run_ids: Iterable[str | None]) -> None:
        """Nest other runs under this one, earlier ones too. Failures are logged, not raised."""
        try:
            with tracking_errors(self.uri):
                for run_id in filter(None, run_ids):
                    self._client.set_tag(run_id, "mlflow.parentRunId", self.run_id)
        except TrackingError as error:
            say(f"  could not nest earlier runs under run {self.run_id}: {error}")

    def log_model(
        self,
        model: keras.Model,
        inputs: Mapping[str, NDArray[Any]],
        name: str,
        metadata: Mapping[str, object],
    ) -> None:
        """Log the Keras model with its signature. MLflow returns the latest of several with one name.

        inputs: an example of each input, by its name. metadata: kept with the model for whoever loads it.
        """
        with tracking_errors(self.uri):
            log_keras_model(self._client, self.run_id, model, inputs, name, metadata)

    def log_texts(self, folder: Path, name: str) -> None:
        """Log the JSON and text files of a folder, such as MODEL/<task>, into a folder of the run."""
        for path in sorted(folder.iterdir()):
            if path.suffix in (".json", ".txt"):
                self.log_file(path, name)

    def log_report(self, folder: Path, name: str = "report") -> None:
        """Log a folder of files, such as the report and its plots; the description links to report.html."""
        with tracking_errors(self.uri):
            self._client.log_artifacts(self.run_id, str(folder), name)
        if (folder / REPORT_PAGE).exists():
            self.link_artifact("evaluation report" if name == "report" else name, f"{name}/{REPORT_PAGE}")

    def link_artifact(self, title: str, path: str) -> None:
        """Link to an artifact in the description of the run."""
        with tracking_errors(self.uri):
            run = self._client.get_run(self.run_id)
            self._add_links(run, {title: artifact_link(run.info.experiment_id, self.run_id, path)})

    def add_links(self, links: Mapping[str, str]) -> None:
        """Put links, by title, into the description of the run; those of the same title are replaced."""
        with tracking_errors(self.uri):
            self._add_links(self._client.get_run(self.run_id), links)

    def _add_links(self, run: MlflowRun, links: Mapping[str, str]) -> None:
        self._client.set_tag(self.run_id, NOTE, with_links(run.data.tags.get(NOTE, ""), links))

    def log_datasets(self, datasets: Sequence[DatasetInput]) -> None:
        """Name data sets as inputs of the run; see tracking/datasets.py."""
        if datasets:
            with tracking_errors(self.uri):
                self._client.log_inputs(self.run_id, list(datasets))

    def log_file(self, path: Path, folder: str) -> None:
        """Log a file into a folder of the run."""
        with tracking_errors(self.uri):
            self._client.log_artifact(self.run_id, str(path), folder)

    def end(self, status: str = "FINISHED") -> None:
        """Close the run as FINISHED, FAILED or KILLED. Failures are logged, not raised."""
        try:
            with tracking_errors(self.uri):
                self._client.set_terminated(self.run_id, status)
        except TrackingError as error:
            say(f"  {error}; run {self.run_id} stays open")

    def _send(self, entries: list[Metric]) -> None:
        """Send metrics in order and remove from the list what has arrived."""
        with tracking_errors(self.uri):
            while entries:
                self._client.log_batch(self.run_id, metrics=entries[:_METRICS_A_CALL])
                del entries[:_METRICS_A_CALL]


def create_run(config: Config, task: str, tags: Mapping[str, str]) -> Run:
    """A new run with the whole configuration as parameters; raises TrackingError without an answer."""
    uri = tracking_uri(config)
    client = open_client(uri)
    from mlflow.entities import Param, RunTag

    own = config.tracking.run_name
    name = f"{own} {task}" if own else f"{task} {tags.get('release_id', '')}"
    with tracking_errors(uri):
        run_id = client.create_run(experiment_id(config, client), run_name=name.strip()).info.run_id
        params = [Param(name, value) for name, value in shown(config).items() if name not in _NOT_PARAMS]
        for start in range(0, len(params), _PARAMS_A_CALL):
            client.log_batch(run_id, params=params[start : start + _PARAMS_A_CALL])
        all_tags = {"task": task, "log_run_id": current_run_id(), **_about(config), **tags}
        client.log_batch(run_id, tags=[RunTag(name, str(value)) for name, value in all_tags.items()])
    return Run(client, uri, run_id)


@contextmanager
def ending(run: Run) -> Iterator[Run]:
    """End the run with the block: FINISHED, KILLED (stopped) or FAILED."""
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except (KeyboardInterrupt, StoppedError):
        status = "KILLED"
        raise
    finally:
        run.end(status)


@contextmanager
def parent_run(config: Config, kind: str, tags: Mapping[str, str]) -> Iterator[Run]:
    """A run under which others are nested. It ends with the block."""
    with ending(create_run(config, kind, tags)) as run:
        yield run


def attach(config: Config, run_id: str) -> Run:
    """A run that another process created; raises TrackingError when there is none."""
    with connected(config) as client:
        client.get_run(run_id)
    return Run(client, tracking_uri(config), run_id)


def reopen_run(config: Config, run_id: str) -> Run:
    """A run that has ended, to go on with; raises TrackingError when there is none."""
    run = attach(config, run_id)
    with connected(config) as client:
        client.update_run(run_id, "RUNNING")
    return run


def _changed_settings(config: Config) -> list[str]:
    defaults, left_out = shown(Config()), ("warehouse.", "tracking.", "logging.")
    return [
        f"`{name}` {value}"
        for name, value in shown(config).items()
        if value != defaults[name] and not name.startswith(left_out)
    ]


def _about(config: Config) -> dict[str, str]:
    """System tags of a run: its author, its parent, and a note of the settings that are not at their
    default."""
    from mlflow.tracking.context.git_context import GitRunContext
    from mlflow.tracking.context.registry import resolve_tags

    settings = ", ".join(_changed_settings(config)) or "none"
    about = {
        "mlflow.source.name": "patent-spark",
        NOTE: f"Settings that are not at their default: {settings}",
    }
    nested = {"mlflow.parentRunId": config.tracking.parent_run} if config.tracking.parent_run else {}
    # No git context: it is that of the working directory, and its remote URL can hold a password.
    return dict(resolve_tags(about | nested, ignore=[GitRunContext]))
