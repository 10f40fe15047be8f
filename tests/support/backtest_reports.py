"""A back-test of citation levels, published as the command writes it."""

from patent_spark.core.files import write_json
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.report_schema import (
    BacktestReport,
    MetricResult,
    ModelResult,
    TaskBacktest,
    YearResult,
)
from patent_spark.experiments.child_warehouse import AuditOutcome
from patent_spark.metrics.report_schema import Metric
from tests.support.factories import publish


def metric(model, baseline):
    return MetricResult(
        model=model,
        interval=None,
        best_baseline="tfidf_linear",
        baseline=baseline,
        difference=None,
        class_prior=None,
        references={},
    )


def year(as_of, distance, examples, pr_auc, accuracy):
    """pr_auc, accuracy: of the model and of the best baseline."""
    metrics = {Metric.TOP1_PR_AUC: metric(*pr_auc), Metric.ACCURACY: metric(*accuracy)}
    return YearResult(year=as_of + distance, distance=distance, examples=examples, metrics=metrics)


def model(as_of, *years):
    return ModelResult(
        as_of=as_of,
        open_years=(),
        training=5000,
        development=500,
        vocabulary=4321,
        run_id="r",
        warehouse="w",
        audit=AuditOutcome(status="passed", run=1, failed=()),
        years=years,
    )


def publish_backtest(store: Store, *models, release_id="release-1", task="citation_level"):
    report = BacktestReport(
        release_id=release_id,
        data_to_date="2014-12-31",
        simulated=True,
        horizon_months=60,
        last_closed_year=2009,
        settings_set={},
        excluded_tasks=(),
        classes_at_issue=True,
        tasks={task: TaskBacktest(models=models, decay={})},
    )
    values = report.model_dump(mode="json")
    publish(
        store, "backtest", {}, fill=lambda draft: write_json(draft.path("BACKTEST") / "backtest.json", values)
    )
