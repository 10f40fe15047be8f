"""The records of the document WAREHOUSE_STATUS: what `patent-spark status` shows."""

from __future__ import annotations

import datetime

from patent_spark.core.metadata import Record
from patent_spark.refresh.report_schema import RefreshStatus


class Champion(Record):
    """The champion of a model."""

    model: str
    address: str | None
    """models:/<name>/<number>; None: there is none."""
    release_id: str = ""
    promoted_at: str = ""
    """UTC, ISO 8601; empty: it was promoted by an older version of patent_spark, or by hand."""


class StageState(Record):
    """The version of a stage that readers see."""

    stage: str
    version: str
    created: str
    """UTC, ISO 8601."""
    release_id: str
    tables: dict[str, dict[str, int]]
    """Rows, files and bytes of each table."""
    bytes: int
    """Of all files of the version."""
    kept_versions: int
    """Versions on the disk, this one included."""


class NextCall(Record):
    """What `patent-spark refresh` would do now."""

    release_id: str = ""
    new: bool = False
    """Whether the newest release would be worked on."""
    fetches: bool = False
    """Whether its files would be downloaded."""
    runs: tuple[str, ...] = ()
    """Stages that would run."""
    reuses: tuple[str, ...] = ()
    """Stages that would be skipped."""
    problem: str = ""
    """Why it is not known: no source, no key, no answer."""


class WarehouseStatus(Record):
    """The state of a warehouse."""

    root: str
    release_id: str
    """The release that readers see; empty before the first one."""
    data_to_date: datetime.date | None
    refresh: RefreshStatus
    worker: dict[str, str]
    """Process, host and beginning of the refresh that is at work; empty: there is none."""
    champions: tuple[Champion, ...]
    champions_problem: str
    """Why the champions are not known: MLflow does not answer."""
    stages: tuple[StageState, ...]
    candidates: dict[str, str]
    """Versions of a refresh that is not published."""
    bytes: int
    """Of all versions of all stages."""
    next_call: NextCall
