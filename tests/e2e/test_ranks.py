"""Real ranks: real Petastorm, Keras, Horovod over Gloo, MLflow, each rank a process of its own.

A process spends ten seconds on imports, so one job shows that its ranks step as one and how it ends when it
loses one. What a whole training leaves is checked by the slow tests (test_whole_run.py trains both tasks in
any case).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from patent_spark.core.errors import WorkError
from patent_spark.core.metadata import TrainMetadata
from patent_spark.inference.scorer import Scorer, token_matrix
from patent_spark.pipeline import run_stage
from patent_spark.stages.train.launch import local
from patent_spark.stages.train.launch.horovod import join_job
from patent_spark.tracking.runs import tracking_uri
from tests.support import rank_steps
from tests.support.cli_runner import tracked_run
from tests.support.cluster import wait_for
from tests.support.errors import raises
from tests.support.rank_processes import configured, options, ranks_of, steps_reported
from tests.support.training_warehouse import TOKENS, publish_examples

ROOT = Path(__file__).parents[2]
STEPS = 50
"""Steps after which the loss of any number of ranks is still the same."""


def loaded(output):
    return {path.stem: dict(np.load(path)) for path in output.iterdir()}


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """63 rows a virtual shard: 6 steps, one of 12 rows; 2 of padding, in the step of the shortest texts."""
    root = tmp_path_factory.mktemp("steps")
    publish_examples(root, train=250, virtual_shards=4)
    return root


@pytest.fixture(scope="module")
def solo(examples):
    """The steps of a single rank, without a launcher, by `<variant>-<step>-rank0`."""
    output = examples / "solo"
    output.mkdir()
    with join_job() as ranks:
        rank_steps.take_steps(examples, output, ranks, STEPS)
    return loaded(output)


@dataclass(frozen=True)
class LostRank:
    """A job that took its steps, and lost rank 1 in the training after them."""

    world: int
    steps: dict
    pids: dict
    error: WorkError
    seconds: float
    left: dict
    status: list


@pytest.fixture(scope="module", params=[2, pytest.param(4, marks=pytest.mark.slow)])
def lost(request, examples):
    world, started = request.param, time.time()
    output = examples / f"world{world}"
    output.mkdir()
    killed = {}

    def kill():
        wait_for(lambda: steps_reported(examples) > 1, seconds=200)
        killed["pids"] = ranks_of(examples)
        killed["at"] = time.monotonic()
        os.kill(killed["pids"][1], signal.SIGKILL)

    def command(folder):
        return [sys.executable, rank_steps.__file__, *map(str, (folder, examples, output, STEPS))]

    killer = threading.Thread(target=kill, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setattr(local, "command_of_rank", command)
        killer.start()
        config = configured(examples, f"train.ranks={world}", "train.epochs=10000")
        with raises(WorkError, model="technology", rank=1, signal="SIGKILL") as error:
            run_stage("train", config)
    seconds = time.monotonic() - killed["at"]
    client = MlflowClient(tracking_uri(config))
    status = [run.info.status for run in client.search_runs(["1"]) if run.info.start_time > 1000 * started]
    shutil.rmtree(examples / "train" / "work")  # the next job of this folder must not be taken for this one
    return LostRank(world, loaded(output), killed["pids"], error.value, seconds, ranks_of(examples), status)


def test_any_number_of_ranks_takes_the_same_steps(lost, solo):
    assert len(solo) == STEPS * len(rank_steps.VARIANTS)
    for variant in rank_steps.VARIANTS:
        alone = [solo[f"{variant}-{step}-rank0"] for step in range(1, STEPS + 1)]
        assert sorted(step["sums"][-2] for step in alone[:6]) == [12, 46, 48, 48, 48, 48]
        assert np.abs(alone[0]["weights"] - alone[1]["weights"]).max() > 1e-3
        for rank in range(lost.world):
            together = [lost.steps[f"{variant}-{step}-rank{rank}"] for step in range(1, STEPS + 1)]
            # The loss of each head, step by step.
            curves = [
                [step["sums"][:-2:3] / step["sums"][1:-2:3] for step in steps] for steps in (together, alone)
            ]
            assert np.abs(np.subtract(*curves)).max() < 1e-4
            assert np.abs(together[0]["weights"] - alone[0]["weights"]).max() < 1e-5
            assert np.abs(together[5]["weights"] - alone[5]["weights"]).max() < 1e-4
            assert (together[5]["weights"] == lost.steps[f"{variant}-6-rank0"]["weights"]).all()
            for ours, theirs in zip(together[:6], alone[:6], strict=True):
                assert ours["sums"] == pytest.approx(theirs["sums"], rel=1e-4)


def test_a_killed_rank_ends_the_job_and_is_named(lost):
    """The error's class, rank and signal are checked where it is raised."""
    log = Path(lost.error.facts["log"])
    assert log.name.endswith("-train-technology-rank1.log")
    assert log.exists()
    assert lost.seconds < 20
    assert sorted(lost.pids) == list(range(lost.world))
    assert lost.left == {}
    assert lost.status == ["FAILED"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training of the stage itself, with two ranks."""
    root = tmp_path_factory.mktemp("trained")
    store = publish_examples(root, train=2000, development=200, virtual_shards=4, row_group_rows=128)
    run_stage("train", configured(root, "train.epochs=6"))
    return store


def metadata_of(store):
    return store.metadata(TrainMetadata).tasks["technology"]


@pytest.mark.slow
def test_two_ranks_learn_the_signal_of_each_class(trained):
    metadata = metadata_of(trained)
    assert metadata.epochs == 6
    assert metadata.last.dev_accuracy > 0.95
    assert metadata.last.train_loss < 0.3
    assert list((trained.root / "train" / "work").iterdir()) == []


@pytest.mark.slow
def test_the_model_folder_is_whole_and_scores(trained):
    folder = trained.directory("MODEL") / "technology"
    files = {path.name for path in folder.iterdir()}
    assert files == {"model.keras", "task.json", "vocabulary.txt", "history.json", "lineage.json"}
    assert (folder / "vocabulary.txt").read_text().split()[:2] == ["w1", "w2"]
    scorer = Scorer(folder)
    rows = trained.read_arrow("EXAMPLES")
    rows = rows.filter(np.asarray(rows["patent_key"]) > 10**6)
    predicted = scorer.probabilities(token_matrix(rows["tokens"], TOKENS)).argmax(axis=1)
    correct = predicted == np.asarray(rows["label"])
    assert len(correct) == 200
    history = json.loads((folder / "history.json").read_text())
    kept = min(history, key=lambda epoch: epoch["dev_loss"])
    assert json.loads((folder / "task.json").read_text())["kept_epoch"] == kept["epoch"]
    assert correct.mean() == pytest.approx(kept["dev_accuracy"], abs=1e-6)


@pytest.mark.slow
def test_one_mlflow_run_with_metrics_by_epoch(trained):
    client = MlflowClient(tracking_uri(configured(trained.root)))
    run, steps = tracked_run(trained.root)
    assert run.info.run_id == metadata_of(trained).run_id
    assert run.info.status == "FINISHED"
    assert run.data.params["train.ranks"] == "2"
    assert run.data.tags["release_id"] == "tiny"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", run.data.tags["mlflow.source.git.commit"])
    assert {"train_loss", "train_accuracy", "dev_loss", "dev_accuracy"} <= set(steps)
    assert "examples_per_second" in run.data.metrics
    assert steps["dev_loss"] == [1, 2, 3, 4, 5, 6]
    assert len(client.search_logged_models([run.info.experiment_id])) == 1


@pytest.mark.slow
def test_a_model_of_the_same_data_and_settings_is_kept(trained):
    before = metadata_of(trained).run_id
    # New versions, the same bytes.
    publish_examples(trained.root, train=2000, development=200, virtual_shards=4, row_group_rows=128)
    assert not run_stage("train", configured(trained.root, "train.epochs=6")).skipped
    run, _ = tracked_run(trained.root)
    assert metadata_of(trained).run_id == before == run.info.run_id
    task = json.loads((trained.directory("MODEL") / "technology" / "task.json").read_text())
    assert task["run_id"] == before


@pytest.mark.slow
def test_steps_that_are_too_large_end_the_job_and_name_the_setting(tmp_path):
    publish_examples(tmp_path, train=500, virtual_shards=4)
    facts = {"model": "technology", "split": "train", "epoch": 1, "setting": "train.learning_rate"}
    with raises(WorkError, **facts) as error:
        run_stage("train", configured(tmp_path, "train.learning_rate=1e38"))
    assert "1e+38" in str(error.value)
    assert ranks_of(tmp_path) == {}


@pytest.mark.slow
def test_ranks_do_not_outlive_a_killed_launcher(tmp_path):
    publish_examples(tmp_path, train=2000, virtual_shards=4)
    command = [sys.executable, "-m", "patent_spark.cli", "train", *options(tmp_path, "train.epochs=1000")]
    launcher = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: steps_reported(tmp_path) > 1, seconds=90)
        assert len(ranks_of(tmp_path)) == 2
    finally:
        launcher.kill()
        launcher.wait()
    wait_for(lambda: not ranks_of(tmp_path), seconds=15)
