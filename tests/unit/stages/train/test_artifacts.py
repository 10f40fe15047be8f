"""What a finished training leaves when the tracking server has gone away meanwhile."""

import json
import sqlite3

import keras
import numpy as np
import pytest

from patent_spark.config import Model, load_config
from patent_spark.stages.train.artifacts import log_the_rest, save
from patent_spark.stages.train.checkpoint import State
from patent_spark.stages.train.launch.job import Job, Listener, Teller
from patent_spark.stages.train.model.network import build_model
from patent_spark.tracking.runs import attach, create_run
from tests.support.cluster import free_port
from tests.support.training_warehouse import TOKENS, publish_examples

TEXT = {"fields": ["title", "abstract"], "claims": "first"}


def nobody_there(run, monkeypatch):
    run.uri = f"http://127.0.0.1:{free_port()}"
    run._client = type(run._client)(run.uri)
    return f"MLflow at tracking.uri = {run.uri} did not answer as it should: API request to {run.uri}"


def database_broken(run, monkeypatch):
    with sqlite3.connect(run.uri.removeprefix("sqlite:///")) as database:
        database.execute("DROP TABLE runs")
    return f"MLflow at tracking.uri = {run.uri} did not answer as it should: (sqlite3.OperationalError) no such table: runs"


def an_error_of_its_own(run, monkeypatch):
    """What an artifact store raises whose driver is not installed, or a proxy that answers with a page of its own."""

    def fail(*_, **__):
        raise ModuleNotFoundError("No module named 'boto3'")

    for name in ("log_batch", "create_logged_model"):
        monkeypatch.setattr(run._client, name, fail)
    return f"MLflow at tracking.uri = {run.uri} did not answer as it should: ModuleNotFoundError: No module named 'boto3'"


@pytest.mark.parametrize("goes_away", [nobody_there, database_broken, an_error_of_its_own])
def test_the_model_is_saved_whatever_becomes_of_the_tracking_server(tmp_path, monkeypatch, goes_away):
    store = publish_examples(tmp_path, train=100)
    config, _ = load_config(sets=[f"warehouse.root={tmp_path}", f"technology.max_tokens={TOKENS}"])
    run = attach(config, create_run(config, "technology", {}).run_id)
    folder = tmp_path / "job"
    job = Job("technology", run.run_id, "r1", "key", str(store.directory("EXAMPLES") / "technology"), str(store.directory("VECTORS")),
              store.metadata("shard"), TEXT, str(folder))  # fmt: skip
    job.write(config)
    network = build_model(Model(units=2), np.ones((300, 2), np.float32), [6], seed=1)
    state = State(history=[{"epoch": epoch, "train_loss": 2.0 / epoch} for epoch in (1, 2, 3)], kept_epoch=2)
    assert run.log_epochs(state.history[:1]) == []
    reason = goes_away(run, monkeypatch)
    save(job, config, network, state)
    log_the_rest(job, config, run, network, state, Teller(folder), {"lstm_kernel": "generic"})
    said = [entry["line"] for entry in Listener(folder).news()]
    assert (
        said[0]
        == "  technology: the metrics of epochs 2, 3 could not be sent to MLflow; history.json has them all"
    )
    assert said[1].startswith(f"  technology: the model is saved, but not in MLflow: {reason}")
    assert json.loads((job.models / "technology" / "history.json").read_text()) == state.history
    assert json.loads((job.models / "technology" / "task.json").read_text())["kept_epoch"] == 2
    assert json.loads((job.models / "technology" / "task.json").read_text())["text"] == TEXT
    assert (
        keras.saving.load_model(job.models / "technology" / "model.keras").count_params()
        == network.count_params()
    )
