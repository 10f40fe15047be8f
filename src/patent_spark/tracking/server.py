"""The MLflow server or database: its address, a client for it, and its errors.

Without `tracking.uri` runs live in SQLite under <warehouse.root>/mlflow, their files beside it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from patent_spark.config import Config, ConfigError, without_password
from patent_spark.core.errors import WorkError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_ENVIRONMENT = {
    # MLflow's messages go where all others go: into the log file.
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # MLflow's default of 7 retries takes minutes to fail.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
    # The requirements of a model are given explicitly, not inferred from the working directory.
    "MLFLOW_UV_AUTO_DETECT": "false",
}
_SQLITE = "sqlite:///"


class TrackingError(WorkError):
    """The tracking server does not answer or refuses; the message names it. Exit code 1."""


def tracking_uri(config: Config) -> str:
    """tracking.uri, or the address of the SQLite database in the warehouse.

    Raises ConfigError for a warehouse in a bucket, where a database cannot be, without tracking.uri.
    """
    if config.warehouse.in_bucket and not config.tracking.uri:
        raise ConfigError(
            f"tracking.uri is empty, and warehouse.root = {config.warehouse.root} is a bucket, which cannot "
            "hold MLflow's database; set tracking.uri to an MLflow server, or to sqlite:///<file> on a disk "
            "that stays",
            setting="tracking.uri",
        )
    return config.tracking.uri or f"{_SQLITE}{_home(config)}/mlflow.db"


def has_runs(config: Config) -> bool:
    """Whether there can be any run: false before the warehouse's own database was made."""
    return bool(config.tracking.uri) or (_home(config) / "mlflow.db").exists()


def require_answer(config: Config) -> None:
    """Raises TrackingError within seconds if the server does not answer, before any work starts."""
    with connected(config) as client:
        client.search_experiments(max_results=1)


@contextmanager
def connected(config: Config) -> Iterator[MlflowClient]:
    """A client of the server. Every exception inside the block becomes a TrackingError."""
    uri = tracking_uri(config)
    client = open_client(uri)
    with tracking_errors(uri):
        yield client


def open_client(uri: str) -> MlflowClient:
    """A client of the server or database at `uri`; creates a new SQLite database. Raises TrackingError."""
    open_environment()
    from mlflow import MlflowClient

    if not uri.startswith(_SQLITE):
        with tracking_errors(uri):
            return MlflowClient(tracking_uri=uri)
    database = Path(uri.removeprefix(_SQLITE))
    database.parent.mkdir(parents=True, exist_ok=True)
    with _locked(database), tracking_errors(uri):
        client = MlflowClient(tracking_uri=uri)
        client.search_experiments(max_results=1)
        return client


def open_environment() -> None:
    """Set MLflow's environment variables that the user did not set; to be called before its first import."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def experiment_id(config: Config, client: MlflowClient) -> str:
    """The id of tracking.experiment. Creates it at its first use, and restores it if it was deleted."""
    name, uri = config.tracking.experiment, tracking_uri(config)
    if not uri.startswith(_SQLITE):
        return _experiment_id(config, client, name)
    with _locked(Path(uri.removeprefix(_SQLITE))):
        return _experiment_id(config, client, name)


def _experiment_id(config: Config, client: MlflowClient, name: str) -> str:
    known = client.get_experiment_by_name(name)
    if known is None:
        artifacts = None if config.tracking.uri else (_home(config) / "artifacts").as_uri()
        return str(client.create_experiment(name, artifact_location=artifacts))
    if known.lifecycle_stage == "deleted":
        client.restore_experiment(known.experiment_id)
    return str(known.experiment_id)


@contextmanager
def _locked(database: Path) -> Iterator[None]:
    """One process at a time: MLflow fails if two create the tables, or an experiment, of one database."""
    with database.with_name(f"{database.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _home(config: Config) -> Path:
    return config.warehouse.folder.absolute() / "mlflow"


@contextmanager
def tracking_errors(uri: str) -> Iterator[None]:
    """Turn every exception, of a database, a network or a missing driver, into a TrackingError."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except Exception as error:
        # The message of other classes can be as short as a name, so their class is shown too.
        kind = "" if isinstance(error, MlflowException | OSError) else f"{type(error).__name__}: "
        reason = " ".join(f"{kind}{error}".split())
        shown = without_password(uri)
        raise TrackingError(
            without_password(f"MLflow at tracking.uri = {uri} failed: {reason[:400]}"),
            setting="tracking.uri",
            uri=shown,
        ) from error
