"""Where the work is done and kept: warehouse, engine, tracking, logs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from patent_spark.config.paths import copies_of, is_bucket
from patent_spark.config.setting_types import STRICT, Count, Directory, Positive, Real, String, setting


@dataclass(frozen=True, config=STRICT)
class Warehouse:
    """Where tables live."""

    root: Directory = setting(
        "warehouse",
        "directory of all tables, on a cluster one that the driver and all executors see; or "
        "s3://bucket/prefix (docs/object-storage.md)",
    )
    keep_versions: Positive = setting(2, "published versions of a stage that are kept")
    endpoint: String = setting(
        "", "address of the server of a bucket that is not AWS's; empty: AWS_ENDPOINT_URL, else AWS"
    )
    cache_dir: Directory = setting(
        "", "folder of this machine's copies of a bucket; empty: patent_spark in XDG_CACHE_HOME or ~/.cache"
    )
    lease_seconds: Positive = setting(
        60, "in a bucket, the lock of a process that does not renew it is taken over after this time"
    )
    reader_hours: Real = setting(
        24.0, "in a bucket, old versions stay this long after the last pointer to them, for who reads them"
    )

    @property
    def in_bucket(self) -> bool:
        """Whether the root is a bucket and not a directory."""
        return is_bucket(self.root)

    @property
    def folder(self) -> Path:
        """The root on this machine: the directory itself, or that of the copies of a bucket."""
        return copies_of(self.root, self.cache_dir) if self.in_bucket else Path(self.root)


@dataclass(frozen=True, config=STRICT)
class Engine:
    """Which DataFrame engine runs the Spark stages; tables come out the same on each."""

    name: Literal["auto", "sail", "spark"] = setting(
        "auto",
        "sail: embedded, no Java | spark: the session of spark-submit, else of SPARK_REMOTE, else local | "
        "auto: spark under spark-submit, else sail",
    )
    memory: String = setting("4g", "driver memory of local Spark; under spark-submit its own option decides")
    shuffle_partitions: Count = setting(
        0, "partitions after a shuffle; 0 = the engine's own choice (local Spark: 8)"
    )


@dataclass(frozen=True, config=STRICT)
class Tracking:
    """Where runs and models are kept."""

    uri: String = setting("", "MLflow tracking server or database; empty: SQLite in <warehouse.root>/mlflow")
    experiment: String = setting("patent_spark", "MLflow experiment")
    run_name: String = setting("", "run name in MLflow, before the task; empty: task and release")
    parent_run: String = setting("", "id of the parent MLflow run; set by sweeps and back-tests")


@dataclass(frozen=True, config=STRICT)
class Logging:
    """What is said while a command works, on stderr and in <warehouse.root>/logs."""

    format: Literal["text", "json"] = setting(
        "text",
        "text: for people | json: one JSON object a line, with command, stage, run and release, for a log "
        "collector",
    )
