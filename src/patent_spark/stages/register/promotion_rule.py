"""The rule of the gate: the audit passes, and the model is not worse than the champion on the same test patents.

Not worse: of the difference to the champion, resampled by family with both models on the same resamples, the 95 %
interval reaches up to zero (or to minus register.margin). The figure is the accuracy of technology; at the citation level it
is the PR-AUC of `top1`, which is what the level is asked for: nearly all patents are of the other levels, so that the
accuracy hardly tells whether the few are found. Few patents are top1, though, and so the weighted kappa of all levels
must not be worse either. An audit that was asked for less than by default, or could not make one of its checks, lets
nothing pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Audit
from patent_spark.reporting.html import count, number, share

FIGURES = {TECHNOLOGY: "accuracy", CITATION_LEVEL: "top1.pr_auc"}
"""What a model of a task is known by, as METRICS names it."""
COMPARED = {TECHNOLOGY: ("accuracy",), CITATION_LEVEL: ("top1.pr_auc", "kappa")}
"""What it must not be worse in than the champion."""
NAMES = {"accuracy": "accuracy", "top1.pr_auc": "PR-AUC of top1", "kappa": "weighted kappa"}

FIRST, BETTER, NOT_WORSE, REFUSED, STANDS = "first", "better", "not worse", "refused", "stands"
_NAMED = 3


@dataclass(frozen=True)
class Contest:
    """A model beside the champion, in one task's figure."""

    task: str
    figure: str
    model: float | None
    champion: float | None
    difference: float | None
    interval: Sequence[float] | None
    patents: int
    left_out: int
    """Test patents from which, or from whose families, the champion learned."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a model."""

    verdict: str
    """first, better or not worse: it becomes the champion; stands: it is the champion already; refused."""
    reasons: Sequence[str] = ()
    """Why it was refused."""
    contests: Sequence[Contest] = ()

    @property
    def refused(self) -> bool:
        """Whether the gate said no."""
        return self.verdict == REFUSED


def audit_objects(checks: Sequence[Mapping[str, Any]], tasks: Sequence[str]) -> str:
    """Why the audit of a model of these tasks did not pass, if so: checks of the tables, which concern all, and of its tasks.

    A check that could not be made is none that passed; one without a meaning for the task or the release does not count.
    """
    own = [check for check in checks if check["task"] is None or check["task"] in tasks]
    failed = [
        f"{check['name']} ({check['task'] or 'all tasks'})" for check in own if check["verdict"] == "failed"
    ]
    not_made = [f"{check['name']} ({check['done']})" for check in own if check["verdict"] == "not_made"]
    asked = sum(check["verdict"] != "not_applicable" for check in own)
    for objections, what in ((failed, "failed"), (not_made, "could not be made")):
        if objections:
            named = ", ".join(objections[:_NAMED]) + (", ..." if len(objections) > _NAMED else "")
            return f"{len(objections)} of {asked} checks of the audit {what}: {named}"
    return ""


def audit_was_loosened(asked: Audit) -> str:
    """Why an audit with these settings proves less than one with the defaults, if so."""
    usual = Audit()
    stricter_below = (
        "near_duplicate",
        "duplicates",
        "top1_auc",
    )  # of the others the larger number asks for more
    looser = [name for name in stricter_below if getattr(asked, name) > getattr(usual, name)]
    looser += [
        name for name in ("sample_size", "recount_sample_size") if getattr(asked, name) < getattr(usual, name)
    ]
    told = ", ".join(
        f"audit.{name} = {getattr(asked, name)} (default {getattr(usual, name)})" for name in looser
    )
    return f"the audit was asked for less than by default: {told}" if looser else ""


def decide(contests: Sequence[Contest], margin: float) -> Decision:
    """The verdict on a model whose audit passed; without contests there is no champion yet."""
    reasons = [reason for contest in contests if (reason := champion_objects(contest, margin))]
    if reasons:
        return Decision(REFUSED, reasons, contests)
    if not contests:
        return Decision(FIRST)
    better = all(contest.interval and contest.interval[0] > 0 for contest in contests)
    return Decision(BETTER if better else NOT_WORSE, (), contests)


def champion_objects(contest: Contest, margin: float) -> str:
    """Why the champion stays, if it does."""
    name, patents = f"{NAMES[contest.figure]} of {contest.task}", count(contest.patents)
    if contest.interval is None:
        return f"{name} cannot be told from the champion's on {patents} test patents ({count(contest.left_out)} left out, from which it learned)"
    if contest.interval[1] >= -margin:
        return ""
    model, champion, difference, low, high = (
        said(value, contest.figure)
        for value in (contest.model, contest.champion, contest.difference, *contest.interval)
    )
    beyond = f", beyond the register.margin of {said(margin, contest.figure)}" if margin else ""
    return (
        f"{name} is {model}, the champion's {champion} on the same {patents} test patents; the difference of {difference} "
        f"(95 % interval {low} to {high}) is worse for certain{beyond}"
    )


def said(value: float | None, figure: str) -> str:
    """A figure, or a difference of it, as a person reads it."""
    return share(value) if figure == "accuracy" else number(value)
