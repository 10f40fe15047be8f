"""What a back-test and an ablation leave: a page, its numbers as JSON, and metrics in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from patent_spark.config import Config, digest, flatten
from patent_spark.core.code_version import code_version
from patent_spark.core.files import write_json
from patent_spark.core.progress import say
from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import open_store
from patent_spark.metrics.report_schema import Record
from patent_spark.tracking.runs import Run, TrackingError


class ExperimentReport(Record):
    """What the reports of all experiments have in common."""

    release_id: str
    data_to_date: str
    simulated: bool


R = TypeVar("R", bound=ExperimentReport)


def publish(
    config: Config, kind: str, report: R, write_page: Callable[[Path, R], None], seconds: float
) -> Path:
    """The next version of BACKTEST or ABLATION: report.html and figures by `write_page`, and <kind>.json."""
    store, output = open_store(config.warehouse), kind.upper()
    values = report.model_dump(mode="json")
    with store.draft(STAGE_OF[output]) as draft:
        folder = draft.path(output)
        write_page(folder, report)
        write_json(folder / f"{kind}.json", values)
        draft.publish(
            key=digest(values),
            release_id=report.release_id,
            settings=flatten(config),
            inputs={},
            seconds=seconds,
            code=code_version(),
            engine="",
        )
    return folder


def log_experiment(
    parent: Run, kind: str, metrics: Iterable[tuple[int, Mapping[str, float]]], folder: Path
) -> None:
    """Log metrics, each with its step, and the page; a tracking server that fails is reported, not raised."""
    try:
        for step, named in metrics:
            parent.log_metrics(named, step=step)
        parent.log_report(folder, kind)
    except TrackingError as error:
        say(f"  {kind}: the metrics are not in MLflow: {error}")
