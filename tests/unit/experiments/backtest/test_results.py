"""The results of a back-test: metrics read from METRICS of small warehouses, decay by hand, and the page."""

import html
import re

import pytest

from patent_spark.core.files import write_json
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import ModelPlan
from patent_spark.experiments.backtest.report import write_page
from patent_spark.experiments.backtest.report_schema import (
    SHOWN_METRICS,
    BacktestReport,
    MetricResult,
    ReferenceValue,
    TaskBacktest,
    YearResult,
)
from patent_spark.experiments.backtest.results import decay, mlflow_metrics, model_result
from patent_spark.experiments.backtest.run import text_table
from patent_spark.experiments.child_warehouse import AuditOutcome, FailedCheck
from patent_spark.metrics.report_schema import BestBaseline, Metric, Metrics
from patent_spark.stages.audit.report_schema import CheckResult, make_audit
from tests.support.factories import publish, task_examples

BASELINES = ("majority", "class_prior", "tfidf_nearest", "tfidf_linear")
REFERENCE = {
    "accuracy": 0.9,
    "top1": {"pr_auc": 0.5},
    "title": "best possible",
    "about": "",
    "upper_bound": True,
}


def metrics_of(accuracy, pr_auc, lift=None, interval=0.05):
    top1 = {"pr_auc": pr_auc, "lift_at_1_percent": lift, "intervals": {"pr_auc": [pr_auc / 2, pr_auc * 2]}}
    return {
        "accuracy": accuracy,
        "intervals": {"accuracy": [accuracy - interval, accuracy + interval]},
        "top1": top1,
    }


def year_metrics(accuracy, pr_auc, linear=(0.6, 0.1, 2.0), references=None):
    """A test year as METRICS has it; the linear baseline is the best one."""
    baselines = {name: metrics_of(0.5, 0.02, 1.0) for name in BASELINES}
    baselines["tfidf_linear"] = metrics_of(*linear)
    best = {"baseline": "tfidf_linear", "interval": [-0.01, 0.3], "verdict": "better"}
    return metrics_of(accuracy, pr_auc, 7.0) | {
        "examples": 1234,
        "baselines": baselines,
        "best_baseline": {
            "accuracy": best | {"difference": accuracy - linear[0]},
            "top1.pr_auc": best | {"difference": pr_auc - linear[1], "verdict": "worse"},
        },
        "references": references or {},
    }


def check_result(task, name, status):
    """A check of the audit, as far as the back-test reads it."""
    return CheckResult(
        code=name.replace(" ", "_"),
        name=name,
        task=task,
        status=status,
        value=None,
        limit=None,
        unit="rows",
        format="count",
        details="",
        interpretation="",
    )


def publish_model(root, years, failed=(), not_made=()):
    """A child warehouse with a citation model, as run_child leaves it."""
    store = Store(root)
    statuses = {(None, "one"): "passed", ("citation_level", "two"): "not_applicable"}
    statuses |= {("citation_level", name): "failed" for name in failed}
    statuses |= {(None, name): "not_made" for name in not_made}
    audit = make_audit("tiny", (check_result(task, name, statuses[task, name]) for task, name in statuses))
    examples = task_examples(train=5000, development=500)
    publish(store, "shard", {}, {"tasks": {"citation_level": examples}})
    publish(store, "text", {}, {"vocabulary_size": 4321})
    metrics = Metrics.model_validate(
        {"run_id": "abc", "by_year": {str(year): each for year, each in years.items()}}
    )
    for stage, output, name, values in (
        ("evaluate", "METRICS", "citation_level.json", metrics.as_json()),
        ("audit", "AUDIT", "audit.json", audit.model_dump(mode="json")),
    ):
        publish(store, stage, {}, fill=lambda draft: write_json(draft.path(output) / name, values))  # noqa: B023
    return store


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    reference = {"bayes_optimal": REFERENCE}
    old = {2007: year_metrics(0.70, 0.20), 2008: year_metrics(0.68, 0.18, references=reference)}
    new = {2008: year_metrics(0.72, 0.24), 2009: year_metrics(0.71, 0.22, references=reference)}
    older = ModelPlan(2006, (2007, 2008, 2009), (2010,))
    newer = ModelPlan(2007, (2008, 2009), ())
    return (
        model_result(publish_model(home / "a", old), older, "citation_level"),
        model_result(publish_model(home / "b", new, failed=["label mix"]), newer, "citation_level"),
    )


def test_an_audit_with_checks_that_could_not_run_is_incomplete(tmp_path):
    store = publish_model(tmp_path / "a", {2008: year_metrics(0.7, 0.2)}, not_made=["recount"])
    result = model_result(store, ModelPlan(2006, (2008,), ()), "citation_level")
    assert result.audit == AuditOutcome(status="incomplete", run=1, failed=())


def test_a_model_has_what_its_warehouse_holds(models):
    old, new = models
    assert (old.as_of, old.open_years) == (2006, (2010,))
    assert (old.training, old.development, old.vocabulary, old.run_id) == (5000, 500, 4321, "abc")
    assert old.audit == AuditOutcome(status="passed", run=1, failed=())
    label_mix = FailedCheck(task="citation_level", name="label mix")
    assert new.audit == AuditOutcome(status="failed", run=2, failed=(label_mix,))
    # 2009 has no patent
    years = [(year.year, year.distance, year.examples) for year in old.years]
    assert years == [(2007, 1, 1234), (2008, 2, 1234)]
    first, second = (year.metrics for year in old.years)
    assert second[Metric.TOP1_PR_AUC] == MetricResult(
        model=0.18,
        interval=(0.09, 0.36),
        best_baseline="tfidf_linear",
        baseline=0.1,
        difference=BestBaseline(
            baseline="tfidf_linear", difference=0.18 - 0.1, interval=(-0.01, 0.3), verdict="worse"
        ),
        class_prior=0.02,
        references={"bayes_optimal": ReferenceValue(title="best possible", value=0.5)},
    )
    assert second[Metric.ACCURACY].references["bayes_optimal"].value == 0.9
    assert first[Metric.ACCURACY].references == {}
    # METRICS compares no lift, so the best baseline is looked for here
    lift = second[Metric.TOP1_LIFT_AT_1_PERCENT]
    assert (lift.model, lift.best_baseline, lift.baseline) == (7.0, "tfidf_linear", 2.0)
    assert (lift.interval, lift.difference) == (None, None)


def test_decay_compares_models_on_the_same_test_year(models):
    # only 2008 has two models, one year apart, each with an interval of 0.05 to both sides
    result = decay(models, Metric.ACCURACY)
    assert result.per_year == pytest.approx(0.68 - 0.72)
    assert result.interval == pytest.approx([-0.04 - 0.05 * 2**0.5, -0.04 + 0.05 * 2**0.5])
    assert decay(models[:1], Metric.ACCURACY) is None
    # 2011 is an easy year and 2009 a hard one; in each, a year of distance costs 0.02
    years = [
        (point(2009, 3, 0.40), point(2011, 5, 0.80)),
        (point(2009, 1, 0.44), point(2011, 3, 0.84), point(2010, 2, None)),
        (point(2011, 1, 0.88),),
    ]
    several = [models[0].model_copy(update={"years": each}) for each in years]
    result = decay(several, Metric.ACCURACY)
    assert (result.per_year, result.interval) == (pytest.approx(-0.02), None)


def point(year, distance, value):
    result = MetricResult(
        model=value,
        interval=None,
        best_baseline="majority",
        baseline=None,
        difference=None,
        class_prior=None,
        references={},
    )
    return YearResult(year=year, distance=distance, examples=1, metrics={Metric.ACCURACY: result})


def test_mlflow_metrics_have_the_test_year_as_step(models):
    steps = mlflow_metrics("citation_level", models)
    assert [year for year, _ in steps] == [2007, 2008, 2008, 2009]
    assert steps[0][1] == {
        "citation_level_top1_pr_auc_as_of_2006": 0.20,
        "citation_level_top1_pr_auc_best_baseline_as_of_2006": 0.1,
        "citation_level_accuracy_as_of_2006": 0.70,
        "citation_level_accuracy_best_baseline_as_of_2006": 0.6,
        "citation_level_top1_lift_at_1_percent_as_of_2006": 7.0,
        "citation_level_top1_lift_at_1_percent_best_baseline_as_of_2006": 2.0,
    }


def test_the_table_on_a_terminal(models):
    lines = text_table("citation_level", models)
    assert lines[1].startswith("citation level")
    heads = " ".join(lines[2].split())
    assert all(title in heads for title in SHOWN_METRICS["citation_level"].values())
    values = ["2006", "2007", "1,234", "0.200", "0.100", "0.700", "0.600", "7.000", "2.000"]
    assert lines[3].split() == values


def test_the_page_shows_everything_and_needs_nothing_beside_it(models, tmp_path):
    report = BacktestReport(
        release_id="r7",
        data_to_date="2014-12-31",
        simulated=True,
        horizon_months=60,
        last_closed_year=2009,
        settings_set={"label.reference_set": "class_year"},
        excluded_tasks=("technology",),
        classes_at_issue=True,
        tasks={
            "citation_level": TaskBacktest(
                models=models,
                decay={metric: decay(models, metric) for metric in SHOWN_METRICS["citation_level"]},
            )
        },
    )
    write_page(tmp_path, report)
    page = (tmp_path / "report.html").read_text()
    text = html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
    for words in (
        "0.220 PR-AUC of top1",
        "−0.060 (−0.285 to +0.165)",
        "in 0 of 4 test years, worse in 4 .",
        "71.0 % Accuracy",
        "−4.0 points (−11.1 to +3.1)",
        "label mix",
        "as of 2006 70.0 % 65.0 to 75.0 % 68.0 % 63.0 to 73.0 % as of 2007",
        "best possible – – 90.0 %",
        "end of 2006 5,000 500 4,321 2007 to 2008 2010 all 1 checks passed",
        "60 months",
        "The last 5 grant years",
        "label.reference_set=class_year",
        "technology.protocol=temporal",
        "g_cpc_at_issue",
    ):
        assert words in text, words
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "citation_level_by_distance.png",
        "citation_level_by_year.png",
    ]
    assert 'src="data:image/png' in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert BacktestReport.model_validate_json(report.model_dump_json()) == report
