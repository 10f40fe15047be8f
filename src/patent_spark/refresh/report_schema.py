"""The records of a refresh: what its gates measured, how its stages ended, and the status file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from patent_spark.core.metadata import Record
from patent_spark.core.reuse import Reused

Verdict = Literal["running", "promoted", "partly_promoted", "refused", "failed"]
"""promoted: tables and models are published. partly_promoted: a gate said no to one of the models. refused: a
gate said no, and nothing is published. failed: an error ended it, and the next call goes on."""


class GateResult(Record):
    """What a gate measured, and the limit that it holds it to."""

    gate: str
    """Its name, as `--accept` takes it."""
    subject: str
    """The table, or the model."""
    value: float | None
    """None: it has no number, see `reason`."""
    limit: float | None
    form: Literal["share", "number", "count"] = "share"
    at_least: bool = False
    """Whether the value must not be below the limit; else it must not be above."""
    passed: bool
    reason: str = ""
    """What the value means, or why the gate says no."""
    accepted: str = ""
    """Why a person accepted it although it did not pass."""

    @property
    def stops(self) -> bool:
        """Whether the refresh ends here."""
        return not (self.passed or self.accepted)


class StageRun(Record):
    """How one stage of a refresh ended."""

    stage: str
    version: str
    skipped: bool
    """Nothing that it depends on changed."""
    seconds: float
    rows: dict[str, int]
    """Of each of its tables."""
    reused: dict[str, Reused] = Field(default_factory=dict)
    """How much of a table was taken over from earlier versions."""


class RefreshRecord(Record):
    """One refresh."""

    release_id: str
    fingerprint: str
    """Digest of the release's files, or of what it is simulated from."""
    started: str
    """UTC, ISO 8601."""
    finished: str | None = None
    verdict: Verdict = "running"
    stages: tuple[StageRun, ...] = ()
    gates: tuple[GateResult, ...] = ()
    champions_before: dict[str, str | None] = Field(default_factory=dict)
    """MLflow address of the champion of each model; None: there was none."""
    champions: dict[str, str | None] = Field(default_factory=dict)
    """The same afterwards."""
    message: str = ""
    """Why it was refused or failed, in one or two sentences."""
    exit_code: int = 0

    @property
    def publishes(self) -> bool:
        """Whether readers now see this release."""
        return self.verdict in ("promoted", "partly_promoted")


class RefreshStatus(Record):
    """status.json: the state of the refresh of a warehouse, for schedulers and people on call."""

    checked: str
    """When a release was last looked for, UTC, ISO 8601."""
    last: RefreshRecord | None = None
    """The last refresh that began."""
    published: RefreshRecord | None = None
    """The last one that published a release."""
