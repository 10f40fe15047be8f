"""Back-tests and protocols on a small release by the real command line: what is read, what is skipped, what MLflow keeps."""

import json

import pytest
from mlflow import MlflowClient

from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.store import Store
from tests.support.small_run import ROOT, patent_spark

pytestmark = pytest.mark.slow

SETTINGS = [
    "tasks=citation_level",
    "citation_level.min_tokens=1",
    "train.ranks=1",
    "train.epochs=1",
    "evaluate.resamples=50",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A warehouse with a back-test as of two years."""
    root = tmp_path_factory.mktemp("backtest") / "warehouse"
    done = patent_spark("backtest", "--years", "2006,2017", root=root, sets=SETTINGS)
    assert done.returncode == 0, done.stderr
    assert (
        "backtest  sets label.reference_set=class_year, split.embargo=True: only what was known on the day"
        in done.stderr
    )
    assert "backtest  2 of 2: as of the end of 2017, tested on 2018, 2019" in done.stderr
    assert done.stdout.splitlines()[-1] == f"backtest   {Store(root).directory('BACKTEST') / 'report.html'}"
    return root


def test_each_model_is_as_of_its_year_and_the_audit_finds_no_leak(root):
    found = json.loads((Store(root).directory("BACKTEST") / "backtest.json").read_text())
    models = found["tasks"]["citation_level"]["models"]
    assert [
        (model["as_of"], [year["year"] for year in model["years"]], model["left_out"]) for model in models
    ] == [
        (2006, [2007, 2008, 2009, 2010, 2011], []),
        (2017, [2018, 2019], [2020, 2021, 2022]),
    ]
    leaks = {
        "percentiles learned from test patents",
        "labels that closed after the first test day",
        "vocabulary learned from test texts",
    }
    for model in models:
        store = Store(model["warehouse"])
        assert store.root == root / "backtest" / "work" / f"as_of_{model['as_of']}"
        checks = json.loads((store.directory("AUDIT") / "audit.json").read_text())["checks"]
        assert leaks <= {check["name"] for check in checks if check["verdict"] == "passed"}
        dates = {
            row["patent_id"]: row["grant_date"]
            for row in store.read_arrow("LABELS", ["patent_id", "grant_date"]).to_pylist()
        }
        trained = [
            row["patent_id"]
            for row in store.read_arrow("SPLITS").to_pylist()
            if row["split"] in ("train", "development")
        ]
        assert len(trained) >= model["training"] + model["development"] > 400
        assert max(dates[patent] for patent in trained).year <= model["as_of"] - 5
        result = json.loads((store.directory("METRICS") / "citation_level.json").read_text())
        assert [year["figures"]["accuracy"]["model"] for year in model["years"]] == [
            year["accuracy"] for year in result["by_year"].values()
        ]
        assert (store.root / "ingest").resolve() == (root / "ingest").resolve()


def test_runs_are_nested_and_figures_are_told_by_test_year(root):
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    runs = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    (parent,) = (run for run in runs if run.data.tags["task"] == "backtest")
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert sorted(run.data.params["split.train_until"] for run in nested) == ["2006", "2017"]
    told = client.get_metric_history(parent.info.run_id, "citation_level_top1_pr_auc_as_of_2006")
    assert [metric.step for metric in told] == [2007, 2008, 2009, 2010, 2011]
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
    found = json.loads((Store(root).directory("BACKTEST") / "backtest.json").read_text())
    assert [model["as_of"] for model in found["tasks"]["citation_level"]["models"]] == [2006, 2010]
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    old = client.get_run(found["tasks"]["citation_level"]["models"][0]["run_id"])
    assert (
        client.get_run(old.data.tags["mlflow.parentRunId"]).data.params["backtest.years"] == "[2006, 2010]"
    )  # it went over to the newest


@pytest.mark.parametrize(
    ("years", "said"),
    [
        (
            "2006,2019",
            "nothing to test a model as of 2019 on: with data to 2025-09-30 the last grant year whose citation windows have all closed is 2019",
        ),
        (
            "1979",
            "nothing to learn from at the end of 1979: the first label of citation_level was known on 1981-01-13; take 1981 or later",
        ),
    ],
)
def test_a_year_that_cannot_be_is_said_before_any_training(root, years, said):
    done = patent_spark("backtest", "--years", years, root=root, sets=SETTINGS)
    assert (done.returncode, done.stdout) == (3, "")
    assert said in done.stderr.splitlines()[-1]
    assert "train" not in done.stderr


def test_protocols_side_by_side(root):
    sets = [*SETTINGS, "tasks=both", "text.epochs=1"]
    done = patent_spark("ablate", "--against", str(ROOT / "conf" / "paper.yaml"), root=root, sets=sets)
    assert done.returncode == 0, done.stderr
    found = json.loads((Store(root).directory("ABLATION") / "ablation.json").read_text())
    assert [(row["protocol"], row["model"]) for row in found["mixtures"]] == [
        ("demo", "demo"), ("paper", "demo"), ("demo", "paper"), ("paper", "paper"),
    ]  # fmt: skip
    for row in found["mixtures"]:
        store = Store(row["warehouse"])
        text, train, label = (store.manifest(stage).settings for stage in ("text", "train", "label"))
        assert (text["text.fit_on"], label["label.population"]) == {
            "demo": ("train", "all"),
            "paper": ("all", "cited"),
        }[row["protocol"]]
        assert (train["train.keep"], train["train.batch"]) == {"demo": ("best", 64), "paper": ("last", 100)}[
            row["model"]
        ]
        failed = {name for _, name in row["audit"]["failed"]}
        assert ("vectors learned from test texts" in failed) == (row["protocol"] == "paper")
        told = row["tasks"]["technology"]
        assert (told["headline"], set(told["splits"])) == {
            "demo": ("test", {"test"}), "paper": ("test+large_test", {"test", "large_test"}),
        }[row["protocol"]]  # fmt: skip
        sizes = [
            store.metadata(ShardMetadata).tasks["technology"].splits[split].rows for split in told["splits"]
        ]
        assert told["examples"] == sum(sizes)
        low, high = told["figures"]["accuracy"]["interval"]
        assert low < told["figures"]["accuracy"]["value"] < high
    told = found["effects"]["technology"]["accuracy"]
    assert told["protocol"]["value"] + told["model"]["value"] == pytest.approx(told["both"]["value"])
    assert all(part["interval"][0] < part["value"] < part["interval"][1] for part in told.values())
    assert "step by protocol" in done.stdout
    assert done.stdout.splitlines()[-1] == f"ablation  {Store(root).directory('ABLATION') / 'report.html'}"
