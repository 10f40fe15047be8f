"""Registered versions looked up without MLflow, whose import alone takes seconds.

A SQLite database is read as MLflow 3 lays it out, a server by its REST interface. What goes beyond that, and
every failure, is left to MLflow's own client: these functions then raise LookupUnavailable.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SQLITE = "sqlite:///"
_TIMEOUT_S = 10
_DELETED = "Deleted_Internal"
# A server answers the second to the question for an alias that a model does not have.
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_SUPPORTED = {
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
}


class LookupUnavailable(Exception):
    """MLflow's client has to be asked."""


@dataclass(frozen=True)
class Version:
    """A registered version of a model."""

    name: str
    number: str
    run_id: str
    tags: dict[str, str]
    source: str = ""
    """The address of its files."""

    @property
    def address(self) -> str:
        """Its URI in MLflow."""
        return f"models:/{self.name}/{self.number}"


def aliased_version(uri: str, name: str, alias: str) -> Version | None:
    """The version of a model with an alias, or None without one. uri: of the server or database."""
    if uri.startswith(_SQLITE):
        with _database(uri) as database:
            return _aliased_row(database, name, alias)
    return _get(uri, "registered-models/alias", name=name, alias=alias)


def numbered_version(uri: str, name: str, number: str) -> Version | None:
    """The version of a model with a number, or None without one."""
    if uri.startswith(_SQLITE):
        with _database(uri) as database:
            return _row(database, name, int(number)) if database else None
    return _get(uri, "model-versions/get", name=name, version=number)


@contextmanager
def _database(uri: str) -> Iterator[sqlite3.Connection | None]:
    """The database, to read; None when there is no such file."""
    path = Path(uri.removeprefix(_SQLITE))
    if "?" in uri:
        raise LookupUnavailable(uri)
    if not path.exists():
        yield None
        return
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_TIMEOUT_S)) as database:
            yield database
    except sqlite3.Error as error:
        raise LookupUnavailable(str(error)) from error


def _aliased_row(database: sqlite3.Connection | None, name: str, alias: str) -> Version | None:
    if database is None:
        return None
    query = (
        "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ? AND workspace = 'default'"
    )
    row = database.execute(query, (name, alias)).fetchone()
    return _row(database, name, row[0]) if row else None


def _row(database: sqlite3.Connection, name: str, number: int) -> Version | None:
    where = "WHERE name = ? AND version = ? AND workspace = 'default'"
    row = database.execute(
        f"SELECT run_id, coalesce(storage_location, source), current_stage FROM model_versions {where}",
        (name, number),
    ).fetchone()
    if row is None or row[2] == _DELETED:
        return None
    tags = database.execute(f"SELECT key, value FROM model_version_tags {where}", (name, number)).fetchall()
    return Version(name, str(number), row[0] or "", dict(tags), row[1] or "")


def _get(uri: str, resource: str, **query: str) -> Version | None:
    if not uri.startswith(("http://", "https://")) or _unsupported_environment():
        raise LookupUnavailable(uri)
    address = f"{uri.rstrip('/')}/api/2.0/mlflow/{resource}?{urllib.parse.urlencode(query)}"
    request = urllib.request.Request(address, headers=_authorization())
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            return _version(json.load(response)["model_version"])
    except urllib.error.HTTPError as error:
        if _error_code(error) in _ABSENT:
            return None
        raise LookupUnavailable(str(error)) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LookupUnavailable(str(error)) from error


def _version(values: dict[str, Any]) -> Version:
    tags = {tag["key"]: tag.get("value", "") for tag in values.get("tags", [])}
    return Version(
        values["name"], str(values["version"]), values.get("run_id", ""), tags, values.get("source", "")
    )


def _error_code(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["error_code"])
    except (ValueError, KeyError, TypeError, OSError):
        return ""


def _unsupported_environment() -> bool:
    """Whether the environment asks for something of a connection that only MLflow's client knows."""
    names = {name for name, value in os.environ.items() if value and name.startswith("MLFLOW_TRACKING_")}
    return bool(names - _SUPPORTED) or (Path.home() / ".mlflow" / "credentials").exists()


def _authorization() -> dict[str, str]:
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    if user and password:
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}
