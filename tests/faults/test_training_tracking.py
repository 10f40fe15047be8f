"""Trainings that lose their tracking server: a real server, a real signal."""

import json
import os
import re
import signal

import pytest
from mlflow import MlflowClient

from patent_spark.core.store import Store
from tests.e2e.test_ranks import ranks_of, wait_for
from tests.support.cli_runner import publish, run_and_epochs

EPOCHS = 10


@pytest.mark.slow
def test_a_tracking_server_that_is_killed_and_comes_back_gets_every_epoch_once(attempt, tracked, tmp_path):
    publish(tmp_path)
    # The ranks are stopped while the server starts, however long that takes, so that it comes back to a training.
    trial = attempt(
        tmp_path, sets=[f"tracking.uri={tracked.uri}", f"train.epochs={EPOCHS}", "train.timeout_s=600"]
    )
    trial.comes_to(1)
    tracked.signal(signal.SIGKILL)
    before = trial.epochs()
    wait_for(lambda: trial.epochs() > before + 2)
    pids = ranks_of(tmp_path).values()
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    tracked.process.wait()
    tracked.start()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    code, said = trial.ended()
    assert code == 0, said
    assert "could not be sent" not in said
    assert "not in MLflow" not in said
    run, steps = run_and_epochs(MlflowClient(tracked.uri))
    assert run.info.status == "FINISHED"
    assert {"train_loss", "train_accuracy", "dev_loss", "dev_accuracy"} <= set(steps)
    assert all(epochs == list(range(1, EPOCHS + 1)) for epochs in steps.values())


@pytest.mark.slow
@pytest.mark.parametrize("lost_by", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "silent"])
def test_a_training_whose_tracking_server_is_lost_for_good_ends_well(attempt, tracked, tmp_path, lost_by):
    """A silent server takes calls and never answers."""
    publish(tmp_path)
    sets = [f"tracking.uri={tracked.uri}", f"train.epochs={EPOCHS}"]
    trial = attempt(
        tmp_path, sets=sets, MLFLOW_HTTP_REQUEST_TIMEOUT="10", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0"
    )
    trial.comes_to(1)
    tracked.signal(lost_by)
    code, said = trial.ended()
    assert code == 0, said
    unsent = re.search(
        r"  technology: the metrics of epochs ([\d, ]+) could not be sent to MLflow; history\.json has them all\n",
        said,
    )
    assert unsent.group(1).endswith(f", {EPOCHS}")
    assert (
        f"  technology: the model is saved, but not in MLflow: MLflow at tracking.uri = {tracked.uri} did not answer"
        in said
    )
    assert re.search(
        rf"MLflow at tracking.uri = {tracked.uri} did not answer as it should: .*; run \w+ stays open there\n",
        said,
    )
    history = json.loads((Store(tmp_path).directory("MODEL") / "technology" / "history.json").read_text())
    assert [epoch["epoch"] for epoch in history] == list(range(1, EPOCHS + 1))
    assert list((tmp_path / "train" / "work").iterdir()) == []
    tracked.signal(signal.SIGKILL)
    run, steps = run_and_epochs(MlflowClient(tracked.store))
    assert run.info.status == "RUNNING"
    sent, arrived = (
        set(range(1, EPOCHS + 1)) - set(map(int, unsent.group(1).split(", "))),
        steps.get("train_loss", []),
    )
    assert sent <= set(arrived)  # and one more, when its answer was lost
    assert len(set(arrived)) == len(arrived)
