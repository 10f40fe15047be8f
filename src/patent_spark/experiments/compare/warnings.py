"""What makes two runs harder to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from patent_spark.experiments.compare.report_schema import RunComparison
from patent_spark.metrics.cells import TITLES


@dataclass(frozen=True)
class ComparisonWarning:
    """A warning of a comparison."""

    code: Literal["run_not_finished", "different_releases", "different_code", "not_paired"]
    message: str


def comparison_warnings(comparison: RunComparison) -> list[ComparisonWarning]:
    """Unfinished runs, different data or code, and tasks without paired differences."""
    baseline, candidate = comparison.runs
    warnings = [
        ComparisonWarning("run_not_finished", f"{run.short} is {run.status}, so its metrics may change.")
        for run in comparison.runs
        if run.status != "FINISHED"
    ]
    releases, codes = (
        [run.tags.get(name, "unknown") for run in (baseline, candidate)] for name in ("release_id", "code")
    )
    if releases[0] != releases[1]:
        warnings.append(
            ComparisonWarning("different_releases", f"The releases differ: {' and '.join(releases)}.")
        )
    if codes[0] != codes[1]:
        warnings.append(
            ComparisonWarning("different_code", f"The versions of the code differ: {' and '.join(codes)}.")
        )
    return warnings + [
        ComparisonWarning("not_paired", f"{TITLES[task]}: no paired differences, because {why.message}.")
        for task, each in comparison.tasks.items()
        if (why := each.not_paired)
    ]
