"""Where the work is done and kept: warehouse, engine, tracking, logs."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from patent_spark.config.setting_types import STRICT, Count, Directory, Positive, String, setting


@dataclass(frozen=True, config=STRICT)
class Warehouse:
    """Where tables live."""

    root: Directory = setting(
        "warehouse", "directory of all tables; on a cluster one that the driver and all executors see"
    )
    keep_versions: Positive = setting(2, "published versions of a stage that are kept")


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
