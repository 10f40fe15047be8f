"""A warehouse as notebooks read it."""

import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pytest

import patent_spark
from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.store import Store
from patent_spark.tracking.runs import create_run
from tests.support.errors import raises
from tests.support.factories import publish

METRICS = {"accuracy": 0.75, "examples": 4, "headline": "test"}


def write_metrics(draft):
    write_json(draft.path("METRICS") / "technology.json", METRICS)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("api") / "w")
    publish(store, "ingest", {"PATENTS": [{"patent_id": "7000001", "title": "a clip"}]}, release_id="r7")
    labels = [{"patent_id": f"700000{n}", "forward_citations": n} for n in (1, 2, 3)]
    publish(store, "label", {"LABELS": labels})
    publish(store, "evaluate", {}, {"tasks": {}}, fill=write_metrics)
    return store.root


@pytest.fixture(scope="module")
def warehouse(root):
    return patent_spark.open_warehouse(root)


def test_tables_are_data_frames_with_the_columns_and_rows_asked_for(warehouse):
    labels = warehouse.table("LABELS", ["patent_id", "forward_citations"], ds.field("forward_citations") > 1)
    assert labels.to_dict("list") == {"patent_id": ["7000002", "7000003"], "forward_citations": [2, 3]}
    assert warehouse.arrow("PATENTS")["title"].to_pylist() == ["a clip"]
    listed = warehouse.tables()
    assert listed["rows"].to_dict() == {"PATENTS": 1, "LABELS": 3}
    assert listed.loc["LABELS", "stage"] == "label" and "patent" in listed.loc["LABELS", "grain"]


def test_release_metrics_and_manifests(warehouse, root):
    assert (warehouse.release_id, warehouse.tasks) == ("r7", ("technology",))
    assert warehouse.metrics("technology").accuracy == 0.75
    assert warehouse.manifest("label").tables["LABELS"]["rows"] == 3
    assert warehouse.manifest("train") is None
    assert warehouse.folder("METRICS").is_dir()
    assert str(root) in repr(warehouse) and "r7" in repr(warehouse)


def test_it_stays_at_the_versions_that_were_current(root):
    before = patent_spark.open_warehouse(root)
    publish(Store(root), "text", {"VOCABULARY": [{"word": "a", "id": 1, "count": 2}]}, {})
    with raises(DataError, table="VOCABULARY"):
        before.table("VOCABULARY")
    assert len(patent_spark.open_warehouse(root).table("VOCABULARY")) == 1


def test_it_opens_a_folder_a_file_of_settings_or_a_configuration(root, tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(f"warehouse: {{root: {root}}}\n")
    for source in (str(root), path, str(path), load_config([path])[0]):
        assert patent_spark.open_warehouse(source).root == root
    assert (
        patent_spark.open_warehouse(path, ["tracking.experiment=mine"]).config.tracking.experiment == "mine"
    )
    with raises(DataError, root=str(tmp_path / "none")):
        patent_spark.open_warehouse(tmp_path / "none")
    with raises(ConfigError, setting="label.horizon"):
        patent_spark.open_warehouse(path, ["label.horizon=1"])
    with raises(DataError, table="LABEL"):
        patent_spark.open_warehouse(root).table("LABEL")


def test_the_files_of_a_table_are_named_for_other_engines(warehouse, root):
    (address,) = warehouse.files("LABELS")
    path = Path(address.removeprefix("file://"))
    assert (path.suffix, path.parent) == (".parquet", Store(root).directory("LABELS"))
    with raises(DataError, table="LABEL"):
        warehouse.files("LABEL")


def test_runs_are_a_data_frame(warehouse):
    assert list(warehouse.runs().columns[:3]) == ["name", "task", "status"] and len(warehouse.runs()) == 0
    config = warehouse.config
    one = create_run(config, "technology", {"release_id": "r7"})
    one.log_epochs([{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.5}])
    one.log_metrics({"test/accuracy": 0.5, "system/cpu": 9.0})
    one.end()
    other = create_run(
        load_config(sets=[f"warehouse.root={warehouse.root}", "model.units=7"])[0], "joint", {}
    )
    runs = warehouse.runs()
    assert set(runs.index) == {one.run_id, other.run_id}
    row = runs.loc[one.run_id]
    assert (row["task"], row["release_id"], row["test/accuracy"]) == ("technology", "r7", 0.5)
    assert "system/cpu" not in runs.columns and runs["started"].is_monotonic_decreasing
    curve = warehouse.curves(one.run_id, ["train_loss", "dev_loss"])
    assert curve["train_loss"].to_dict() == {1: 2.0, 2: 1.5} and list(curve.columns) == ["train_loss"]
    differences = warehouse.setting_differences(one.run_id, other.run_id)
    assert differences.loc["model.units"].tolist() == ["128", "7"]
    assert list(differences.index) == ["model.units"]


def test_importing_the_package_loads_nothing_and_its_names_are_there():
    code = (
        "import sys, patent_spark; before = len(sys.modules); "
        "assert not {'numpy', 'pandas', 'pyarrow', 'pydantic'} & set(sys.modules), sys.modules; "
        "assert set(patent_spark.__all__) <= set(dir(patent_spark)); "
        "[getattr(patent_spark, name) for name in patent_spark.__all__]; "
        "print([name for name in ('tensorflow', 'keras', 'mlflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError):
        _ = patent_spark.open_warehose
