"""What both commands leave: a page with its numbers in the warehouse, and figures in the MLflow run over all trainings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from patent_spark.config import Config, digest, flatten
from patent_spark.core.code_version import code_version
from patent_spark.core.progress import say
from patent_spark.core.schemas import STAGE_OF
from patent_spark.core.store import Store, write_json
from patent_spark.tracking.runs import Run, TrackingError


def publish(
    config: Config,
    kind: str,
    found: Mapping[str, Any],
    write_page: Callable[[Path, Any], None],
    seconds: float,
) -> Path:
    """The next version of BACKTEST or ABLATION: report.html and figures, which `write_page` writes, and the numbers as JSON."""
    store, output = Store(config.warehouse.root, config.warehouse.keep_versions), kind.upper()
    with store.draft(STAGE_OF[output]) as draft:
        folder = draft.path(output)
        write_page(folder, found)
        write_json(folder / f"{kind}.json", found)
        draft.publish(
            key=digest(found),
            release_id=found["release_id"],
            settings=flatten(config),
            inputs={},
            seconds=seconds,
            code=code_version(),
            engine="",
        )
    return folder


def track(parent: Run, kind: str, figures: Iterable[tuple[int, Mapping[str, float]]], folder: Path) -> None:
    """Figures, each with its step, and the page into the run; when it cannot be had the work stands without, and that is said."""
    try:
        for step, named in figures:
            parent.log_metrics(named, step=step)
        parent.log_report(folder, kind)
    except TrackingError as error:
        say(f"  {kind}: the figures stay out of MLflow: {error}")
