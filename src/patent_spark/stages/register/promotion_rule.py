"""The promotion rule: the audit passed, and on the same test patents the candidate is not worse.

"Not worse" compares one metric at a time. The candidate is rejected if the whole 95 % confidence interval of
the paired difference (cluster bootstrap over families) lies below minus register.margin. Technology is
compared by accuracy. The citation level is compared by the PR-AUC of `top1`, because nearly all patents have
other levels and accuracy hardly depends on the few in top1; and by the weighted kappa of all levels, because
top1 patents are few. An audit with weaker settings than the defaults, or with a check that could not run,
rejects every candidate. A candidate that predicts technology at another level of the CPC than the champion is
rejected without a comparison.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Audit
from patent_spark.metrics.report_schema import Metric
from patent_spark.stages.register.audit_result import AuditCheck, checks_of
from patent_spark.stages.register.report_schema import (
    ACCEPTED,
    AUDIT_REASONS,
    BETTER,
    FIRST,
    NOT_WORSE,
    REJECTED,
    AuditChecksFailed,
    AuditChecksNotMade,
    AuditWeakened,
    CheckReference,
    Decision,
    MetricComparison,
    NotComparable,
    RejectionReason,
    WeakerSetting,
    WorseThanChampion,
)

COMPARED_METRICS = {
    TECHNOLOGY: (Metric.ACCURACY,),
    CITATION_LEVEL: (Metric.TOP1_PR_AUC, Metric.KAPPA),
}
"""Metrics in which a candidate must not be worse than the champion; the first is the headline metric."""

_LARGER_IS_WEAKER = ("near_duplicate", "duplicates", "top1_auc")
_SMALLER_IS_WEAKER = ("sample_size", "recount_sample_size")


def audit_rejection(checks: Sequence[AuditCheck], tasks: Sequence[str]) -> RejectionReason | None:
    """Why the audit rejects a model of these tasks; None when every check that applies has passed."""
    own = checks_of(checks, tasks)
    failed, not_made = (
        tuple(
            CheckReference(name=check.name, task=check.task, details=check.details)
            for check in own
            if check.status == status
        )
        for status in ("failed", "not_made")
    )
    applicable = sum(check.status != "not_applicable" for check in own)
    if failed:
        return AuditChecksFailed(checks=failed, applicable=applicable)
    return AuditChecksNotMade(checks=not_made, applicable=applicable) if not_made else None


def weakened_audit_rejection(audit: Audit) -> AuditWeakened | None:
    """Why an audit with these settings proves less than one with the defaults, if it does."""
    default = Audit()
    weaker = [name for name in _LARGER_IS_WEAKER if getattr(audit, name) > getattr(default, name)]
    weaker += [name for name in _SMALLER_IS_WEAKER if getattr(audit, name) < getattr(default, name)]
    settings = tuple(
        WeakerSetting(name=f"audit.{name}", value=getattr(audit, name), default=getattr(default, name))
        for name in weaker
    )
    return AuditWeakened(settings=settings) if settings else None


def decide(
    comparisons: Sequence[MetricComparison],
    margin: float,
    other_reasons: Sequence[RejectionReason] = (),
    accepted: Mapping[str, str] | None = None,
) -> Decision:
    """The decision on a model; without comparisons there is no champion yet.

    other_reasons: what speaks against it before any comparison. accepted: why a person accepts a gate's
    reasons, by gate.
    """
    reasons = (
        *other_reasons,
        *(reason for each in comparisons if (reason := champion_rejection(each, margin))),
    )
    if reasons:
        verdict = ACCEPTED if is_accepted(reasons, accepted or {}) else REJECTED
        gates = {_gate(reason) for reason in reasons}
        given = {gate: why for gate, why in (accepted or {}).items() if gate in gates}
        return Decision(verdict=verdict, reasons=reasons, comparisons=tuple(comparisons), accepted=given)
    if not comparisons:
        return Decision(verdict=FIRST)
    better = all(is_better(comparison) for comparison in comparisons)
    return Decision(verdict=BETTER if better else NOT_WORSE, comparisons=tuple(comparisons))


def is_accepted(reasons: Sequence[RejectionReason], accepted: Mapping[str, str]) -> bool:
    """Whether a person accepted the gates of all these reasons."""
    return all(_gate(reason) in accepted for reason in reasons)


def _gate(reason: RejectionReason) -> str:
    return "audit" if isinstance(reason, AUDIT_REASONS) else "champion"


def is_better(comparison: MetricComparison) -> bool:
    """Whether the whole interval of the difference lies above zero."""
    return comparison.interval is not None and comparison.interval[0] > 0


def champion_rejection(comparison: MetricComparison, margin: float) -> RejectionReason | None:
    """Why the champion stays, if it does."""
    if comparison.interval is None:
        return NotComparable(
            task=comparison.task,
            metric=comparison.metric,
            patents=comparison.patents,
            excluded=comparison.excluded,
        )
    if comparison.interval[1] >= -margin:
        return None
    return WorseThanChampion(comparison=comparison, margin=margin)
