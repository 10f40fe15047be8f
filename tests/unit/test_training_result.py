"""What a finished training leaves when the tracking server has gone away meanwhile."""

import json

import keras
import numpy as np

from patent_spark.config import Model, load_config
from patent_spark.tracking import attach, create_run
from patent_spark.training.checkpoint import State
from patent_spark.training.job import Job, Listener, Teller
from patent_spark.training.model import build_model
from patent_spark.training.result import log_the_rest, save
from tests.training_world import TOKENS, publish_examples
from tests.unit.test_tracking import free_port

TEXT = {"fields": ["title", "abstract"], "claims": "first"}


def test_the_model_is_saved_whatever_becomes_of_the_tracking_server(tmp_path):
    store = publish_examples(tmp_path, train=100)
    config, _ = load_config(sets=[f"warehouse.root={tmp_path}", f"technology.max_tokens={TOKENS}"])
    run = attach(config, create_run(config, "technology", {}).run_id)
    folder = tmp_path / "job"
    job = Job("technology", run.run_id, "r1", "key", str(store.directory("EXAMPLES") / "technology"), str(store.directory("VECTORS")),
              store.facts("shard"), TEXT, str(folder))  # fmt: skip
    job.write(config)
    network = build_model(Model(units=2), np.ones((300, 2), np.float32), [6], seed=1)
    state = State(history=[{"epoch": epoch, "train_loss": 2.0 / epoch} for epoch in (1, 2, 3)], kept_epoch=2)
    assert run.log_epochs(state.history[:1]) == []
    run.uri = f"http://127.0.0.1:{free_port()}"  # nobody is there
    run._client = type(run._client)(run.uri)
    save(job, config, network, state)
    log_the_rest(job, config, run, network, state, Teller(folder))
    said = [entry["line"] for entry in Listener(folder).news()]
    assert said[0] == "  technology: the metrics of epochs 2, 3 could not be sent to MLflow; history.json has them all"
    assert said[1].startswith(f"  technology: the model is saved, but not in MLflow: MLflow at tracking.uri = {run.uri} did not answer")
    assert json.loads((job.models / "technology" / "history.json").read_text()) == state.history
    assert json.loads((job.models / "technology" / "task.json").read_text())["kept_epoch"] == 2
    assert json.loads((job.models / "technology" / "task.json").read_text())["text"] == TEXT
    assert keras.saving.load_model(job.models / "technology" / "model.keras").count_params() == network.count_params()
