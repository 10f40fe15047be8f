"""One model for both tasks: a whole run of the real command line with two ranks, and the audit of what it
learned from."""

import json
import shutil

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from patent_spark.config import Config
from patent_spark.core.metadata import ShardMetadata, TrainMetadata
from patent_spark.core.store import Store
from patent_spark.stages.audit.report_schema import read_audit
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse
from tests.support.factories import publish
from tests.support.leaks.leak import run_check
from tests.support.small_run import patent_spark

pytestmark = pytest.mark.slow

SETTINGS = ["tasks=joint", "technology.max_tokens=200", "train.epochs=4"]
TASKS = ("technology", "citation_level")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("joint") / "warehouse"
    done = patent_spark("run", root=root, sets=SETTINGS)
    assert done.returncode == 0, done.stderr
    return Store(root)


def test_both_tasks_have_a_model_of_their_own_on_a_shared_body(store):
    models = {
        task: keras.saving.load_model(store.directory("MODEL") / task / "model.keras") for task in TASKS
    }
    labels = store.metadata(ShardMetadata).tasks
    assert [models[task].output_shape[-1] for task in TASKS] == [len(labels[task].labels) for task in TASKS]
    bodies = [models[task].get_layer("lstm_1").get_weights() for task in TASKS]
    assert all((one == other).all() for one, other in zip(*bodies, strict=True))
    for task in TASKS:
        result = json.loads((store.directory("METRICS") / f"{task}.json").read_text())
        assert result["accuracy"] > result["baselines"]["majority"]["accuracy"] - (
            0.02 if task == "citation_level" else -0.2
        )
        history = json.loads((store.directory("MODEL") / task / "history.json").read_text())
        assert history[-1]["train_loss"] < history[0]["train_loss"]
        assert 0 < history[-1]["dev_accuracy"] < 1


def test_one_run_has_the_figures_of_both(store):
    (run_id,) = {trained.run_id for trained in store.metadata(TrainMetadata).tasks.values()}
    client = MlflowClient(f"sqlite:///{store.root}/mlflow/mlflow.db")
    logged = client.get_run(run_id).data.metrics
    assert {"train_loss", "dev_loss"} <= set(logged)
    for task in TASKS:
        accuracy = json.loads((store.directory("METRICS") / f"{task}.json").read_text())["accuracy"]
        assert {f"train_{task}_loss", f"dev_{task}_accuracy", f"{task}_audit/failed"} <= set(logged)
        assert accuracy in [value for name, value in logged.items() if name.startswith(f"{task}_test")]
    assert {model.name for model in client.search_logged_models(["1"])} == {
        f"{task}_{name}" for task in TASKS for name in ("model", "uncalibrated_model")
    }


def test_the_audit_knows_what_a_joint_model_learned_from(store):
    statuses = {(check.task, check.code): check.status for check in read_audit(store).checks}
    for task in TASKS:
        for code in ("shared_abstracts", "exact_duplicates", "split_membership", "splits_to_examples"):
            assert statuses[task, code] == "passed", (task, code)


def test_a_test_patent_of_one_task_among_the_joint_examples_is_found(store):
    def families(task):
        return run_check("shared_abstracts", task, store, Config()).value

    assert families("technology") == families("citation_level") == 0
    tested = TaskData(Warehouse(store, Config()), "technology").test_examples["patent_key"]
    leaked = int(tested[tested.isin(Warehouse(store, Config()).abstract_families["patent_key"])].iloc[0])
    old = store.directory("EXAMPLES")

    def leak(draft):
        shutil.copytree(old, draft.path("EXAMPLES"), dirs_exist_ok=True)
        path = draft.path("EXAMPLES") / "joint" / "train" / "group-00000.parquet"
        table = pq.read_table(path)
        keys = np.array([leaked, *table["patent_key"].to_pylist()[1:]])
        pq.write_table(table.set_column(0, table.schema.field(0), pa.array(keys)), path)

    publish(store, "shard", {}, store.metadata(ShardMetadata), fill=leak)
    assert families("technology") >= 1
