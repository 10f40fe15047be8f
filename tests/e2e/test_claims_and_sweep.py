"""Claims as a text field, and a sweep on the same warehouse: whole runs of the real command line."""

import json

import pytest
from mlflow import MlflowClient

from patent_spark.core.metadata import ShardMetadata, TextMetadata
from patent_spark.core.store import Store
from tests.support.small_run import patent_spark

pytestmark = pytest.mark.slow

SETTINGS = [
    "tasks=technology",
    "simulate.patents=2000",
    "simulate.claims=true",
    "text.fields=[title, abstract, claims]",
    "text.claims=all",
    "technology.max_tokens=200",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("claims") / "warehouse"
    done = patent_spark("run", root=root, sets=SETTINGS)
    assert done.returncode == 0, done.stderr
    return root


def test_a_whole_run_learns_from_claims_too(root):
    store = Store(root)
    claims = store.read_arrow("CLAIMS", ["patent_id"]).to_pandas().groupby("patent_id").size()
    tokens = {
        row["patent_id"]: row["tokens"]
        for row in store.read_arrow("TOKENS", ["patent_id", "tokens"]).to_pylist()
    }
    several = [patent for patent, count in claims.items() if count > 1 and patent in tokens]
    assert len(several) > 1500
    assert all(
        " ".join(tokens[patent]).count("the subject of claim 1 wherein") == claims[patent] - 1
        for patent in several
    )
    assert store.metadata(TextMetadata).synonyms_found > 0.5
    assert store.metadata(ShardMetadata).tasks["technology"].max_tokens == 200
    result = json.loads((store.directory("METRICS") / "technology.json").read_text())
    # Claims have no more signal than the abstract.
    assert result["accuracy"] <= result["references"]["bayes_optimal"]["accuracy"] + 0.1


def test_a_sweep_skips_what_is_there_and_publishes_nothing(root):
    store = Store(root)
    published = store.manifest("train")
    done = patent_spark(
        "sweep",
        "--grid",
        "train.learning_rate=1e-3,3e-2",
        "--grid",
        "train.epochs=1",
        root=root,
        sets=SETTINGS,
    )
    assert done.returncode == 0, done.stderr
    stderr = done.stderr.splitlines()
    for stage in ("simulate", "ingest", "label", "split", "text", "shard"):
        assert any(line.startswith(f"{stage:9} skipped") for line in stderr), stage
    last = [line for line in stderr if "2 of 2" in line]
    assert any("technology" in line and "train.learning_rate=3e-2, train.epochs=1" in line for line in last)
    lines = done.stdout.splitlines()
    assert "technology" in lines[1] and "2" in lines[1]
    assert {"train.learning_rate", "train.epochs"} < set(lines[2].split())
    rows = [line.split() for line in lines[3:5]]
    assert float(rows[0][0]) <= float(rows[1][0])
    assert f"--set train.learning_rate={rows[0][3]} --set train.epochs=1 " in lines[5]
    assert store.manifest("train") == published
    client = MlflowClient(f"sqlite:///{root}/mlflow/mlflow.db")
    parents = {client.get_run(row[-1]).data.tags["mlflow.parentRunId"] for row in rows}
    assert len(parents) == 1 and client.get_run(parents.pop()).data.tags["task"] == "sweep"
    assert all(
        client.search_logged_models(
            [client.get_run(row[-1]).info.experiment_id], filter_string=f"source_run_id='{row[-1]}'"
        )
        for row in rows
    )
