"""`make audit-canaries`: plant each leak in a small simulated release and print what the audit says; exit code 1 when one is not caught."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from patent_spark.core.store import Store
from patent_spark.reporting.html import form
from patent_spark.stages.audit.verdicts import FAILED, PASSED, Check
from tests.support.audit_warehouse import build_world, configured
from tests.support.corruption import copy_of
from tests.support.leaks import LEAKS
from tests.support.leaks.leak import judge

HEADER = ("leak planted", "task", "caught by", "clean", "figure", "limit", "")


def canaries(store: Store, scratch: Path) -> list[tuple[str, ...]]:
    """A row a leak: what was planted, the task, the check, its figure without and with the leak, its limit, and what came of it."""
    config = configured(store.root)
    found = []
    for number, leak in enumerate(LEAKS):
        before = judge(leak, store, config)
        spoilt = copy_of(store, scratch / str(number))
        leak.plant(spoilt)
        found.append(
            (leak.planted, leak.task or "all", leak.caught_by, *outcome(before, judge(leak, spoilt, config)))
        )
    return found


def outcome(before: Check, after: Check) -> tuple[str, ...]:
    """Figures and limit as text, and `caught`, `NOT CAUGHT` or `FALSE ALARM`."""
    word = (
        "FALSE ALARM" if before.verdict != PASSED else "caught" if after.verdict == FAILED else "NOT CAUGHT"
    )
    return (*(form(value, after.form) for value in (before.figure, after.figure, after.limit)), word)


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        rows = [HEADER, *canaries(build_world(Path(scratch) / "clean"), Path(scratch))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    missed = sum(row[-1] != "caught" for row in rows[1:])
    print(
        f"\n{len(rows) - 1 - missed} of {len(rows) - 1} leaks caught, each by the check that passed without it"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
