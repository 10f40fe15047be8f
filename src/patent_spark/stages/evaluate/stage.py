"""Stage evaluate: predict, measure, report.

predict    PREDICTIONS, BASELINE_PREDICTIONS,
           LINEAR, CALIBRATION, BASELINES     from the model and the test shards
measure    METRICS                            from these tables
report     REPORT                             from METRICS

Each step runs only if something it depends on has changed. The report is always written.
"""

from __future__ import annotations

from collections.abc import Sequence

from patent_spark.core.context import StageContext
from patent_spark.core.files import write_json
from patent_spark.core.metadata import EvaluatedTask, EvaluateMetadata
from patent_spark.metrics.groups import read_patent_groups
from patent_spark.metrics.report_schema import Metrics, read_metrics_file
from patent_spark.stages.evaluate import measure, predict, report
from patent_spark.stages.evaluate.examples import read_blocks
from patent_spark.stages.evaluate.inputs import TaskInputs, task_inputs
from patent_spark.stages.evaluate.mlflow_logging import TaskRunLogger
from patent_spark.stages.evaluate.steps import Step, Steps

PREDICT = Step("predict", predict.__name__, predict.SETTINGS, predict.READS, predict.OUTPUTS)
MEASURE = Step("measure", measure.__name__, measure.SETTINGS, measure.READS, measure.OUTPUTS)

_EXAMPLE_TEXTS = 2


def run(context: StageContext) -> None:
    """Evaluate the models of the configured tasks."""
    inputs = [task_inputs(context, task) for task in context.config.task_names]
    runs = {each.task: TaskRunLogger(context.config, each.task, each.run_id) for each in inputs}
    for each in inputs:
        runs[each.task].log_datasets(context.store, each)
    steps = Steps(context)
    if not steps.reuse(PREDICT):
        _predict(context, inputs, runs)
    if not steps.reuse(MEASURE, after=[PREDICT.name]):
        _measure(context, inputs, runs)
    metrics = {each.task: _without_audit(context, each.task) for each in inputs}
    report.write_report(context.draft.path("REPORT"), context.store, inputs, metrics)
    for run_ in runs.values():
        run_.log_report(context.draft.path("REPORT"))
    tasks = {task: _headline(each) for task, each in metrics.items()}
    context.record_metadata(EvaluateMetadata(tasks=tasks, steps=steps.keys))


def _headline(metrics: Metrics) -> EvaluatedTask:
    return EvaluatedTask(
        accuracy=metrics.accuracy or 0.0,
        macro_f1=metrics.macro_f1 or 0.0,
        examples=metrics.examples,
        warnings=tuple(warning.message for warning in metrics.warnings),
    )


def _predict(context: StageContext, inputs: Sequence[TaskInputs], runs: dict[str, TaskRunLogger]) -> None:
    groups = read_patent_groups(context.store)
    draft = context.draft
    with draft.writer("PREDICTIONS") as model, draft.writer("BASELINE_PREDICTIONS") as baselines:
        writers = predict.Writers(model, baselines)
        for each in inputs:
            predictors = predict.predict_task(context, each, groups, writers)
            train = each.examples / "train"
            examples = next(read_blocks(train, each.max_tokens, _EXAMPLE_TEXTS, each.feature_width))
            runs[each.task].log_model(
                predictors.scorer,
                predictors.calibration,
                predictors.baselines.strongest.model,
                examples.take(slice(_EXAMPLE_TEXTS)),
            )
    for each in inputs:
        limit = context.config.evaluate.logged_predictions
        runs[each.task].log_predictions(draft.directory / "PREDICTIONS", each, limit)


def _measure(context: StageContext, inputs: Sequence[TaskInputs], runs: dict[str, TaskRunLogger]) -> None:
    draft = context.draft
    for each in inputs:
        metrics = measure.measure_task(context.config, context.store, draft.directory, each)
        write_json(draft.path("METRICS") / f"{each.task}.json", metrics.as_json())
        runs[each.task].log_metrics(metrics)


def _without_audit(context: StageContext, task: str) -> Metrics:
    """METRICS of a task.

    Reused METRICS may have the verdict of an audit, which has not seen this version yet.
    """
    path = context.draft.path("METRICS") / f"{task}.json"
    metrics = read_metrics_file(path)
    if metrics.audit is None:
        return metrics
    values = metrics.as_json()
    del values["audit"]
    write_json(path, values)
    return Metrics.model_validate(values)
