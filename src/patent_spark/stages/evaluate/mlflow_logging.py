"""What an evaluation adds to the MLflow run of the training: calibrated model, predictions, metrics,
report."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from patent_spark.config import Config
from patent_spark.core.progress import say
from patent_spark.core.schemas import TEST
from patent_spark.core.store import Store
from patent_spark.inference.calibrated_network import calibrated_network
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.network_inputs import FEATURES, TOKENS
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.prediction_records import RUN_FOLDER, read_predictions, write_sample
from patent_spark.metrics.report_schema import Metric, Metrics, SplitMetrics, headline_parts
from patent_spark.stages.evaluate.examples import Block
from patent_spark.stages.evaluate.inputs import TaskInputs
from patent_spark.tracking.datasets import example_sets
from patent_spark.tracking.runs import MODEL, Run, TrackingError, attach

_OVERALL = (
    Metric.ACCURACY,
    Metric.MACRO_F1,
    Metric.WEIGHTED_F1,
    Metric.TOP3_ACCURACY,
    Metric.TOP5_ACCURACY,
    Metric.KAPPA,
    Metric.BRIER,
)
_PARTS = tuple(metric for metric in Metric if metric.part)


class TaskRunLogger:
    """The run of a task's training. Failures are reported, not raised; without a run_id nothing is logged."""

    def __init__(self, config: Config, task: str, run_id: str | None) -> None:
        self._task, self._prefix = task, config.prefix(task)
        self._run: Run | None = None
        if run_id:
            with self._reporting("the report"):
                self._run = attach(config, run_id)

    def log_datasets(self, store: Store, inputs: TaskInputs) -> None:
        """The test sets, as inputs of the run."""
        if self._run is not None:
            with self._reporting("the test sets"):
                self._run.log_datasets(example_sets(store, inputs.task, inputs.test_splits))

    def log_model(
        self, scorer: Scorer, calibration: Calibration, linear: LinearModel, examples: Block
    ) -> None:
        """The model as it is served: tokens, and features if it reads them, in, calibrated probabilities
        out."""
        if self._run is not None:
            about = {"labels": scorer.labels, "calibration": dataclasses.asdict(calibration)}
            with self._reporting("the calibrated model"):
                network = calibrated_network(scorer.network, calibration, linear)
                beside = {FEATURES: examples.features} if scorer.features else {}
                inputs = {TOKENS: examples.tokens, **beside}
                self._run.log_model(network, inputs, f"{self._prefix}{MODEL}", about)

    def log_predictions(self, folder: Path, inputs: TaskInputs, limit: int) -> None:
        """Predictions for the headline's patents, for `patent-spark compare`; at most `limit` patents.

        folder: PREDICTIONS.
        """
        if self._run is not None and limit:
            splits = headline_parts(inputs.test_splits)
            predictions = read_predictions(folder, inputs.task, inputs.labels, splits)
            with TemporaryDirectory() as scratch, self._reporting("the predictions"):
                path = Path(scratch) / f"{self._task}.parquet"
                write_sample(path, predictions, limit)
                self._run.log_file(path, RUN_FOLDER)

    def log_metrics(self, metrics: Metrics) -> None:
        """The metrics of all test splits."""
        if self._run is not None:
            with self._reporting("the metrics"):
                values = {f"{self._prefix}{name}": value for name, value in logged_metrics(metrics).items()}
                self._run.log_metrics(values)

    def log_report(self, report: Path) -> None:
        """The folder of the report."""
        if self._run is not None:
            with self._reporting("the report"):
                self._run.log_report(report)

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        try:
            yield
        except TrackingError as error:
            say(f"  evaluate {self._task}: could not log {what} to MLflow: {error}")


def logged_metrics(metrics: Metrics) -> dict[str, float]:
    """The metrics that go to MLflow, by name.

    MLflow groups charts by what is before the slash, such as the split.
    """
    named: dict[str, SplitMetrics] = {TEST: metrics}
    named |= {split: each for split, each in metrics.splits.items() if split != TEST}
    values: dict[str, float | None] = {}
    for split, each in named.items():
        values |= {f"{split}/{name}": value for name, value in _of_split(each).items()}
    for reference, each_reference in metrics.references.items():
        for metric in Metric:
            values[f"{TEST}/{reference}_{_flat(metric)}"] = each_reference.value(metric)
    if metrics.calibration is not None:
        values[f"{TEST}/temperature"] = metrics.calibration.temperature
        values[f"{TEST}/ece_before_calibration"] = metrics.calibration.before.ece
        values[f"{TEST}/ece_after_calibration"] = metrics.calibration.after.ece
    return {name: float(value) for name, value in values.items() if value is not None}


def _of_split(metrics: SplitMetrics) -> dict[str, float | None]:
    values = {_flat(metric): metrics.value(metric) for metric in (*_OVERALL, *_PARTS)}
    values |= {f"baseline_{name}_accuracy": each.accuracy for name, each in metrics.baselines.items()}
    return values | {
        f"{_flat(metric)}_above_best_baseline": best.difference
        for metric, best in metrics.best_baseline.items()
    }


def _flat(metric: Metric) -> str:
    return metric.value.replace(".", "_")
