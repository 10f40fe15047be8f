"""A real run on a small simulated release: Sail, Petastorm, Keras, MLflow and two Horovod ranks."""

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
from patent_spark.core.json_schemas import json_schema, record_of
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import LEVELS, TABLES
from patent_spark.core.store import Store, arrow_schema
from tests.support.family_recount import read_raw, recount_families
from tests.support.labels_pandas import expected_labels
from tests.support.small_run import OPTIONAL_TABLES, ROOT, SMALL, broken_java, patent_spark, set_options
from tests.support.table_hash import table_digest

STAGES = ["simulate", "ingest", "label", "quality", "split", "text", "shard", "train", "evaluate", "audit"]
TASKS = ["technology", "citation_level"]


def metrics_of(run, task):
    return json.loads((run.store.directory("METRICS") / f"{task}.json").read_text())


def test_every_table_is_there_with_rows_and_its_schema(whole_run):
    for name in TABLES.keys() - OPTIONAL_TABLES:
        table = pyarrow.dataset.dataset(whole_run.store.directory(name), format="parquet")
        assert table.schema.names == arrow_schema(name).names, name
        assert table.count_rows() > 0 or name == "REJECTS", name


def documents(run):
    """Each JSON document of a whole run that has a schema: its file, and the schema's name."""
    for name, pattern in {
        "METRICS": "METRICS/*.json",
        "AUDIT": "AUDIT/audit.json",
        "QUALITY": "QUALITY/quality.json",
        "TASK": "MODEL/*/task.json",
        "HISTORY": "MODEL/*/history.json",
    }.items():
        table, _, files = pattern.partition("/")
        yield from ((path, name) for path in sorted(run.store.directory(table).glob(files)))
    for stage in STAGES:
        (path,) = run.root.glob(f"{stage}/*/manifest.json")
        yield path, "MANIFEST"


def misfits(value, schema, definitions):
    """Keys of a JSON value that its schema does not name, and those that it requires and that are missing."""
    schema = definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return set().union(*(misfits(item, schema["items"], definitions) for item in value))
    if not isinstance(value, dict) or "properties" not in schema:
        return set()
    named = schema["properties"]
    extra = set() if schema.get("additionalProperties") else value.keys() - named
    missing = set(schema.get("required", ())) - value.keys()
    return (extra | missing).union(
        *(misfits(value[key], named[key], definitions) for key in value.keys() & named.keys())
    )


def test_every_json_document_is_as_its_schema_says(whole_run):
    """Its record reads it, and its keys are those of the schema that `patent-spark schema` prints."""
    seen = set()
    for path, name in documents(whole_run):
        written = json.loads(path.read_text())
        record_of(name).model_validate_json(path.read_bytes())
        schema = json_schema(name)
        assert misfits(written, schema, schema.get("$defs", {})) == set(), path
        if name == "MANIFEST":
            record_of(f"{written['stage'].upper()}_METADATA").model_validate(written["metadata"])
        seen.add(name)
    assert seen == {"METRICS", "AUDIT", "QUALITY", "TASK", "HISTORY", "MANIFEST"}


def test_the_summary_names_stages_metrics_and_pages(whole_run):
    expected = [*STAGES, *TASKS, "/mlflow ui --backend-store-uri"]
    expected += [str(whole_run.store.directory(name)) for name in ("QUALITY", "REPORT", "AUDIT")]
    for task in TASKS:
        metrics = metrics_of(whole_run, task)
        references = {each["title"]: each for each in metrics["references"].values()}
        classifiers = {task: metrics} | metrics["baselines"] | references
        assert {"tfidf_linear"} < set(classifiers)
        expected += classifiers
        expected += [f"{each['accuracy']:.3f}" for each in classifiers.values()]
    assert [each for each in expected if each not in whole_run.stdout] == []


def test_the_labels_equal_pandas_on_the_raw_files_row_for_row(whole_run):
    release = whole_run.store.directory("RELEASE")
    names = ("g_patent", "g_us_patent_citation", "g_cpc_current")
    patents, citations, cpc = (read_raw(release / f"{name}.tsv.zip") for name in names)
    patents = patents.assign(
        grant_date=[datetime.date.fromisoformat(day) for day in patents.patent_date],
        withdrawn=patents.withdrawn == "1",
    )
    cpc = cpc.assign(cpc_sequence=cpc.cpc_sequence.astype(int))
    day = datetime.date.fromisoformat(json.loads((release / "release.json").read_text())["data_to_date"])
    settings = load_config([ROOT / "conf" / "demo.yaml"])[0].label
    theirs = expected_labels(patents, citations, cpc, settings, day).drop(columns="total_citations")
    theirs["technology_label"] = theirs["cpc_class"]
    ours = whole_run.store.read_arrow("LABELS").to_pandas().set_index("patent_id").sort_index()
    assert len(ours) > 2000
    assert set(ours.columns) == {*theirs.columns, "patent_key"}
    pd.testing.assert_frame_equal(ours[theirs.columns], theirs, check_dtype=False, check_exact=True)


@pytest.mark.parametrize("task", TASKS)
def test_metrics_agree_with_the_predictions(whole_run, task):
    metrics = metrics_of(whole_run, task)
    rows = whole_run.store.read_arrow("PREDICTIONS").to_pandas().query("task == @task")
    headline = rows[rows.split.str.startswith("test")]
    assert metrics["examples"] == len(headline) > 50
    assert metrics["accuracy"] == pytest.approx((headline.truth == headline.predicted).mean(), abs=1e-6)
    assert {"majority", "class_prior", "tfidf_linear"} <= set(metrics["baselines"])
    if task == "citation_level":
        assert set(metrics["by_year"]) == {"2011", "2012", "2013", "2014", "2015"}
        assert list(metrics["per_class"]) == list(LEVELS)


def test_families_equal_a_recount_from_the_raw_files(whole_run):
    patents, families = (whole_run.store.read_arrow(name).to_pandas() for name in ("PATENTS", "FAMILIES"))
    assert families.patent_key.is_unique
    members = families.merge(patents[["patent_key", "patent_id"]]).groupby("family").patent_id.agg(frozenset)
    recount = recount_families(whole_run.store.directory("RELEASE"))
    assert set(members[members.str.len() > 1]) == recount
    assert len(recount) > 100


@pytest.mark.parametrize("task", TASKS)
def test_no_family_is_on_two_sides_of_a_split(whole_run, task):
    splits = whole_run.store.read_arrow("SPLITS").to_pandas().query("task == @task")
    assert splits.patent_id.is_unique
    side = splits.set_index("patent_id").split.str.replace(r"test_\d+", "test", regex=True)
    assert set(side) == {"train", "development", "test"}
    recount = recount_families(whole_run.store.directory("RELEASE"))
    present = [family & set(side.index) for family in recount]
    sides = [set(side[list(members)]) for members in present if len(members) > 1]
    assert len(sides) > 50
    assert [each for each in sides if len(each) > 1] == []


def test_one_mlflow_run_a_task_with_everything_in_it(whole_run):
    runs = whole_run.mlflow_runs()
    assert sorted(run["tags"]["task"] for run in runs) == sorted(TASKS)
    for run in runs:
        assert run["status"] == "FINISHED"
        assert run["params"]["train.ranks"] == "2"
        assert run["params"]["simulate.patents"] == "3000"
        assert run["tags"]["release_id"].startswith("sim-3000")
        assert run["tags"]["lstm_kernel"] in ("cudnn", "generic")
        assert {"train_loss", "dev_accuracy"} <= set(run["metrics"])
        for stage in STAGES:
            assert run["metrics"][f"seconds/{stage}"] == whole_run.store.manifest(stage).seconds
        label = whole_run.store.manifest("label")
        assert run["metrics"]["rows/LABELS"] == label.tables["LABELS"]["rows"]
        assert run["tags"]["log_run_id"] == label.log_run_id
        note = run["tags"]["mlflow.note.content"]
        assert all(f"[{title}](#/" in note for title in ("lineage", "evaluation report", "audit"))
        examples = whole_run.store.metadata(ShardMetadata).tasks[run["tags"]["task"]]
        uses = {"train": "training", "development": "development"}
        assert run["datasets"] == {
            f"{label.release_id} {split}": [uses.get(split, "test"), layout.rows]
            for split, layout in examples.splits.items()
        }


def test_the_embedded_engine_needs_no_java_and_spark_names_the_package_that_is_missing(whole_run, tmp_path):
    assert whole_run.java_calls == []
    variables, java_calls = broken_java(tmp_path)
    refused = patent_spark("label", "--force", root=whole_run.root, sets=["engine.name=spark"], **variables)
    assert refused.returncode == 2
    message = refused.stderr.splitlines()[-1]
    for fact in ("patent-spark: ", "engine.name", "spark", "Java 17", "openjdk-17-jre-headless", "sail"):
        assert fact in message
    assert java_calls.read_text()


def test_a_second_run_does_nothing_again(whole_run):
    versions = {stage: whole_run.store.manifest(stage).version for stage in STAGES}
    again = patent_spark("run", root=whole_run.root)
    assert again.returncode == 0, again.stderr
    lines = again.stderr.splitlines()
    for stage, version in versions.items():
        (line,) = (each for each in lines if each.startswith(f"{stage} "))
        assert "skipped" in line
        assert version in line
    assert {stage: whole_run.store.manifest(stage).version for stage in STAGES} == versions


def test_where_prints_plain_parquet(whole_run):
    where = patent_spark("where", "LABELS", root=whole_run.root)
    assert pq.read_table(where.stdout.strip()).num_rows > 0


@pytest.mark.slow
def test_spark_submit_makes_the_same_tables_as_the_embedded_engine(whole_run, package_zip, tmp_path):
    """The real jobs under the real spark-submit, the package from a zip, started from another directory."""
    root = tmp_path / "warehouse"
    submit = [
        Path(sys.executable).with_name("spark-submit"),
        "--master",
        "local[2]",
        "--py-files",
        package_zip,
    ]
    source = ["source.kind=folder", f"source.path={whole_run.store.directory('RELEASE')}"]
    settings = set_options([*SMALL, f"warehouse.root={root}", *source])
    stages = ["ingest", "label", "quality", "split", "text", "shard"]
    for stage in stages:
        job = [ROOT / "jobs" / f"{stage}.py", "--config", ROOT / "conf" / "demo.yaml", *settings]
        done = subprocess.run([*submit, *job], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]
        assert (manifest := Store(root).manifest(stage)) and manifest.engine == "spark"
    written = [table.name for table in TABLES.values() if table.stage in stages]
    compared = set(written) - OPTIONAL_TABLES - {"REJECTS"}
    assert len(compared) == 13
    for name in compared:
        ours, theirs = (store.directory(name) for store in (Store(root), whole_run.store))
        assert table_digest(ours) == table_digest(theirs), name
