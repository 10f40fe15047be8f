"""The records of decision.json."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from patent_spark.metrics.report_schema import Interval, Metric, Record

Verdict = Literal["first", "better", "not_worse", "accepted", "rejected", "already_champion"]
"""first, better and not_worse: the candidate becomes the champion. accepted: it does by a person's decision,
against the rule."""

FIRST: Literal["first"] = "first"
BETTER: Literal["better"] = "better"
NOT_WORSE: Literal["not_worse"] = "not_worse"
ACCEPTED: Literal["accepted"] = "accepted"
REJECTED: Literal["rejected"] = "rejected"
ALREADY_CHAMPION: Literal["already_champion"] = "already_champion"


class MetricComparison(Record):
    """One metric of the candidate and of the champion on the same test patents."""

    task: str
    metric: Metric
    candidate: float | None
    champion: float | None
    difference: float | None
    """Candidate minus champion."""
    interval: Interval | None
    """Of the difference: cluster bootstrap over families, both models on the same resamples."""
    patents: int
    excluded: int
    """Test patents left out because the champion's training data has them or one of their family."""


class CheckReference(Record):
    """A check of the audit."""

    name: str
    task: str | None
    """None: the check concerns all tasks."""
    details: str = ""


class AuditChecksFailed(Record):
    """The audit found a leak."""

    code: Literal["audit_checks_failed"] = "audit_checks_failed"
    checks: tuple[CheckReference, ...]
    applicable: int
    """Checks that apply to the model."""


class AuditChecksNotMade(Record):
    """Checks of the audit apply to the model, but their inputs were missing."""

    code: Literal["audit_checks_not_made"] = "audit_checks_not_made"
    checks: tuple[CheckReference, ...]
    applicable: int


class WeakerSetting(Record):
    """A setting of the audit with which it proves less than with the default."""

    name: str
    value: float
    default: float


class AuditWeakened(Record):
    """The audit ran with settings that prove less than the defaults."""

    code: Literal["audit_weakened"] = "audit_weakened"
    settings: tuple[WeakerSetting, ...]


class NotComparable(Record):
    """The difference to the champion has no confidence interval."""

    code: Literal["not_comparable"] = "not_comparable"
    task: str
    metric: Metric
    patents: int
    excluded: int


class WorseThanChampion(Record):
    """The confidence interval of the difference lies below minus the margin."""

    code: Literal["worse_than_champion"] = "worse_than_champion"
    comparison: MetricComparison
    margin: float


class OtherLevel(Record):
    """The champion predicts technology at another level of the CPC: accuracies cannot be compared."""

    code: Literal["other_level"] = "other_level"
    task: str
    candidate: str
    """section, class or subclass."""
    champion: str


AUDIT_REASONS = (AuditChecksFailed, AuditChecksNotMade, AuditWeakened)
"""Reasons of the gate `audit`; the others are of the gate `champion`."""

RejectionReason = Annotated[
    AuditChecksFailed | AuditChecksNotMade | AuditWeakened | NotComparable | WorseThanChampion | OtherLevel,
    Field(discriminator="code"),
]


class Decision(Record):
    """Whether a candidate becomes the champion, and on what grounds."""

    verdict: Verdict
    reasons: tuple[RejectionReason, ...] = ()
    """Why it was rejected, or would have been."""
    accepted: dict[str, str] = Field(default_factory=dict)
    """Why a person accepted it all the same, by gate: audit or champion."""
    comparisons: tuple[MetricComparison, ...] = ()
    """Empty where no champion was compared."""

    @property
    def rejected(self) -> bool:
        """Whether the champion stays, or there is none."""
        return self.verdict == REJECTED

    @property
    def promotes(self) -> bool:
        """Whether the candidate becomes the champion."""
        return self.verdict in (FIRST, BETTER, NOT_WORSE, ACCEPTED)


class DecisionReport(Decision):
    """decision.json."""

    release_id: str = ""
    """The release that the candidate was trained on."""
    champion: str | None
    """MLflow address of the champion after the decision; None: there is none."""
    messages: tuple[str, ...] = ()
    """The reasons as sentences."""
