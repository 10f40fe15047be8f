"""What a check is: its specification, its function, and the sampling noise that its limits allow for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from patent_spark.stages.audit.report_schema import CheckResult, Format, Status

Subject = TypeVar("Subject")

STANDARD_ERRORS = 4.0
"""Tolerated for sampling noise. An audit makes dozens of checks, and a false alarm costs trust."""


@dataclass(frozen=True)
class CheckSpec:
    """What a check measures, whatever the result."""

    code: str
    """Stable name in snake_case; scripts, tests and MLflow use it."""
    name: str
    unit: str
    format: Format
    interpretation: str
    """What a failure means, and what to do."""

    def measured(self, value: float, limit: float, details: str) -> CheckResult:
        """Passed up to the limit, else failed; NaN fails."""
        status: Status = "passed" if value <= limit else "failed"
        return self._result(status, details, float(value), float(limit))

    def not_applicable(self, reason: str) -> CheckResult:
        """The check does not apply to this task or release."""
        return self._result("not_applicable", reason)

    def not_made(self, reason: str) -> CheckResult:
        """The check applies, but its inputs are missing. `reason` says what is missing and what to do."""
        return self._result("not_made", reason)

    def _result(
        self, status: Status, details: str, value: float | None = None, limit: float | None = None
    ) -> CheckResult:
        return CheckResult(
            code=self.code,
            name=self.name,
            task=None,
            status=status,
            value=value,
            limit=limit,
            unit=self.unit,
            format=self.format,
            details=details,
            interpretation=self.interpretation,
        )


@dataclass(frozen=True)
class Check(Generic[Subject]):
    """A specification and the function that measures it, on a Warehouse or on the TaskData of one task."""

    spec: CheckSpec
    run: Callable[[Subject], CheckResult]


def sampling_noise(share: float, rows: int) -> float:
    """How far a share observed in so many rows may lie from the true share by chance."""
    return STANDARD_ERRORS * math.sqrt(share * (1 - share) / max(1, rows))
