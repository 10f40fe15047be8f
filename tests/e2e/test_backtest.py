"""Back-tests and an ablation on a small release by the real command line, and what MLflow keeps of them."""

import json

import pytest
from mlflow import MlflowClient

from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.store import Store
from patent_spark.experiments.ablation.report_schema import AblationReport
from patent_spark.experiments.backtest.report_schema import BacktestReport
from patent_spark.inference.prediction.backtest import backtest_evidence
from tests.support.small_run import ROOT, patent_spark

pytestmark = pytest.mark.slow

SETTINGS = [
    "tasks=citation_level",
    "citation_level.min_tokens=1",
    "train.ranks=1",
    "train.epochs=1",
    "evaluate.resamples=50",
]


VECTORS = "word vectors fitted on test texts"
"""The check of the audit that fails under the paper's protocol."""


def backtest_report(root):
    path = Store(root).directory("BACKTEST") / "backtest.json"
    return BacktestReport.model_validate_json(path.read_text())


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A warehouse with a back-test as of two years."""
    root = tmp_path_factory.mktemp("backtest") / "warehouse"
    done = patent_spark("backtest", "--years", "2006,2017", root=root, sets=SETTINGS)
    assert done.returncode == 0, done.stderr
    assert "label.reference_set=class_year" in done.stderr and "split.embargo=True" in done.stderr
    assert "2 of 2: as of the end of 2017, tested on 2018, 2019" in done.stderr
    assert done.stdout.splitlines()[-1] == f"backtest   {Store(root).directory('BACKTEST') / 'report.html'}"
    return root


def test_predict_finds_the_evidence(root):
    report = backtest_report(root)
    evidence = backtest_evidence(Store(root), report.release_id)
    years = [year for model in report.tasks["citation_level"].models for year in model.years]
    assert {each.distance for each in evidence} == {year.distance for year in years}
    patents = {each.distance: each.patents for each in evidence if each.metric == "accuracy"}
    nearest = min(patents)
    assert patents[nearest] == sum(year.examples for year in years if year.distance == nearest)


def test_each_model_is_as_of_its_year_and_the_audit_finds_no_leak(root):
    models = backtest_report(root).tasks["citation_level"].models
    years = [(model.as_of, [year.year for year in model.years], model.open_years) for model in models]
    assert years == [
        (2006, [2007, 2008, 2009, 2010, 2011], ()),
        (2017, [2018, 2019], (2020, 2021, 2022)),
    ]
    leaks = {
        "percentiles_lookahead",
        "label_embargo",
        "vocabulary_lookahead",
    }
    for model in models:
        store = Store(model.warehouse)
        assert store.root == root / "backtest" / "work" / f"as_of_{model.as_of}"
        checks = json.loads((store.directory("AUDIT") / "audit.json").read_text())["checks"]
        assert leaks <= {check["code"] for check in checks if check["status"] == "passed"}
        dates = {
            row["patent_id"]: row["grant_date"]
            for row in store.read_arrow("LABELS", ["patent_id", "grant_date"]).to_pylist()
        }
        trained = [
            row["patent_id"]
            for row in store.read_arrow("SPLITS").to_pylist()
            if row["split"] in ("train", "development")
        ]
        assert len(trained) >= model.training + model.development > 400
        assert max(dates[patent] for patent in trained).year <= model.as_of - 5
        result = json.loads((store.directory("METRICS") / "citation_level.json").read_text())
        assert [year.metrics["accuracy"].model for year in model.years] == [
            year["accuracy"] for year in result["by_year"].values()
        ]
        assert (store.root / "ingest").resolve() == (root / "ingest").resolve()


def test_runs_are_nested_and_metrics_are_logged_by_test_year(root):
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    (parent,) = (run for run in runs if run.data.tags["task"] == "backtest")
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(run.data.params["split.train_until"] for run in nested) == ["2006", "2017"]
    history = client.get_metric_history(parent.info.run_id, "citation_level_top1_pr_auc_as_of_2006")
    assert [metric.step for metric in history] == [2007, 2008, 2009, 2010, 2011]
    assert parent.info.status == "FINISHED"
    assert "backtest/report.html" in [
        file.path for file in client.list_artifacts(parent.info.run_id, "backtest")
    ]


def test_finished_years_are_skipped_and_another_is_added(root):
    done = patent_spark("backtest", "--years", "2006,2010", root=root, sets=SETTINGS)
    assert done.returncode == 0, done.stderr
    first, second = done.stderr.split("backtest  2 of 2")
    assert all(
        f"{stage:9} skipped" in first
        for stage in ("simulate", "ingest", "label", "split", "text", "shard", "train", "evaluate", "audit")
    )
    assert "train     done in" in second
    models = backtest_report(root).tasks["citation_level"].models
    assert [model.as_of for model in models] == [2006, 2010]
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    older = client.get_run(models[0].run_id)
    parent = client.get_run(older.data.tags["mlflow.parentRunId"])
    assert parent.data.params["backtest.years"] == "[2006, 2010]"  # the older run moved to the newest parent


@pytest.mark.parametrize(
    ("years", "named"),
    [
        ("2006,2019", ["backtest.years", "2019", "2025-09-30", "2018 or earlier"]),
        ("1979", ["backtest.years", "1979", "citation_level", "1981-01-13", "1981 or later"]),
    ],
)
def test_a_year_that_cannot_be_tested_is_an_error_before_any_training(root, years, named):
    done = patent_spark("backtest", "--years", years, root=root, sets=SETTINGS)
    assert (done.returncode, done.stdout) == (3, "")
    last = done.stderr.splitlines()[-1]
    assert [words for words in named if words not in last] == []
    assert "train" not in done.stderr.replace(last, "")


def test_an_ablation_crosses_protocols_and_models(root):
    sets = [*SETTINGS, "tasks=both", "text.epochs=1"]
    done = patent_spark("ablate", "--against", str(ROOT / "conf" / "paper.yaml"), root=root, sets=sets)
    assert done.returncode == 0, done.stderr
    path = Store(root).directory("ABLATION") / "ablation.json"
    report = AblationReport.model_validate_json(path.read_text())
    assert [(variant.protocol, variant.model) for variant in report.variants] == [
        ("demo", "demo"),
        ("paper", "demo"),
        ("demo", "paper"),
        ("paper", "paper"),
    ]
    for variant in report.variants:
        with_paper_protocol = variant.protocol == "paper"
        store = Store(variant.warehouse)
        text, train, label = (store.manifest(stage).settings for stage in ("text", "train", "label"))
        protocol = (text["text.fit_on"], label["label.population"])
        assert protocol == (("all", "cited") if with_paper_protocol else ("train", "all"))
        model = (train["train.keep"], train["train.batch"])
        assert model == {"demo": ("best", 64), "paper": ("last", 100)}[variant.model]
        failed = {check.name for check in variant.audit.failed}
        assert (VECTORS in failed) == with_paper_protocol
        task = variant.tasks["technology"]
        test_sets = ["test", "large_test"] if with_paper_protocol else ["test"]
        assert (task.headline, set(task.splits)) == ("+".join(test_sets), set(test_sets))
        layouts = store.metadata(ShardMetadata).tasks["technology"].splits
        assert task.examples == sum(layouts[split].rows for split in test_sets)
        low, high = task.metrics["accuracy"].interval
        assert low < task.metrics["accuracy"].value < high
    effects = report.effects["technology"]["accuracy"]
    assert effects.protocol.value + effects.model.value == pytest.approx(effects.total.value)
    for effect in (effects.protocol, effects.model, effects.total):
        low, high = effect.interval
        assert low < effect.value < high
    assert "protocol effect" in done.stdout
    assert done.stdout.splitlines()[-1] == f"ablation   {path.parent / 'report.html'}"
