"""The sentences of a decision: why a candidate was rejected, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from patent_spark.core.cpc_levels import PLURALS
from patent_spark.metrics.report_schema import Metric
from patent_spark.reporting.html import count, number, share
from patent_spark.stages.register.report_schema import (
    ACCEPTED,
    ALREADY_CHAMPION,
    AuditChecksFailed,
    AuditChecksNotMade,
    AuditWeakened,
    CheckReference,
    Decision,
    NotComparable,
    OtherLevel,
    RejectionReason,
    WorseThanChampion,
)

METRIC_NAMES = {
    Metric.ACCURACY: "accuracy",
    Metric.TOP1_PR_AUC: "PR-AUC of top1",
    Metric.KAPPA: "weighted kappa",
}
_NAMED_CHECKS = 3


def rejection_message(reason: RejectionReason) -> str:
    """A reason as a sentence without a full stop."""
    match reason:
        case AuditChecksFailed():
            named = [f"{check.name} ({check.task or 'all tasks'})" for check in reason.checks]
            return f"{len(named)} of {reason.applicable} audit checks failed: {_first(named)}"
        case AuditChecksNotMade():
            named = [_with_details(check) for check in reason.checks]
            return f"{len(named)} of {reason.applicable} audit checks could not run: {_first(named)}"
        case AuditWeakened():
            named = [f"{each.name} = {each.value:g} (default {each.default:g})" for each in reason.settings]
            return f"the audit ran with weaker settings than the defaults: {', '.join(named)}"
        case NotComparable():
            return _not_comparable(reason)
        case WorseThanChampion():
            return _worse(reason)
        case OtherLevel():
            return _other_level(reason)


def _not_comparable(reason: NotComparable) -> str:
    return (
        f"{reason.task} {METRIC_NAMES[reason.metric]} could not be compared with the champion's: "
        f"no confidence interval on {count(reason.patents)} test patents "
        f"({count(reason.excluded)} excluded: in the champion's training data)"
    )


def _other_level(reason: OtherLevel) -> str:
    return (
        f"{reason.task}: this model predicts CPC {PLURALS[reason.candidate]}, the champion CPC "
        f"{PLURALS[reason.champion]}, which cannot be compared; set another tracking.experiment, or let "
        "it replace the champion with `patent-spark refresh --accept champion=REASON`"
    )


def outcome_message(decision: Decision, before: str | None, after: str | None) -> str:
    """What became of a candidate; before, after: MLflow addresses of the champion."""
    if decision.rejected:
        stays = f"{before} stays the champion" if before else "there is no champion yet"
        return f"rejected; {stays}"
    if decision.verdict == ALREADY_CHAMPION:
        return f"unchanged; {before} is this model"
    if decision.verdict == ACCEPTED:
        return f"registered as {after}, the new champion: accepted by a person against the promotion rule"
    than = f"{decision.verdict.replace('_', ' ')} than {before}" if before else "the first of its name"
    return f"registered as {after}, the new champion: {than}"


def metric_text(value: float | None, metric: Metric) -> str:
    """A metric, or a difference of it, as a person reads it."""
    return share(value) if metric == Metric.ACCURACY else number(value)


def _worse(reason: WorseThanChampion) -> str:
    each, metric = reason.comparison, reason.comparison.metric
    low, high = each.interval or (None, None)
    beyond = f", below minus register.margin = {metric_text(reason.margin, metric)}" if reason.margin else ""
    return (
        f"{each.task} {METRIC_NAMES[metric]} {metric_text(each.candidate, metric)} is worse than "
        f"the champion's {metric_text(each.champion, metric)} on the same "
        f"{count(each.patents)} test patents: difference {metric_text(each.difference, metric)} "
        f"(95 % interval {metric_text(low, metric)} to "
        f"{metric_text(high, metric)}){beyond}"
    )


def _with_details(check: CheckReference) -> str:
    return f"{check.name} ({check.details})" if check.details else check.name


def _first(named: Sequence[str]) -> str:
    """The first few of many."""
    return ", ".join(named[:_NAMED_CHECKS]) + (", ..." if len(named) > _NAMED_CHECKS else "")
