"""What a check says: a figure, the limit that it must not exceed, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

PASSED, FAILED, NOT_MADE, NOT_APPLICABLE = "passed", "failed", "not_made", "not_applicable"
"""not_made: the question has a meaning here, but what is needed to answer it is not there; not_applicable: it has none."""
INCOMPLETE = "incomplete"
"""The verdict on all checks when none failed and some could not be made."""

SHARE, NUMBER, COUNT = "share", "number", "count"
"""Forms of a figure, as pages.form() writes them."""

NOISE = 4.0
"""Standard errors that a figure may be off by chance before it counts: many checks are made, and a false alarm costs trust."""


@dataclass(frozen=True)
class Check:
    """One check of the audit, as AUDIT holds it."""

    name: str
    task: str | None
    """None: it is about all tasks."""
    figure: float | None
    unit: str
    form: str
    limit: float | None
    """The largest figure that passes."""
    verdict: str
    done: str
    """What was looked at and found; of a check that was not made or is not applicable, why."""
    meaning: str
    """What a failure means."""


@dataclass(frozen=True)
class Question:
    """What a check asks, whatever the answer."""

    name: str
    unit: str
    form: str
    meaning: str

    def answer(self, figure: float, limit: float, done: str) -> Check:
        """Passed up to the limit; a figure that is no number fails."""
        verdict = PASSED if figure <= limit else FAILED
        return Check(
            self.name, None, float(figure), self.unit, self.form, float(limit), verdict, done, self.meaning
        )

    def not_applicable(self, why: str) -> Check:
        """The question has no meaning for this task or release, and why."""
        return self._unanswered(NOT_APPLICABLE, why)

    def not_made(self, why: str) -> Check:
        """The question cannot be answered now: what is missing, and what to do; the gate lets nothing pass until it is."""
        return self._unanswered(NOT_MADE, why)

    def _unanswered(self, verdict: str, why: str) -> Check:
        return Check(self.name, None, None, self.unit, self.form, None, verdict, why, self.meaning)


def verdict_on_all(checks: Collection[Check]) -> str:
    """failed, incomplete or passed."""
    verdicts = {check.verdict for check in checks}
    return FAILED if FAILED in verdicts else INCOMPLETE if NOT_MADE in verdicts else PASSED


def noise_of(share: float, rows: int) -> float:
    """How far the share found among so many rows may lie from the true one by chance."""
    return NOISE * math.sqrt(share * (1 - share) / max(1, rows))
