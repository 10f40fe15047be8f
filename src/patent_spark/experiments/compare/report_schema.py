"""The records of compare.json: a baseline run and a candidate run side by side."""

from __future__ import annotations

from typing import Literal

from patent_spark.metrics.paired import PairedComparison
from patent_spark.metrics.report_schema import Metrics, Record

Curve = tuple[tuple[int, float], ...]
"""(epoch, value)."""


class RunInfo(Record):
    """A run of MLflow."""

    run_id: str
    name: str
    task: str
    status: str
    started: str
    """UTC."""
    seconds: float | None
    """None while it is running."""
    tags: dict[str, str]

    @property
    def short(self) -> str:
        """The beginning of the id."""
        return self.run_id[:8]


class RunResults(Record):
    """One task of a run."""

    metrics: Metrics | None
    """METRICS; None when the run was not evaluated."""
    curves: dict[str, Curve]
    """Losses and accuracies by epoch."""


class NotPaired(Record):
    """Why two runs have no paired differences."""

    code: Literal["not_evaluated", "no_predictions", "different_labels", "different_test_patents"]
    message: str


class TaskComparison(Record):
    """One task of both runs."""

    baseline: RunResults
    candidate: RunResults
    test_patents: int
    """Of the runs' test sets; the paired predictions may be a sample of them."""
    paired: dict[str, PairedComparison] | None
    """Differences, candidate minus baseline, on all test patents and on each split."""
    not_paired: NotPaired | None

    @property
    def results(self) -> tuple[RunResults, RunResults]:
        """Baseline and candidate."""
        return self.baseline, self.candidate

    @property
    def metrics(self) -> tuple[Metrics | None, Metrics | None]:
        """METRICS of baseline and candidate."""
        return self.baseline.metrics, self.candidate.metrics

    @property
    def labels(self) -> list[str]:
        """The labels of the candidate, or of the baseline if the candidate was not evaluated."""
        return next((each.labels for each in reversed(self.metrics) if each), [])


class ValuePair(Record):
    """A value in both runs."""

    baseline: str | int | float | None
    candidate: str | int | float | None

    @property
    def values(self) -> tuple[str | int | float | None, str | int | float | None]:
        """Baseline and candidate."""
        return self.baseline, self.candidate

    @property
    def differs(self) -> bool:
        """Whether the values differ."""
        return self.baseline != self.candidate


class RunComparison(Record):
    """compare.json."""

    baseline: RunInfo
    candidate: RunInfo
    tasks: dict[str, TaskComparison]
    settings: dict[str, ValuePair]
    """Settings that differ."""
    data: dict[str, ValuePair]
    """Releases, code, versions and sizes."""

    @property
    def runs(self) -> tuple[RunInfo, RunInfo]:
        """Baseline and candidate."""
        return self.baseline, self.candidate
