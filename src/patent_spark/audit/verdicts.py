"""What a check says: a figure, the limit that it must not exceed, and the verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass

PASSED, FAILED, NOT_APPLICABLE = "passed", "failed", "not_applicable"
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
    """What was looked at and found; of a check that is not applicable, why."""
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
        return Check(self.name, None, float(figure), self.unit, self.form, float(limit), verdict, done, self.meaning)

    def not_applicable(self, why: str) -> Check:
        """No verdict, and the reason."""
        return Check(self.name, None, None, self.unit, self.form, None, NOT_APPLICABLE, why, self.meaning)


def noise_of(share: float, rows: int) -> float:
    """How far the share found among so many rows may lie from the true one by chance."""
    return NOISE * math.sqrt(share * (1 - share) / max(1, rows))
