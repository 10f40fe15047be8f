"""The status file of a warehouse's refresh, and the history of its refreshes."""

from __future__ import annotations

import datetime
from pathlib import Path

from pydantic import ValidationError

from patent_spark.core.files import write_json
from patent_spark.refresh.report_schema import RefreshRecord, RefreshStatus

_STATUS, _HISTORY = "status.json", "history"


def folder_of(root: Path) -> Path:
    """The folder of what a warehouse's refreshes leave beside the tables."""
    return root / "refresh"


def utc_now() -> str:
    """ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def read_status(root: Path) -> RefreshStatus:
    """The status file; an empty status before the first refresh, or after one of another version."""
    try:
        return RefreshStatus.model_validate_json((folder_of(root) / _STATUS).read_bytes())
    except (FileNotFoundError, ValidationError):
        return RefreshStatus(checked="")


def write_status(root: Path, status: RefreshStatus) -> None:
    """Write the status file, and the record of the last refresh into the history."""
    folder = folder_of(root)
    (folder / _HISTORY).mkdir(parents=True, exist_ok=True)
    if status.last is not None:
        name = status.last.started.replace(":", "").replace("+0000", "Z") + "-" + status.last.fingerprint
        write_json(folder / _HISTORY / f"{name}.json", status.last.to_json())
    write_json(folder / _STATUS, status.to_json())


def read_history(root: Path) -> list[RefreshRecord]:
    """All refreshes that left a record, the newest first."""
    files = sorted((folder_of(root) / _HISTORY).glob("*.json"), reverse=True)
    return [RefreshRecord.model_validate_json(file.read_bytes()) for file in files]
