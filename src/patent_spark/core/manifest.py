"""manifest.json: what one published version of a stage is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import Field, JsonValue, ValidationError

from patent_spark.config.renamed import current_settings
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import Record, StageMetadata
from patent_spark.core.reuse import Reused

M = TypeVar("M", bound=StageMetadata)

_RENAMED_FIELDS = {"knobs": "settings", "facts": "metadata"}


class StoredFile(Record):
    """A file of a version in a bucket."""

    name: str
    """Below the folder of the version, such as LABELS/part-0.parquet."""
    bytes: int
    sha256: str


class Manifest(Record):
    """One published version of a stage."""

    stage: str
    version: str
    key: str
    """Digest of all that the result depends on. With an equal key the work need not be done again."""
    release_id: str
    created: str
    """UTC, ISO 8601."""
    settings: dict[str, JsonValue]
    """The settings that the stage depends on, by `section.setting`."""
    inputs: dict[str, str]
    """The version of each stage that was read."""
    tables: dict[str, dict[str, int]]
    """Rows, files and bytes of each table, from the Parquet footers."""
    metadata: dict[str, JsonValue]
    """The stage's record (core/metadata.py) as plain JSON; `metadata_as` gives it typed."""
    reused: dict[str, Reused] = Field(default_factory=dict)
    """How much of a table was taken over from earlier versions (core/reuse.py)."""
    seconds: float
    code: str
    """Version and commit of patent_spark."""
    engine: str
    files: tuple[StoredFile, ...] = ()
    """Its files, sorted by name, where it is kept in a bucket; readers go by this list."""
    log_run_id: str = ""
    """`run_id` of the command that made it, which is in its JSON log lines."""

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Read a manifest, also one with the field and setting names of an older version."""
        values = json.loads(path.read_text())
        for old, new in _RENAMED_FIELDS.items():
            if old in values:
                values[new] = values.pop(old)
        settings = current_settings(values.pop("settings"), warn=False)
        return cls(settings=settings, **values)

    def files_of(self, name: str) -> list[StoredFile]:
        """Those of `files` that are, or are in the folder of, a table or another output."""
        return [file for file in self.files if file.name == name or file.name.startswith(f"{name}/")]

    def metadata_as(self, kind: type[M]) -> M:
        """The stage's record; raises DataError when another version of patent_spark wrote it."""
        if kind.stage != self.stage:
            raise ValueError(f"{kind.__name__} is the record of stage {kind.stage}, not of {self.stage}")
        try:
            return kind.model_validate(self.metadata)
        except ValidationError as error:
            raise DataError(
                f"stage {self.stage} was made by another version of patent_spark ({self.code}); "
                f"run `patent-spark {self.stage} --force`",
                stage=self.stage,
            ) from error

    def metadata_if_readable(self, kind: type[M]) -> M | None:
        """The stage's record; None when another version of patent_spark wrote it."""
        try:
            return self.metadata_as(kind)
        except DataError:
            return None
