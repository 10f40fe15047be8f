"""Seconds and rows of stages in the runs of the models made from them."""

import pytest
from mlflow import MlflowClient

from patent_spark.config import load_config
from patent_spark.core.metadata import TrainedTask, TrainMetadata
from patent_spark.core.store import Store
from patent_spark.tracking.runs import create_run, tracking_uri
from patent_spark.tracking.stage_metrics import log_stage
from tests.support.factories import publish

EPOCH = {"epoch": 1, "train_loss": 1.0, "train_accuracy": 0.5, "examples_per_second": 9.0}


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@pytest.fixture
def config(tmp_path, tracking):
    return load_config(sets=[f"warehouse.root={tmp_path}", f"tracking.uri={tracking}"])[0]


def trained(store, run_id):
    task = TrainedTask(run_id=run_id, key="k", kept_epoch=1, epochs=1, last=EPOCH)
    return publish(store, "train", {}, TrainMetadata(tasks={"technology": task}))


def timed(manifest, seconds):
    return manifest.model_copy(update={"seconds": seconds})


def logged(config, run_id):
    metrics = MlflowClient(tracking_uri(config)).get_run(run_id).data.metrics
    return {name: value for name, value in metrics.items() if "/" in name}


def test_a_training_shows_all_stages_before_it_and_later_stages_come_to_it(config):
    store = Store(config.warehouse.root)
    run_id = create_run(config, "technology", {}).run_id
    publish(store, "label", {"LABELS": [{"patent_id": "7000001"}, {"patent_id": "7000002"}]})
    log_stage(config, store, timed(trained(store, run_id), 3.5))
    assert logged(config, run_id) == {"seconds/label": 0.0, "rows/LABELS": 2.0, "seconds/train": 3.5}
    log_stage(config, store, timed(publish(store, "evaluate", {}, {"tasks": {}}), 2.25))
    assert logged(config, run_id)["seconds/evaluate"] == 2.25
    before = logged(config, run_id)
    log_stage(config, store, timed(publish(store, "label", {}), 9.0))
    assert logged(config, run_id) == before


def test_without_a_run_or_a_training_nothing_is_logged(config, capsys):
    store = Store(config.warehouse.root)
    log_stage(config, store, publish(store, "audit", {}))
    trained(store, "")
    log_stage(config, store, publish(store, "audit", {}))
    assert capsys.readouterr().err == ""


def test_a_run_that_is_gone_is_said_and_raises_nothing(config, capsys):
    store = Store(config.warehouse.root)
    log_stage(config, store, trained(store, "0" * 32))
    assert "0" * 32 in capsys.readouterr().err
