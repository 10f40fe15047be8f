"""Trainings that lose their tracking server: a real server, a real signal."""

import json
import os
import re
import signal

import pytest
from mlflow import MlflowClient

from patent_spark.core.store import Store
from tests.support.cli_runner import publish, run_and_epochs
from tests.support.cluster import wait_for
from tests.support.rank_processes import ranks_of

EPOCHS = 10


def unsent_epochs(stderr):
    """Epochs that a training lists as missing in MLflow, beside the file that has them."""
    lines = [line for line in stderr.splitlines() if "history.json" in line]
    return [int(number) for line in lines for number in re.findall(r"\d+", line.partition(": ")[2])]


@pytest.mark.slow
def test_a_tracking_server_that_is_killed_and_comes_back_gets_every_epoch_once(train, server, tmp_path):
    publish(tmp_path)
    # The ranks are stopped while the server starts, however long that takes, so that it comes back to a
    # training.
    settings = [f"tracking.uri={server.uri}", f"train.epochs={EPOCHS}", "train.timeout_s=600"]
    training = train(tmp_path, settings=settings)
    training.wait_for_epochs(1)
    server.signal(signal.SIGKILL)
    before = training.epochs()
    wait_for(lambda: training.epochs() > before + 2, seconds=90)
    pids = ranks_of(tmp_path).values()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    server.process.wait()
    server.start()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    code, stderr = training.finish()
    assert code == 0, stderr
    assert unsent_epochs(stderr) == []
    assert server.uri not in stderr
    run, steps = run_and_epochs(MlflowClient(server.uri))
    assert run.info.status == "FINISHED"
    assert {"train_loss", "train_accuracy", "dev_loss", "dev_accuracy"} <= set(steps)
    assert all(epochs == list(range(1, EPOCHS + 1)) for epochs in steps.values())


@pytest.mark.slow
@pytest.mark.parametrize("lost_by", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "silent"])
def test_a_training_whose_tracking_server_is_lost_for_good_ends_well(train, server, tmp_path, lost_by):
    """A silent server takes calls and never answers."""
    publish(tmp_path)
    impatient = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    settings = [f"tracking.uri={server.uri}", f"train.epochs={EPOCHS}"]
    training = train(tmp_path, settings=settings, **impatient)
    training.wait_for_epochs(1)
    server.signal(lost_by)
    code, stderr = training.finish()
    assert code == 0, stderr
    unsent = unsent_epochs(stderr)
    assert unsent[-1] == EPOCHS
    # The model, and then the end of the run, could not be sent either.
    server.signal(signal.SIGKILL)
    run, steps = run_and_epochs(MlflowClient(server.store))
    about_server = [line for line in stderr.splitlines() if f"tracking.uri = {server.uri}" in line]
    assert len(about_server) == 2
    assert about_server[0].startswith("  technology: ")
    assert run.info.run_id in about_server[1]
    assert run.info.status == "RUNNING"
    history = json.loads((Store(tmp_path).directory("MODEL") / "technology" / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == list(range(1, EPOCHS + 1))
    assert list((tmp_path / "train" / "work").iterdir()) == []
    sent, arrived = set(range(1, EPOCHS + 1)) - set(unsent), steps.get("train_loss", [])
    # One more can have arrived, when its answer was lost.
    assert sent <= set(arrived)
    assert len(set(arrived)) == len(arrived)
