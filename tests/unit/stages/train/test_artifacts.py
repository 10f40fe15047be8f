"""What a finished training leaves when the tracking server has gone away meanwhile."""

import json
import sqlite3

import keras
import numpy as np
import pytest

from patent_spark.config import Model, load_config
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.model_files import TaskDescription, TextSource
from patent_spark.stages.train.artifacts import log_models, save_models
from patent_spark.stages.train.checkpoint import TrainingState
from patent_spark.stages.train.launch.job import Job
from patent_spark.stages.train.launch.progress import ProgressReader, ProgressWriter
from patent_spark.stages.train.model.network import build_model
from patent_spark.tracking.runs import attach, create_run
from tests.support.cluster import free_port
from tests.support.training_warehouse import TOKENS, publish_examples

TEXT = TextSource(fields=("title", "abstract"), claims="first")
HISTORY = [
    {"epoch": epoch, "train_loss": 2.0 / epoch, "train_accuracy": 0.1 * epoch, "examples_per_second": 9.5}
    for epoch in (1, 2, 3)
]


def nobody_there(run, monkeypatch):
    run.uri = f"http://127.0.0.1:{free_port()}"
    run._client = type(run._client)(run.uri)
    return "API request"


def database_broken(run, monkeypatch):
    with sqlite3.connect(run.uri.removeprefix("sqlite:///")) as database:
        database.execute("DROP TABLE runs")
    return "no such table: runs"


def an_error_of_its_own(run, monkeypatch):
    """As of an artifact store without its driver, or a proxy that answers with a page of its own."""

    def fail(*_, **__):
        raise ModuleNotFoundError("No module named 'boto3'")

    for name in ("log_batch", "create_logged_model"):
        monkeypatch.setattr(run._client, name, fail)
    return "ModuleNotFoundError: No module named 'boto3'"


@pytest.fixture
def config(tmp_path):
    return load_config(sets=[f"warehouse.root={tmp_path}", f"technology.max_tokens={TOKENS}"])[0]


@pytest.fixture
def job(tmp_path, config):
    store = publish_examples(tmp_path, train=100)
    job = Job(
        model="technology",
        run_id=create_run(config, "technology", {}).run_id,
        release_id="r1",
        key="key",
        examples=str(store.directory("EXAMPLES") / "technology"),
        vectors=str(store.directory("VECTORS")),
        shards=store.metadata(ShardMetadata),
        text=TEXT,
        folder=str(tmp_path / "job"),
    )
    job.write(config)
    return job


@pytest.mark.parametrize("goes_away", [nobody_there, database_broken, an_error_of_its_own])
def test_the_model_is_saved_whatever_becomes_of_the_tracking_server(
    tmp_path, monkeypatch, config, job, goes_away
):
    network = build_model(Model(units=2), np.ones((300, 2), np.float32), [6], seed=1)
    state = TrainingState(history=HISTORY, kept_epoch=2)
    run = attach(config, job.run_id)
    assert run.log_epochs(state.history[:1]) == []
    reason = goes_away(run, monkeypatch)
    save_models(job, config, network, state)
    progress = ProgressWriter(tmp_path / "job")
    log_models(job, config, run, network, state, progress, {"lstm_kernel": "generic"})
    epochs, server = (entry["line"] for entry in ProgressReader(tmp_path / "job").read())
    assert "technology" in epochs and "technology" in server
    assert "epochs 2, 3;" in epochs
    assert f"tracking.uri = {run.uri}" in server and reason in server
    folder = job.models / "technology"
    assert json.loads((folder / "history.json").read_text()) == HISTORY
    task = TaskDescription.read(folder)
    assert (task.kept_epoch, task.text, task.run_id) == (2, TEXT, job.run_id)
    assert task.labels == job.shards.tasks["technology"].labels
    assert keras.saving.load_model(folder / "model.keras").count_params() == network.count_params()
