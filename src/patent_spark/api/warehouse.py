"""A warehouse to read: tables as data frames, metrics, audit, runs of MLflow, word vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patent_spark.config import TASKS, Config, load_config
from patent_spark.core.errors import DataError
from patent_spark.core.objects.spark_settings import spark_settings
from patent_spark.core.schemas import STAGE_OF, TABLES
from patent_spark.core.store import open_store
from patent_spark.metrics.report_schema import Metrics, read_metrics

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from patent_spark.api.model import Model
    from patent_spark.core.manifest import Manifest
    from patent_spark.core.word_vectors import WordVectors
    from patent_spark.stages.audit.report_schema import Audit

_YAML = (".yaml", ".yml")


def open_warehouse(source: str | Path | Config = "warehouse", settings: Sequence[str] = ()) -> Warehouse:
    """The warehouse in a folder, or that of a configuration: a YAML file or a Config.

    settings: as `--set` takes them, such as "tracking.uri=http://mlflow:5000"; not with a Config.
    Raises ConfigError for settings that are wrong, and DataError for a folder that is no warehouse.
    """
    if isinstance(source, Config):
        return Warehouse(source)
    if Path(source).suffix in _YAML:
        return Warehouse(load_config([Path(source)], settings)[0])
    return Warehouse(load_config(sets=[*settings, f"warehouse.root={source}"])[0])


class Warehouse:
    """The versions of all tables that were current when it was opened; they fit together, and stay."""

    def __init__(self, config: Config) -> None:
        self.config = config
        store = open_store(config.warehouse)
        self.root, self.address = store.root, store.address
        """root: the folder of the tables, or of their copies, on this machine. address: what `warehouse.root`
        says."""
        if not store.pointers.snapshot():
            raise DataError(
                f"{self.address} is no warehouse: no stage has published anything there; "
                "run `patent-spark run`, or name another folder",
                root=self.address,
            )
        self._store = store.pinned()

    def __repr__(self) -> str:
        return f"Warehouse({self.address!r}, release {self.release_id})"

    @property
    def release_id(self) -> str:
        """The release that its tables were made from; empty before `ingest`."""
        manifest = self._store.manifest("ingest")
        return manifest.release_id if manifest else ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that were evaluated."""
        return tuple(task for task in TASKS if self._has_metrics(task))

    def _has_metrics(self, task: str) -> bool:
        manifest = self._store.manifest("evaluate")
        return bool(manifest) and (self._store.directory("METRICS") / f"{task}.json").exists()

    def arrow(self, table: str, columns: list[str] | None = None, where: Any = None) -> pa.Table:
        """A table as Arrow. columns: those to read, default all. where: a pyarrow.dataset expression.

        Raises DataError for a table that is not there, or not known.
        """
        _require_table(table)
        return self._store.read_arrow(table, columns, where)

    def table(self, table: str, columns: list[str] | None = None, where: Any = None) -> pd.DataFrame:
        """The same as a data frame."""
        frame: pd.DataFrame = self.arrow(table, columns, where).to_pandas()
        return frame

    def files(self, table: str) -> list[str]:
        """Addresses of a table's Parquet files, file:// or s3://, for an engine of your own.

        Of a bucket they are those that the manifest lists; nothing is copied. Raises as `arrow` does.
        """
        _require_table(table)
        return self._store.addresses(table)

    def spark_settings(self) -> dict[str, str]:
        """Settings with which your own Spark session reads `files` of a bucket (docs/object-storage.md)."""
        return spark_settings(self.config.warehouse)

    def tables(self) -> pd.DataFrame:
        """One row per table that is there: its stage, its rows, and what a row is."""
        import pandas as pd

        rows = [
            {
                "table": name,
                "stage": stage,
                "rows": manifest.tables[name]["rows"],
                "grain": TABLES[name].grain,
            }
            for name, stage in STAGE_OF.items()
            if (manifest := self._store.manifest(stage)) and name in manifest.tables
        ]
        return pd.DataFrame(rows, columns=["table", "stage", "rows", "grain"]).set_index("table")

    def manifest(self, stage: str) -> Manifest | None:
        """What is known of a stage's version: settings, inputs, rows, seconds, metadata; None without one."""
        return self._store.manifest(stage)

    def folder(self, output: str) -> Path:
        """The folder of an output that is no table, such as REPORT. Raises DataError before its stage ran."""
        return self._store.directory(output)

    def metrics(self, task: str) -> Metrics:
        """METRICS of a task, technology or citation_level. Raises DataError before `evaluate`."""
        return read_metrics(self._store, task)

    def audit(self) -> Audit:
        """The audit. Raises DataError before it was made."""
        from patent_spark.stages.audit.report_schema import read_audit

        return read_audit(self._store)

    @cached_property
    def word_vectors(self) -> WordVectors:
        """The words of VECTORS, whose `nearest` gives the nearest ones."""
        from patent_spark.core.word_vectors import WordVectors

        return WordVectors(self._store.read_arrow("VECTORS"))

    def runs(self) -> pd.DataFrame:
        """One row per MLflow run, the newest first; see `runs.run_table`. Raises TrackingError."""
        from patent_spark.api.runs import run_table

        return run_table(self.config)

    def curves(self, run_id: str, metrics: Sequence[str]) -> pd.DataFrame:
        """Metrics of a run by epoch, a column each; those that the run lacks are left out."""
        from patent_spark.api.runs import curve_table

        return curve_table(self.config, run_id, metrics)

    def setting_differences(self, *run_ids: str) -> pd.DataFrame:
        """One row per setting in which runs differ, a column a run."""
        from patent_spark.api.runs import setting_differences

        return setting_differences(self.config, run_ids)

    def model(self, model: str = "champion") -> Model:
        """A model; see `load_model`."""
        from patent_spark.api.model import load_model

        return load_model(model, self)


def _require_table(table: str) -> None:
    if table not in TABLES:
        raise DataError(f"there is no table {table}; there are {', '.join(sorted(TABLES))}", table=table)
