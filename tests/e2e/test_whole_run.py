"""The real run on a small simulated release: real Sail, real Petastorm, real Keras, two real Horovod ranks, real MLflow."""

import datetime
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from patent_spark.config import load_config
from patent_spark.core.schemas import LEVELS, TABLES
from patent_spark.core.store import Store
from tests.oracle.labels_pandas import expected_labels
from tests.support.small_run import OPTIONAL_TABLES, ROOT, SMALL, broken_java, patent_spark
from tests.support.table_hash import table_digest

STAGES = ["simulate", "ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit"]


def test_every_table_is_there_with_rows_and_its_schema(whole_run):
    from patent_spark.core.store import arrow_schema

    for name in TABLES.keys() - OPTIONAL_TABLES:
        table = pyarrow.dataset.dataset(whole_run.store.directory(name), format="parquet")
        assert table.schema.names == arrow_schema(name).names, name
        assert table.count_rows() > 0 or name == "REJECTS", name


def test_the_summary_says_what_a_person_wants_to_know(whole_run):
    for word in [
        *STAGES,
        "technology: accuracy",
        "citation_level: accuracy",
        "tfidf_linear",
        "best attainable",
        "report.html",
        "/mlflow ui --backend-store-uri",
    ]:
        assert word in whole_run.stdout, word


def test_the_labels_equal_pandas_on_the_raw_files_row_for_row(whole_run):
    release = whole_run.store.directory("RELEASE")
    patents, citations, cpc = (
        read_raw(release / f"{name}.tsv.zip")
        for name in ("g_patent", "g_us_patent_citation", "g_cpc_current")
    )
    patents = patents.assign(
        grant_date=[datetime.date.fromisoformat(day) for day in patents.patent_date],
        withdrawn=patents.withdrawn == "1",
    )
    cpc = cpc.assign(cpc_sequence=cpc.cpc_sequence.astype(int))
    day = datetime.date.fromisoformat(json.loads((release / "release.json").read_text())["data_to_date"])
    theirs = expected_labels(
        patents, citations, cpc, load_config([ROOT / "conf" / "demo.yaml"])[0].label, day
    ).drop(columns="total_citations")
    ours = (
        whole_run.store.read_arrow("LABELS")
        .to_pandas()
        .drop(columns="patent_key")
        .set_index("patent_id")
        .sort_index()
    )
    assert len(ours) > 2000
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs, check_dtype=False, check_exact=True)


def read_raw(path):
    """A zipped table as text, read by pandas alone."""
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


@pytest.mark.parametrize("task", ["technology", "citation_level"])
def test_metrics_agree_with_the_predictions(whole_run, task):
    metrics = json.loads((whole_run.store.directory("METRICS") / f"{task}.json").read_text())
    rows = whole_run.store.read_arrow("PREDICTIONS").to_pandas().query("task == @task")
    headline = rows[rows.split.str.startswith("test")]
    assert metrics["examples"] == len(headline) > 50
    assert metrics["accuracy"] == pytest.approx((headline.truth == headline.predicted).mean(), abs=1e-6)
    assert {"majority", "class_prior", "tfidf_linear"} <= set(metrics["baselines"])
    if task == "citation_level":
        assert set(metrics["by_year"]) == {"2011", "2012", "2013", "2014", "2015"}
        assert list(metrics["per_class"]) == list(LEVELS)


def test_no_patent_is_on_both_sides_of_a_split(whole_run):
    splits = whole_run.store.read_arrow("SPLITS").to_pandas()
    assert not splits.duplicated(["task", "patent_id"]).any()


def test_one_mlflow_run_a_task_with_everything_in_it(whole_run):
    runs = whole_run.mlflow_runs()
    assert sorted(run["tags"]["task"] for run in runs) == ["citation_level", "technology"]
    for run in runs:
        assert run["status"] == "FINISHED"
        assert run["params"]["train.ranks"] == "2"
        assert run["params"]["simulate.patents"] == "3000"
        assert run["tags"]["release_id"].startswith("sim-3000")
        assert run["tags"]["lstm_kernel"] in ("cudnn", "generic")
        assert {"train_loss", "dev_accuracy"} <= set(run["metrics"])


def test_the_embedded_engine_needs_no_java_and_spark_says_that_it_does(whole_run, tmp_path):
    assert whole_run.java_calls == []
    variables, notes = broken_java(tmp_path)
    refused = patent_spark("label", "--force", root=whole_run.root, sets=["engine.name=spark"], **variables)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "patent-spark: engine.name = spark needs Java 17 and none started; install it (Debian: openjdk-17-jre-headless) or set engine.name=sail"
    )
    assert notes.read_text()


def test_a_second_run_does_nothing_again(whole_run):
    again = patent_spark("run", root=whole_run.root)
    assert again.returncode == 0, again.stderr
    for stage in STAGES:
        assert f"{stage:9} skipped: inputs and settings are those of version" in again.stderr


def test_where_prints_plain_parquet(whole_run):
    told = patent_spark("where", "LABELS", root=whole_run.root)
    assert pq.read_table(told.stdout.strip()).num_rows > 0


@pytest.mark.slow
def test_spark_submit_makes_the_same_tables_as_the_embedded_engine(whole_run, package_zip, tmp_path):
    """The real jobs under the real spark-submit, the package from a zip, started from another directory."""
    root = tmp_path / "warehouse"
    submit = Path(sys.executable).with_name("spark-submit")
    sets = ["source.kind=folder", f"source.path={whole_run.store.directory('RELEASE')}"]
    for stage in ["ingest", "label", "quality", "split", "text", "shard"]:
        settings = [
            part for setting in [*SMALL, f"warehouse.root={root}", *sets] for part in ("--set", setting)
        ]
        command = [
            submit,
            "--master",
            "local[2]",
            "--py-files",
            package_zip,
            ROOT / "jobs" / f"{stage}.py",
            "--config",
            ROOT / "conf" / "demo.yaml",
            *settings,
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        assert (manifest := Store(root).manifest(stage)) and manifest.engine == "spark"
    for name in [
        "PATENTS", "ABSTRACTS", "CITATIONS", "CPC", "RELATIVES", "COUNTS", "LABELS", "FAMILIES", "SPLITS", "TOKENS", "VOCABULARY", "VECTORS",
        "EXAMPLES",
    ]:  # fmt: skip
        assert table_digest(Store(root).directory(name)) == table_digest(whole_run.store.directory(name)), (
            name
        )
