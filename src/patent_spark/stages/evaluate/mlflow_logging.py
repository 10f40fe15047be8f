"""What an evaluation adds to the MLflow run of the training: the calibrated model, the answers, the figures, the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Config
from patent_spark.core.progress import say
from patent_spark.inference.calibrated_network import calibrated_network
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.prediction_records import ANSWERS, Answers, write_answers
from patent_spark.stages.evaluate.measure import tracked_figures
from patent_spark.tracking.runs import MODEL, Run, TrackingError, attach


class TaskRun:
    """The run of a task's training. What cannot be kept there is said, never raised; without a run_id nothing is kept."""

    def __init__(self, config: Config, task: str, run_id: str | None) -> None:
        self._task, self._prefix = task, config.prefix(task)
        self._run: Run | None = None
        if run_id:
            with self._or_say("the report stays"):
                self._run = attach(config, run_id)

    def keep_model(self, scorer: Scorer, calibration: Calibration, tokens: NDArray[np.int32]) -> None:
        """The model as it is served: tokens in, calibrated probabilities out; tokens: some, as its input example."""
        if self._run is not None:
            about = {"labels": scorer.labels, "calibration": dataclasses.asdict(calibration)}
            with self._or_say("the calibrated model stays"):
                self._run.log_model(
                    calibrated_network(scorer.network, calibration), tokens, f"{self._prefix}{MODEL}", about
                )

    def keep_answers(self, answers: Answers, limit: int) -> None:
        """The answers, for `patent-spark compare`; limit: evaluate.logged_predictions."""
        if self._run is not None and limit:
            with TemporaryDirectory() as folder, self._or_say("the answers stay"):
                path = Path(folder) / f"{self._task}.parquet"
                write_answers(path, answers, limit)
                self._run.log_file(path, ANSWERS)

    def keep_report(self, result: dict[str, Any], report: Path) -> None:
        """The figures of METRICS and the report's folder."""
        if self._run is not None:
            with self._or_say("the report stays"):
                self._run.log_metrics(
                    {f"{self._prefix}{name}": value for name, value in tracked_figures(result).items()}
                )
                self._run.log_report(report)

    @contextmanager
    def _or_say(self, what: str) -> Iterator[None]:
        try:
            yield
        except TrackingError as error:
            say(f"  evaluate {self._task}: {what} out of MLflow: {error}")
