"""How models of citation levels did in a back-test, by the years between what they knew and the grant.

Reads of backtest.json what it needs; the experiment that writes it stands above this package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from patent_spark.config import CITATION_LEVEL
from patent_spark.core.errors import DataError
from patent_spark.core.store import Store
from patent_spark.inference.prediction.records import BacktestEvidence

SHOWN = {"top1.pr_auc": "PR-AUC of top1", "accuracy": "accuracy"}
_FILE = "backtest.json"


class _Metric(BaseModel):
    model: float | None
    baseline: float | None


class _Year(BaseModel):
    distance: int
    examples: int
    metrics: Mapping[str, _Metric]


class _Model(BaseModel):
    years: Sequence[_Year]


class _Task(BaseModel):
    models: Sequence[_Model]


class _Backtest(BaseModel):
    release_id: str
    tasks: Mapping[str, _Task]


class _Tested(NamedTuple):
    model: float
    baseline: float | None
    patents: int


def backtest_evidence(store: Store, release_id: str) -> tuple[BacktestEvidence, ...] | None:
    """What the current BACKTEST of a warehouse says of citation levels, the nearest distance first.

    None when there is no back-test, or one of another release or of the other task. Raises DataError for a
    file that is not a back-test's.
    """
    if store.manifest("backtest") is None:
        return None
    report = _read(store.directory("BACKTEST") / _FILE)
    if report.release_id != release_id or CITATION_LEVEL not in report.tasks:
        return None
    years = [year for model in report.tasks[CITATION_LEVEL].models for year in model.years]
    found = [
        _evidence(distance, metric, tested)
        for distance in sorted({year.distance for year in years})
        for metric in SHOWN
        if (tested := _tested([year for year in years if year.distance == distance], metric))
    ]
    return tuple(found) or None


def _read(path: Path) -> _Backtest:
    try:
        return _Backtest.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{path} is not a back-test of this version; run `patent-spark backtest --force`", file=str(path)
        ) from error


def _tested(years: Sequence[_Year], metric: str) -> list[_Tested]:
    metrics = [(year.metrics.get(metric), year.examples) for year in years]
    return [
        _Tested(each.model, each.baseline, examples)
        for each, examples in metrics
        if each is not None and each.model is not None
    ]


def _evidence(distance: int, metric: str, tested: Sequence[_Tested]) -> BacktestEvidence:
    values = [each.model for each in tested]
    baselines = [each.baseline for each in tested if each.baseline is not None]
    return BacktestEvidence(
        distance=distance,
        metric=metric,
        title=SHOWN[metric],
        models=len(tested),
        lowest=min(values),
        highest=max(values),
        baseline_lowest=min(baselines, default=None),
        baseline_highest=max(baselines, default=None),
        patents=sum(each.patents for each in tested),
    )


def nearest(evidence: Sequence[BacktestEvidence] | None, distance: int) -> tuple[BacktestEvidence, ...]:
    """What was tested at a distance, or at the nearest one."""
    near = min(
        (each.distance for each in evidence or ()), key=lambda each: abs(each - distance), default=None
    )
    return tuple(each for each in evidence or () if each.distance == near)
