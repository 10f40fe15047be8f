"""The only importer of MLflow: one run per training, whatever the number of ranks.

The driver creates the run, rank 0 attaches to it by id and logs, the evaluation attaches later and adds its report.
Without `tracking.uri` runs live in SQLite under <warehouse.root>/mlflow, their files beside it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from patent_spark.config import Config, shown, without_password
from patent_spark.core.errors import StoppedError, WorkError
from patent_spark.core.progress import log, say

if TYPE_CHECKING:
    import keras
    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities import Metric

_QUIET = {
    "MLFLOW_CONFIGURE_LOGGING": "false",  # its messages go where all others go: into the log file
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # MLflow's own 7 make a person wait for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}
_PARAMS_A_CALL, _METRICS_A_CALL = 100, 1000  # MLflow's limits
_SHOWN_ELSEWHERE = (
    "tracking.run_name",
    "tracking.parent_run",
)  # and no part of what two runs are compared by
_LONGEST_WAIT = 32  # in intervals between two figures of the machine, while nobody takes them

MODEL, UNCALIBRATED_MODEL = "model", "uncalibrated_model"
"""A run's model: what `evaluate` calibrated, under the name that everybody asks for; and before that, as the training left it."""


class TrackingError(WorkError):
    """The tracking server does not answer or refuses; the message names it. Exit code 1."""


class Run:
    """One MLflow run; any process can attach to it by its id."""

    def __init__(self, client: MlflowClient, uri: str, run_id: str) -> None:
        self._client, self.uri, self.run_id = client, uri, run_id
        self._sent: set[int] = set()
        self._sure = False
        """Whether these are all the epochs that the run has."""

    def log_epochs(self, history: Sequence[Mapping[str, float]]) -> list[int]:
        """Send the metrics of those epochs (`epoch`, from 1, and the metrics) that the run has not got; returns the ones it still lacks.

        A server that is away does not end the training: give the whole history again at the next epoch.
        """
        try:
            if (
                not self._sure
            ):  # an earlier attempt sent some, or a call without an answer arrived all the same
                with _errors(self.uri):
                    self._sent |= {
                        metric.step for metric in self._client.get_metric_history(self.run_id, "train_loss")
                    }
                self._sure = True
            for epoch in history:
                if epoch["epoch"] not in self._sent:
                    self.log_metrics(
                        {name: value for name, value in epoch.items() if name != "epoch"}, int(epoch["epoch"])
                    )
                    self._sent.add(int(epoch["epoch"]))
        except TrackingError as error:
            self._sure = False
            log.warning("%s; metrics of epochs wait to be sent", error)
        return [int(epoch["epoch"]) for epoch in history if epoch["epoch"] not in self._sent]

    @contextmanager
    def machine_watched(self) -> Iterator[None]:
        """Processor, memory, disk, network and (with pynvml) GPUs of this machine go into the run every ten seconds, as `system/...`."""
        over = threading.Event()
        threading.Thread(target=self._watch_machine, args=(over,), daemon=True).start()
        try:
            yield
        finally:
            over.set()  # nobody waits for the thread: its server may be silent

    def _watch_machine(self, over: threading.Event) -> None:
        """MLflow's own thread gives up at the first error; this one tries less and less often, and sends what has waited meanwhile."""
        from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

        machine = SystemMetricsMonitor(self.run_id, resume_logging=True, tracking_uri=self.uri)
        step, waiting, wait = machine._logging_step, list["Metric"](), 1
        while not over.wait(machine.sampling_interval * wait):
            machine.collect_metrics()
            waiting += _entries(
                {f"system/{name}": value for name, value in machine.aggregate_metrics().items()}, step
            )
            for monitor in machine.monitors:
                monitor.clear_metrics()
            step += 1
            try:
                self._send(waiting)
                wait = 1
            except TrackingError as error:
                if wait == 1:
                    log.warning("%s; figures of the machine wait to be sent", error)
                wait = min(2 * wait, _LONGEST_WAIT)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Metrics of the whole run, such as those of the test splits; `step` is what they are plotted against, such as a test year."""
        self._send(_entries(metrics, step))

    def tag(self, name: str, value: str) -> None:
        """A word about the run, to search runs by."""
        with _errors(self.uri):
            self._client.set_tag(self.run_id, name, value)

    def adopt(self, run_ids: Iterable[str | None]) -> None:
        """Show other runs under this one, those of trainings that were done before it too. What could not be done is said, never raised."""
        try:
            with _errors(self.uri):
                for run_id in filter(None, run_ids):
                    self._client.set_tag(run_id, "mlflow.parentRunId", self.run_id)
        except TrackingError as error:
            say(f"  an earlier run is not shown under run {self.run_id}: {error}")

    def log_model(self, model: keras.Model, tokens: np.ndarray, name: str, about: Mapping[str, Any]) -> None:
        """The Keras model under a name, with its signature and `tokens` as input example; of several of one name, MLflow gives the last.

        tokens: int32 [n, max_tokens]. about: what whoever loads it must know, kept as its metadata.
        """
        import keras
        import mlflow.tensorflow  # not mlflow.keras: 3.17 cannot save an input example with it
        import tensorflow
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model, infer_signature

        signature = infer_signature(tokens, model(tokens, training=False).numpy())
        # Named requirements: MLflow would load the model in a second process to find them.
        needs = [f"tensorflow=={tensorflow.__version__}", f"keras=={keras.__version__}"]
        # The steps of mlflow.tensorflow.log_model, which would open a run that has ended, and close it at another time.
        with _errors(self.uri), TemporaryDirectory() as scratch:
            experiment = self._client.get_run(self.run_id).info.experiment_id
            made = self._client.create_logged_model(experiment, name=name, source_run_id=self.run_id)
            kept, folder = (
                Model(run_id=self.run_id, model_id=made.model_id, metadata=dict(about)),
                f"{scratch}/{name}",
            )
            mlflow.tensorflow.save_model(
                model,
                folder,
                mlflow_model=kept,
                signature=signature,
                input_example=tokens,
                pip_requirements=needs,
            )
            self._client.log_model_artifacts(made.model_id, folder)
            self._client.log_outputs(self.run_id, [LoggedModelOutput(made.model_id, step=0)])
            self._client.finalize_logged_model(made.model_id, "READY")

    def log_texts(self, folder: Path, name: str) -> None:
        """The text files of a folder, such as vocabulary, labels and history in MODEL/<task>, into a folder of the run's."""
        for path in sorted(folder.iterdir()):
            if path.suffix in (".json", ".txt"):
                self.log_file(path, name)

    def log_report(self, folder: Path, name: str = "report") -> None:
        """A folder of files, such as the report and its figures, under a name."""
        with _errors(self.uri):
            self._client.log_artifacts(self.run_id, str(folder), name)

    def log_file(self, path: Path, folder: str) -> None:
        """A file into a folder of the run's."""
        with _errors(self.uri):
            self._client.log_artifact(self.run_id, str(path), folder)

    def end(self, status: str = "FINISHED") -> None:
        """Close the run: FINISHED, FAILED or KILLED. What could not be sent is said, never raised."""
        try:
            with _errors(self.uri):
                self._client.set_terminated(self.run_id, status)
        except TrackingError as error:
            say(f"  {error}; run {self.run_id} stays open there")

    def _send(self, entries: list[Metric]) -> None:
        """Send them in order; what has arrived is no longer in the list."""
        with _errors(self.uri):
            while entries:
                self._client.log_batch(self.run_id, metrics=entries[:_METRICS_A_CALL])
                del entries[:_METRICS_A_CALL]


def _entries(metrics: Mapping[str, float], step: int) -> list[Metric]:
    """As MLflow takes them, with the time that it is now."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in metrics.items()]


def write_mlmodel(folder: Path, loader: str, column: str) -> None:
    """The file that lets MLflow load a folder as a model; loader: the module that does it; column: of strings, what the model is asked about."""
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    model = Model(signature=ModelSignature(inputs=Schema([ColSpec("string", column)])))
    pyfunc.add_to_model(model, loader_module=loader)
    model.save(str(folder / "MLmodel"))


def tracking_uri(config: Config) -> str:
    """tracking.uri, or the SQLite database in the warehouse."""
    return config.tracking.uri or f"sqlite:///{_home(config)}/mlflow.db"


def require_answer(config: Config) -> None:
    """Raises TrackingError, within seconds, when nobody answers at tracking.uri: better now than after an hour of work."""
    with connected(config) as client:
        client.search_experiments(max_results=1)


@contextmanager
def connected(config: Config) -> Iterator[MlflowClient]:
    """A client of the server; whatever it raises meanwhile is a TrackingError."""
    uri = tracking_uri(config)
    client = _client(uri)
    with _errors(uri):
        yield client


def create_run(config: Config, task: str, tags: Mapping[str, str]) -> Run:
    """A new run with the whole resolved configuration as parameters.

    Raises TrackingError when the server does not answer, after seconds, before any work is done.
    """
    uri = tracking_uri(config)
    client = _client(uri)
    from mlflow.entities import Param, RunTag

    name = (
        f"{config.tracking.run_name} {task}"
        if config.tracking.run_name
        else f"{task} {tags.get('release_id', '')}"
    )
    with _errors(uri):
        run_id = client.create_run(_experiment(config, client), run_name=name.strip()).info.run_id
        params = [Param(name, value) for name, value in shown(config).items() if name not in _SHOWN_ELSEWHERE]
        for start in range(0, len(params), _PARAMS_A_CALL):
            client.log_batch(run_id, params=params[start : start + _PARAMS_A_CALL])
        client.log_batch(
            run_id,
            tags=[
                RunTag(name, str(value)) for name, value in {"task": task, **_about(config), **tags}.items()
            ],
        )
    return Run(client, uri, run_id)


@contextmanager
def parent_run(config: Config, kind: str, tags: Mapping[str, str]) -> Iterator[Run]:
    """A run for others to be nested under, which ends with the work: FINISHED, KILLED when it was stopped, else FAILED."""
    run, status = create_run(config, kind, tags), "FAILED"
    try:
        yield run
        status = "FINISHED"
    except (KeyboardInterrupt, StoppedError):
        status = "KILLED"
        raise
    finally:
        run.end(status)


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


def _about(config: Config) -> dict[str, str]:
    """What MLflow's pages say of a run: who made it, what it is nested under, and, of a hundred settings and more, those that were set."""
    from mlflow.tracking.context.git_context import GitRunContext
    from mlflow.tracking.context.registry import resolve_tags

    defaults, left_out = shown(Config()), ("warehouse.", "tracking.")
    settings = [
        f"`{name}` {value}"
        for name, value in shown(config).items()
        if value != defaults[name] and not name.startswith(left_out)
    ]
    about = {
        "mlflow.source.name": "patent-spark",
        "mlflow.note.content": f"Settings that are not at their default: {', '.join(settings) or 'none'}",
    }
    nested = {"mlflow.parentRunId": config.tracking.parent_run} if config.tracking.parent_run else {}
    return dict(
        resolve_tags(about | nested, ignore=[GitRunContext])
    )  # of the working directory, and its address can hold a password


def _home(config: Config) -> Path:
    return Path(config.warehouse.root).absolute() / "mlflow"


def _client(uri: str) -> MlflowClient:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    with _errors(uri):
        return MlflowClient(tracking_uri=uri)


def _experiment(config: Config, client: MlflowClient) -> str:
    """The id of tracking.experiment, made at its first use."""
    found = client.get_experiment_by_name(config.tracking.experiment)
    if found is not None:
        return str(found.experiment_id)
    place: Any = None if config.tracking.uri else (_home(config) / "artifacts").as_uri()
    return str(client.create_experiment(config.tracking.experiment, artifact_location=place))


@contextmanager
def _errors(uri: str) -> Iterator[None]:
    """Whatever goes wrong as one TrackingError that names the server: each store has errors of its own, of database, network or missing driver."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except Exception as error:
        kind = (
            "" if isinstance(error, MlflowException | OSError) else f"{type(error).__name__}: "
        )  # others may say as little as a name
        reason = " ".join(f"{kind}{error}".split())
        raise TrackingError(
            without_password(f"MLflow at tracking.uri = {uri} did not answer as it should: {reason[:400]}")
        ) from error
