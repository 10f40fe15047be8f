"""The status file of a warehouse's refresh, and the history of its refreshes."""

from __future__ import annotations

import datetime

from pydantic import ValidationError

from patent_spark.core.files import json_text
from patent_spark.core.storage import ControlFiles
from patent_spark.refresh.report_schema import RefreshRecord, RefreshStatus

FOLDER = "refresh"
"""The folder of what a warehouse's refreshes leave beside the tables."""
_STATUS, _HISTORY = f"{FOLDER}/status.json", f"{FOLDER}/history"


def utc_now() -> str:
    """ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def read_status(files: ControlFiles) -> RefreshStatus:
    """The status file; an empty status before the first refresh, or after one of another version."""
    file = files.read(_STATUS)
    try:
        return RefreshStatus.model_validate_json(file.text) if file else RefreshStatus(checked="")
    except ValidationError:
        return RefreshStatus(checked="")


def write_status(files: ControlFiles, status: RefreshStatus) -> None:
    """Write the status file, and the record of the last refresh into the history."""
    if status.last is not None:
        name = status.last.started.replace(":", "").replace("+0000", "Z") + "-" + status.last.fingerprint
        files.write(f"{_HISTORY}/{name}.json", json_text(status.last.to_json()))
    files.write(_STATUS, json_text(status.to_json()))


def read_history(files: ControlFiles, newest: int | None = None) -> list[RefreshRecord]:
    """The refreshes that left a record, the newest first; all, or so many of them."""
    names = [name for name in reversed(files.names(_HISTORY)) if name.endswith(".json")]
    records = [files.read(f"{_HISTORY}/{name}") for name in names[:newest]]
    return [RefreshRecord.model_validate_json(record.text) for record in records if record]
