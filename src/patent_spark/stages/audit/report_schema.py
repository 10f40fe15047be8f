"""AUDIT/audit.json as typed records: one result a check, and the status of the whole audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from patent_spark.core.store import Store

PASSED: Final = "passed"
FAILED: Final = "failed"
NOT_MADE: Final = "not_made"
NOT_APPLICABLE: Final = "not_applicable"
INCOMPLETE: Final = "incomplete"

Status = Literal["passed", "failed", "not_made", "not_applicable"]
"""not_applicable: the check does not apply to this task or release.
not_made: it applies, but its inputs are missing."""
OverallStatus = Literal["passed", "failed", "incomplete"]
"""incomplete: no check failed, but some could not be made."""
Format = Literal["share", "number", "count"]
"""How a reader sees a value: 0.05 as 5.0 %, as 0.050, or a whole number with separators."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckValue(_Record):
    """The result of one check without its prose, as METRICS holds it."""

    code: str
    """Stable name for scripts and tests."""
    name: str
    """Name for a reader."""
    task: str | None
    """None: the check concerns all tasks."""
    status: Status
    value: float | None
    """What was measured; None unless passed or failed."""
    limit: float | None
    """The largest value that passes."""


class CheckResult(CheckValue):
    """The result of one check."""

    unit: str
    format: Format
    details: str
    """What was compared, with counts. For a check that was not made or does not apply: why."""
    interpretation: str
    """What a failure means, and what to do."""


class Audit(_Record):
    """AUDIT/audit.json: all checks of one release, its splits and its models."""

    release_id: str | None
    status: OverallStatus
    checks: tuple[CheckResult, ...]

    def of_task(self, task: str) -> Audit:
        """The part that concerns one task: its own checks and those of all tasks."""
        return make_audit(self.release_id, (check for check in self.checks if check.task in (None, task)))

    def with_status(self, status: Status) -> list[CheckResult]:
        """The checks with this status, in their order."""
        return [check for check in self.checks if check.status == status]

    @property
    def n_completed(self) -> int:
        """Checks that were made: they passed or failed."""
        counts = Counter(check.status for check in self.checks)
        return counts[PASSED] + counts[FAILED]


class TaskSummary(_Record):
    """The key `audit` of METRICS/<task>.json: the audit of one task."""

    status: OverallStatus
    failed: tuple[str, ...]
    """Codes of the checks that failed."""
    not_made: tuple[str, ...]
    """Codes of the checks that could not be made."""
    checks: tuple[CheckValue, ...]


def make_audit(release_id: str | None, checks: Iterable[CheckResult]) -> Audit:
    """An audit of these checks: failed if one failed, else incomplete if one was not made, else passed."""
    results = tuple(checks)
    statuses = {check.status for check in results}
    status: OverallStatus = "passed"
    if FAILED in statuses:
        status = "failed"
    elif NOT_MADE in statuses:
        status = "incomplete"
    return Audit(release_id=release_id, status=status, checks=results)


def summary_of_task(audit: Audit, task: str) -> TaskSummary:
    """What METRICS holds of the audit of a task."""
    part = audit.of_task(task)
    return TaskSummary(
        status=part.status,
        failed=tuple(check.code for check in part.with_status("failed")),
        not_made=tuple(check.code for check in part.with_status("not_made")),
        checks=tuple(
            CheckValue(**check.model_dump(include=set(CheckValue.model_fields))) for check in part.checks
        ),
    )


def read_audit(store: Store) -> Audit:
    """The current audit. Raises DataError when there is none."""
    return Audit.model_validate(store.read_json("AUDIT", "audit.json"))
