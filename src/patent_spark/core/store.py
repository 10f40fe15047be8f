"""The only place that reads and writes tables: versioned, described by a manifest, published in one atomic
step.

    <root>/<stage>/CURRENT                     one line: the version that readers see
    <root>/<stage>/CANDIDATE                   the same, of a release that is not published yet
    <root>/RELEASE.json                        the versions of the last release that was published as a whole
    <root>/<stage>/<version>/manifest.json     rows, files, settings, inputs, metadata
    <root>/<stage>/<version>/<TABLE>/*.parquet

A stage writes all its tables into a new version; replacing CURRENT publishes them together. Killed at any
moment, a stage leaves the previous version readable and a folder that the next run of the stage removes.
core/pointers.py has the pointers, and publishes the candidates of all stages in one step.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, JsonValue, ValidationError

from patent_spark.config import Warehouse
from patent_spark.core.errors import DataError, SchemaError, WorkError, conform
from patent_spark.core.local_storage import local_storage
from patent_spark.core.log_lines import current_run_id
from patent_spark.core.manifest import M, Manifest
from patent_spark.core.metadata import StageMetadata
from patent_spark.core.pointers import Pointers
from patent_spark.core.reuse import Parts, Reused, parts_of
from patent_spark.core.schemas import STAGE_OF, TABLES
from patent_spark.core.storage import ControlFile, OldVersion, Storage, VersionFiles

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

R = TypeVar("R", bound=BaseModel)


class Store:
    """The tables under one root."""

    def __init__(self, root: str | Path | Storage, keep_versions: int = 2, candidate: bool = False) -> None:
        """root: a folder, or where else the tables are.

        candidate: what is read and published is the candidate of each stage; where there is none, the
        current version is read.
        """
        self._storage = local_storage(Path(root).absolute()) if isinstance(root, str | Path) else root
        self._files = self._storage.versions
        self.control = self._storage.control
        self.root, self.address = self._files.folder, self._files.address
        """root: the folder of the tables, or of their copies, on this machine. address: what a user calls
        the warehouse."""
        self.pointers = Pointers(self.control, candidate)
        self._keep = keep_versions
        self._candidate = candidate
        self._pins: dict[str, Manifest] | None = None
        self._locks: list[IO[bytes]] = []

    def pinned(self) -> Store:
        """The same tables; all stages stay at the versions that are current now, which are not removed
        meanwhile."""
        other = Store(self._storage, self._keep, self._candidate)
        while True:
            versions = self.pointers.snapshot()
            try:
                other._locks = [self._files.pin(*each) for each in versions.items()]
                other._pins = {each[0]: self._files.manifest(*each) for each in versions.items()}
            except FileNotFoundError:
                if self.pointers.snapshot() == versions:
                    raise
                continue  # a version was replaced and removed between the two steps
            return other

    def published(self) -> Store:
        """The versions that are published, pinned: no candidates."""
        return Store(self._storage, self._keep).pinned()

    def directory(self, name: str) -> Path:
        """The directory of a table or of MODEL, REPORT, ...; raises DataError before its stage ran."""
        stage = STAGE_OF[name]
        current = self.manifest(stage)
        if current is None:
            raise DataError(
                f"no {name} in {self.address}; run `patent-spark {stage}` first", table=name, stage=stage
            )
        path = self._files.fetch(current, name)
        if not path.exists():
            raise DataError(
                f"{name} is not part of the current {stage} ({path.parent}); "
                f"run `patent-spark {stage}` again",
                table=name,
                stage=stage,
            )
        return path

    def manifest(self, stage: str) -> Manifest | None:
        """The manifest of the current version of a stage, or None before its first one."""
        if self._pins is not None:
            return self._pins.get(stage)
        version = self.pointers.version(stage)
        return None if version is None else self._files.manifest(stage, version)

    def manifests(self, stage: str) -> list[Manifest]:
        """The manifests of all versions of a stage that are kept, the newest first."""
        return sorted(self._files.manifests(stage), key=lambda manifest: manifest.version, reverse=True)

    def directory_in(self, manifest: Manifest, name: str) -> Path:
        """The directory of a table or another output in a version of its stage; it may be missing."""
        return self._files.fetch(manifest, name)

    def addresses(self, table: str) -> list[str]:
        """Addresses of a table's files, file:// or s3://; raises DataError before its stage ran."""
        manifest = self.manifest(STAGE_OF[table])
        if manifest is None or table not in manifest.tables:
            self.directory(table)  # which says what is missing
        return [] if manifest is None else self._files.addresses(manifest, table)

    def size(self, stage: str, version: str = "") -> int:
        """Bytes of a version, or of all that a stage keeps; what several versions share counts once."""
        return self._files.size(stage, version)

    def metadata(self, kind: type[M]) -> M:
        """What the current version of a stage recorded; raises DataError when the stage has not run."""
        current = self.manifest(kind.stage)
        if current is None:
            raise DataError(
                f"nothing of stage {kind.stage} in {self.address}; run `patent-spark {kind.stage}` first",
                stage=kind.stage,
            )
        return current.metadata_as(kind)

    def read(self, session: SparkSession, table: str) -> DataFrame:
        """A table as a Spark DataFrame with the columns of its schema."""
        return session.read.schema(TABLES[table].schema).parquet(location(self.directory(table)))

    def read_arrow(self, table: str, columns: list[str] | None = None, where: Any = None) -> pa.Table:
        """A table in memory, typed by its schema, whichever engine wrote it.

        columns: those to read, default all. where: a pyarrow.dataset expression that selects rows.
        """
        return self.dataset(table).to_table(columns=columns, filter=where)

    def dataset(self, table: str) -> Any:
        """A table as a pyarrow Dataset, typed by its schema; raises SchemaError if a column is missing."""
        import pyarrow.dataset  # brings pandas along, a quarter of a second that ingest does without

        directory, schema = self.directory(table), arrow_schema(table)
        folders = pa.schema([schema.field(name) for name in TABLES[table].partitioned_by])
        in_files = pyarrow.dataset.dataset(directory, format="parquet").schema.names
        missing = set(schema.names) - set(in_files) - set(folders.names)
        if missing:  # the schema alone would make nulls of them
            raise SchemaError(
                f"{directory} has no column {', '.join(sorted(missing))}; "
                f"run `patent-spark {STAGE_OF[table]} --force`",
                table=table,
                stage=STAGE_OF[table],
                column=", ".join(sorted(missing)),
            )
        # Opened anew: replace_schema refuses lists whose elements an engine declares non-null.
        return pyarrow.dataset.dataset(
            directory,
            format="parquet",
            schema=schema,
            partitioning=pyarrow.dataset.partitioning(folders, flavor="hive") if folders.names else None,
        )

    def read_record(self, kind: type[R], name: str, file: str) -> R:
        """A JSON file of an output such as METRICS, as its record.

        Raises DataError when the stage has not run, or when an older version wrote the file.
        """
        path = self.directory(name) / file
        try:
            return kind.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            stage = STAGE_OF[name]
            raise DataError(
                f"{path} is not a {kind.__name__} of this version; run `patent-spark {stage} --force`",
                file=str(path),
                stage=stage,
            ) from error

    def read_json(self, name: str, file: str) -> dict[str, JsonValue]:
        """A JSON file of an output that is not a table, as plain values.

        Raises DataError as `directory` does.
        """
        values: dict[str, JsonValue] = json.loads((self.directory(name) / file).read_text())
        return values

    @contextmanager
    def draft(self, stage: str) -> Iterator[Draft]:
        """A new version of a stage to write into. It is removed again unless it was published."""
        seen = self.pointers.seen(stage)
        self._files.remove_abandoned(stage, lambda: self.pointers.in_use(stage))
        now = datetime.datetime.now(datetime.UTC)
        # To the microsecond: versions are sorted by name, those of one second too.
        name = f"{now:%Y%m%dT%H%M%S-%f}{uuid.uuid4().hex[:4]}"
        with self._files.draft(stage, name) as directory:
            draft = Draft(stage, directory, self._files, self.pointers, seen)
            try:
                yield draft
                if draft.published:
                    for version in self.old_versions(stage, self._keep):
                        self.remove(version)
            finally:
                if not draft.published:
                    self._files.discard(stage, name)

    def old_versions(self, stage: str, keep: int, days: float = 0.0) -> list[OldVersion]:
        """Versions of a stage that nobody needs, but for the newest; see core/old_versions.py."""
        return self._files.old_versions(stage, self.pointers.in_use(stage), keep, days)

    def remove(self, version: OldVersion) -> bool:
        """Remove an old version; returns False when a reader has come to it meanwhile."""
        return self._files.remove(version)


def open_store(settings: Warehouse, candidate: bool = False) -> Store:
    """The warehouse of a configuration, in a folder or a bucket; see Store."""
    if not settings.in_bucket:
        return Store(settings.root, settings.keep_versions, candidate)
    from patent_spark.core.objects.place import bucket_storage

    return Store(bucket_storage(settings), settings.keep_versions, candidate)


@dataclass
class Draft:
    """A version of a stage that nobody reads yet."""

    stage: str
    directory: Path
    files: VersionFiles
    pointers: Pointers
    seen: ControlFile | None
    """The pointer that publishing replaces, as it was when the work began."""
    metadata: StageMetadata | None = None
    published: bool = False

    def record_metadata(self, metadata: StageMetadata) -> None:
        """Keep this record in the manifest; raises SchemaError for the record of another stage."""
        if metadata.stage != self.stage:
            raise SchemaError(
                f"{type(metadata).__name__} is the record of {metadata.stage}, not of {self.stage}",
                stage=self.stage,
            )
        self.metadata = metadata

    def path(self, name: str) -> Path:
        """A new, empty directory for a table or another output of this stage."""
        if STAGE_OF[name] != self.stage:
            raise SchemaError(
                f"{name} is made by stage {STAGE_OF[name]}, not by {self.stage}", table=name, stage=self.stage
            )
        path = self.directory / name
        path.mkdir(exist_ok=True)
        return path

    def parts(self, *, anew: bool = False) -> AbstractContextManager[Parts]:
        """Parts of this draft, and those of earlier versions; see core/reuse.py."""
        return parts_of(self.directory, self.files, self.stage, anew=anew)

    def write(self, frame: DataFrame, table: str, files: int | None = None) -> None:
        """Write a table from Spark; `files` merges a small one. Raises SchemaError on any misfit."""
        frame = frame.transform(conform, TABLES[table].schema)
        if files:
            frame = frame.coalesce(files)
        write_parquet(frame, self.path(table))

    @contextmanager
    def writer(self, table: str) -> Iterator[pq.ParquetWriter]:
        """A Parquet writer for a table that is made in this process, batch by batch."""
        with pq.ParquetWriter(
            self.path(table) / "part-0.parquet", arrow_schema(table), compression="zstd", compression_level=1
        ) as writer:
            yield writer

    def publish(
        self,
        *,
        key: str,
        release_id: str,
        settings: dict[str, JsonValue],
        inputs: dict[str, str],
        seconds: float,
        code: str,
        engine: str,
        reused: dict[str, Reused] | None = None,
    ) -> Manifest:
        """Describe what was written and make it the version that readers see."""
        tables = {
            path.name: parquet_size(path) for path in sorted(self.directory.iterdir()) if path.name in TABLES
        }
        manifest = Manifest(
            stage=self.stage,
            version=self.directory.name,
            key=key,
            release_id=release_id,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            settings=settings,
            inputs=inputs,
            tables=tables,
            metadata=self.metadata.to_json() if self.metadata else {},
            reused=reused or {},
            seconds=round(seconds, 3),
            code=code,
            engine=engine,
            log_run_id=current_run_id(),
        )
        manifest = self.files.complete(manifest, self.directory)
        self.pointers.publish(self.stage, manifest.version, self.seen)
        self.published = True
        self.files.finish(manifest)
        return manifest


def location(directory: Path) -> str:
    """The URI of a directory for Spark and Sail.

    Without a scheme, Spark may resolve it in HDFS or a bucket.
    """
    return f"file://{directory.absolute()}"


def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema of a table."""
    from pyspark.sql.pandas.types import to_arrow_schema

    return to_arrow_schema(TABLES[table].schema)


def write_parquet(frame: DataFrame, directory: Path) -> None:
    """Write a frame as Parquet files. Without rows, where Sail writes no file, write one empty file.

    Raises WorkError when rows were written but no file is here: the executors do not share the disk.
    """
    from pyspark.sql.pandas.types import to_arrow_schema

    frame.write.mode("overwrite").parquet(location(directory))
    if not any(directory.glob("*.parquet")):
        if frame.limit(1).count():
            raise WorkError(
                f"no row of {directory.name} reached {directory}; "
                "warehouse.root (of a bucket: warehouse.cache_dir) must be a directory that the driver and "
                "all executors see",
                table=directory.name,
                setting="warehouse.root",
            )
        directory.mkdir(exist_ok=True)
        pq.write_table(to_arrow_schema(frame.schema).empty_table(), directory / "part-0.parquet")


def parquet_size(directory: Path) -> dict[str, int]:
    """Rows, files and bytes of a directory of Parquet files, subfolders included, from the footers alone."""
    files = [path for path in sorted(directory.rglob("*.parquet")) if not path.name.startswith(("_", "."))]
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    return {"rows": rows, "files": len(files), "bytes": sum(path.stat().st_size for path in files)}
