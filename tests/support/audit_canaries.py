"""`make audit-canaries`: inject each leak into a small simulated release and print what the audit reports.

The exit code is 1 when a leak is not caught.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from patent_spark.core.store import Store
from patent_spark.reporting.html import form
from patent_spark.stages.audit.report_schema import FAILED, PASSED, CheckResult
from tests.support.audit_warehouse import build_warehouse, configured
from tests.support.corruption import copy_of
from tests.support.leaks import LEAKS
from tests.support.leaks.leak import result_for

HEADER = ("injected leak", "task", "check", "clean", "value", "limit", "")


def canaries(store: Store, scratch: Path) -> list[tuple[str, ...]]:
    """A row a leak: description, task, check, its value without and with the leak, limit, outcome."""
    config = configured(store.root)
    rows = []
    for number, leak in enumerate(LEAKS):
        before = result_for(leak, store, config)
        corrupted = copy_of(store, scratch / str(number))
        leak.inject(corrupted)
        after = result_for(leak, corrupted, config)
        rows.append((leak.description, leak.task or "all", leak.caught_by, *outcome(before, after)))
    return rows


def outcome(before: CheckResult, after: CheckResult) -> tuple[str, ...]:
    """Values and limit as text, and `caught`, `NOT CAUGHT` or `FALSE ALARM`."""
    word = "caught" if after.status == FAILED else "NOT CAUGHT"
    if before.status != PASSED:
        word = "FALSE ALARM"
    return (*(form(value, after.format) for value in (before.value, after.value, after.limit)), word)


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        rows = [HEADER, *canaries(build_warehouse(Path(scratch) / "clean"), Path(scratch))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    missed = sum(row[-1] != "caught" for row in rows[1:])
    n_leaks = len(rows) - 1
    print(f"\n{n_leaks - missed} of {n_leaks} leaks caught, each by a check that passed without it")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
