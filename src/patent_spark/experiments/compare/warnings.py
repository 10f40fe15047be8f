"""What makes two runs harder to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from patent_spark.experiments.compare.report_schema import RunComparison
from patent_spark.metrics.cells import task_title

WarningCode = Literal["run_not_finished", "different_releases", "different_code", "not_paired"]

_COMPARED_TAGS: tuple[tuple[WarningCode, str, str], ...] = (
    ("different_releases", "release_id", "The releases"),
    ("different_code", "code", "The versions of the code"),
)


@dataclass(frozen=True)
class ComparisonWarning:
    """A warning of a comparison."""

    code: WarningCode
    message: str


def comparison_warnings(comparison: RunComparison) -> list[ComparisonWarning]:
    """Unfinished runs, different data or code, and tasks without paired differences."""
    warnings = [
        ComparisonWarning("run_not_finished", f"{run.short} is {run.status}, so its metrics may change.")
        for run in comparison.runs
        if run.status != "FINISHED"
    ]
    for code, tag, title in _COMPARED_TAGS:
        values = [run.tags.get(tag, "unknown") for run in comparison.runs]
        if values[0] != values[1]:
            warnings.append(ComparisonWarning(code, f"{title} differ: {' and '.join(values)}."))
    return warnings + [
        ComparisonWarning(
            "not_paired", f"{task_title(task, each.labels)}: no paired differences, because {why.message}."
        )
        for task, each in comparison.tasks.items()
        if (why := each.not_paired)
    ]
