"""What a stage works with: its configuration, the tables it reads, the draft it writes, a session."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING

from patent_spark.config import Config
from patent_spark.core.metadata import StageMetadata
from patent_spark.core.reuse import Parts, Reused
from patent_spark.core.schemas import TABLES
from patent_spark.core.session import open_session
from patent_spark.core.store import Draft, Store, location

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


class StageContext:
    """One run of one stage. The session is opened at its first use, so a stage without Spark starts none."""

    def __init__(
        self,
        config: Config,
        store: Store,
        draft: Draft,
        resources: ExitStack,
        force: bool = False,
        code: str = "",
        resume: bool = False,
        accepted: Mapping[str, str] | None = None,
    ) -> None:
        self.config, self.store, self.draft = config, store, draft
        self.force, self.code, self.resume = force, code, resume
        """force: redo everything. code: digest of the stage's code. resume: go on from a checkpoint."""
        self.accepted = accepted or {}
        """Why a person accepts what a gate says against a model, by gate."""
        self.refusal = ""
        """Why a quality gate rejected a model; empty if none did."""
        self.up_to_date = False
        """The stage found that its current version is what it would make: nothing is published."""
        self._resources = resources

    @cached_property
    def session(self) -> SparkSession:
        """The Spark or Sail session of this stage."""
        return self._resources.enter_context(open_session(self.config.engine))

    @cached_property
    def parts(self) -> Parts:
        """Parts of this stage's output that earlier versions have; none with `force`."""
        return self._resources.enter_context(self.draft.parts(anew=self.force))

    def write_parts(self) -> dict[str, Reused]:
        """List the parts in the draft if the stage has any; returns how much was reused, by table."""
        return self.parts.write() if "parts" in vars(self) else {}

    def read(self, table: str) -> DataFrame:
        """A table of an earlier stage."""
        return self.store.read(self.session, table)

    def write(self, frame: DataFrame, table: str, files: int | None = None) -> None:
        """A table of this stage; `files` merges a small one into few files."""
        self.draft.write(frame, table, files)

    def read_back(self, table: str) -> DataFrame:
        """A table that this stage has written, from its draft."""
        written = location(self.draft.path(table))
        return self.session.read.schema(TABLES[table].schema).parquet(written)

    def record_metadata(self, metadata: StageMetadata) -> None:
        """Keep this record in the manifest of the stage."""
        self.draft.record_metadata(metadata)
