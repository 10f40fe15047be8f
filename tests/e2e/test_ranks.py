"""Real ranks: real Petastorm, Keras, Horovod over Gloo, MLflow, each rank a process of its own.

A process spends ten seconds on imports, so one job shows that its ranks step as one and how it ends when it loses one.
What a whole training leaves is checked by the slow tests (test_whole_run.py trains both tasks in any case).
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

from patent_spark.config import load_config
from patent_spark.core.errors import WorkError
from patent_spark.inference.scorer import Scorer, token_matrix
from patent_spark.pipeline import run_stage
from patent_spark.stages.train.launch import local
from patent_spark.stages.train.launch.horovod import joined
from patent_spark.tracking.runs import tracking_uri
from tests.support import rank_steps
from tests.support.training_warehouse import TOKENS, publish_examples, told_files

ROOT = Path(__file__).parents[2]
SETS = [
    "tasks=technology", f"technology.max_tokens={TOKENS}", "shard.world_sizes=[1,2,4]", "model.units=24",
    "train.ranks=2", "train.batch=32", "train.learning_rate=0.01",
]  # fmt: skip
MANY = 50
"""Steps after which the loss of any number of ranks is still the same."""


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", *SETS, *sets])[0]


def ranks_of(folder):
    """Process ids of ranks at work on a folder, by rank."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(folder) in (process / "cmdline").read_text():
                variables = dict(
                    part.partition("=")[::2] for part in (process / "environ").read_text().split("\0")
                )
                found[int(variables["HOROVOD_RANK"])] = int(process.name)
        except (OSError, KeyError):
            pass
    return found


def told_steps(root):
    return sum(path.read_text().count('"done"') for path in told_files(root))


def wait_for(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def loaded(output):
    return {path.stem: dict(np.load(path)) for path in output.iterdir()}


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    root = tmp_path_factory.mktemp("steps")
    publish_examples(
        root, train=250, lanes=4
    )  # 63 rows a lane: 6 steps, one of 12 rows; 2 rows of padding, both in the step of the shortest texts
    return root


@pytest.fixture(scope="module")
def alone(examples):
    """The steps of a single rank, without a launcher, by `<way>-<step>-rank0`."""
    output = examples / "alone"
    output.mkdir()
    with joined() as ranks:
        rank_steps.take_steps(examples, output, ranks, MANY)
    return loaded(output)


@dataclass(frozen=True)
class Lost:
    """A job that took its steps, and lost rank 1 in the training after them."""

    world: int
    steps: dict
    pids: dict
    error: str
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
        wait_for(lambda: told_steps(examples) > 1, seconds=200)
        killed["pids"] = ranks_of(examples)
        killed["at"] = time.monotonic()
        os.kill(killed["pids"][1], signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setattr(
            local,
            "command_of_rank",
            lambda folder: [sys.executable, rank_steps.__file__, *map(str, (folder, examples, output, MANY))],
        )
        killer.start()
        config = configured(examples, f"train.ranks={world}", "train.epochs=10000")
        with pytest.raises(WorkError) as error:
            run_stage("train", config)
    seconds = time.monotonic() - killed["at"]
    client = MlflowClient(tracking_uri(config))
    status = [run.info.status for run in client.search_runs(["1"]) if run.info.start_time > 1000 * started]
    shutil.rmtree(examples / "train" / "work")  # the next job of this folder must not be taken for this one
    return Lost(world, loaded(output), killed["pids"], str(error.value), seconds, ranks_of(examples), status)


def test_any_number_of_ranks_takes_the_same_steps(lost, alone):
    assert len(alone) == MANY * len(rank_steps.WAYS)
    for way in rank_steps.WAYS:
        solo = [alone[f"{way}-{step}-rank0"] for step in range(1, MANY + 1)]
        assert sorted(step["sums"][-2] for step in solo[:6]) == [12, 46, 48, 48, 48, 48]
        assert np.abs(solo[0]["weights"] - solo[1]["weights"]).max() > 1e-3
        for rank in range(lost.world):
            together = [lost.steps[f"{way}-{step}-rank{rank}"] for step in range(1, MANY + 1)]
            curves = [
                [step["sums"][:-2:3] / step["sums"][1:-2:3] for step in steps] for steps in (together, solo)
            ]  # of each head
            assert np.abs(np.subtract(*curves)).max() < 1e-4
            assert np.abs(together[0]["weights"] - solo[0]["weights"]).max() < 1e-5
            assert np.abs(together[5]["weights"] - solo[5]["weights"]).max() < 1e-4
            assert (together[5]["weights"] == lost.steps[f"{way}-6-rank0"]["weights"]).all()
            for ours, theirs in zip(together[:6], solo[:6], strict=True):
                assert ours["sums"] == pytest.approx(theirs["sums"], rel=1e-4)


def test_a_killed_rank_ends_the_job_and_is_named(lost):
    assert re.match(
        r"train technology: rank 1 ended with signal SIGKILL; its output is in .*-train-technology-rank1\.log",
        lost.error,
    )
    assert lost.seconds < 20
    assert sorted(lost.pids) == list(range(lost.world))
    assert lost.left == {}
    assert lost.status == ["FAILED"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training of the stage itself, with two ranks."""
    root = tmp_path_factory.mktemp("trained")
    store = publish_examples(root, train=2000, development=200, lanes=4, row_group_rows=128)
    run_stage("train", configured(root, "train.epochs=6"))
    return store


@pytest.mark.slow
def test_two_ranks_learn_what_is_planted(trained):
    metadata = trained.metadata("train")["tasks"]["technology"]
    assert metadata["epochs"] == 6
    assert metadata["last"]["dev_accuracy"] > 0.95
    assert metadata["last"]["train_loss"] < 0.3
    assert list((trained.root / "train" / "work").iterdir()) == []


@pytest.mark.slow
def test_the_model_folder_is_whole_and_scores(trained):
    folder = trained.directory("MODEL") / "technology"
    assert {path.name for path in folder.iterdir()} == {
        "model.keras",
        "task.json",
        "vocabulary.txt",
        "history.json",
    }
    assert (folder / "vocabulary.txt").read_text().split()[:2] == ["w1", "w2"]
    scorer = Scorer(folder)
    rows = trained.read_arrow("EXAMPLES")
    rows = rows.filter(np.asarray(rows["patent_key"]) > 10**6)
    hits = scorer.probabilities(token_matrix(rows["tokens"], TOKENS)).argmax(axis=1) == np.asarray(
        rows["label"]
    )
    assert len(hits) == 200
    history = json.loads((folder / "history.json").read_text())
    kept = min(history, key=lambda epoch: epoch["dev_loss"])
    assert scorer.task["kept_epoch"] == kept["epoch"]
    assert hits.mean() == pytest.approx(kept["dev_accuracy"], abs=1e-6)


@pytest.mark.slow
def test_one_mlflow_run_with_metrics_by_epoch(trained):
    config = configured(trained.root)
    client = MlflowClient(tracking_uri(config))
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    assert run.info.run_id == trained.metadata("train")["tasks"]["technology"]["run_id"]
    assert run.info.status == "FINISHED"
    assert run.data.params["train.ranks"] == "2"
    assert run.data.tags["release_id"] == "tiny"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", run.data.tags["mlflow.source.git.commit"])
    assert {"train_loss", "train_accuracy", "dev_loss", "dev_accuracy", "examples_per_second"} <= set(
        run.data.metrics
    )
    assert [m.step for m in client.get_metric_history(run.info.run_id, "dev_loss")] == [1, 2, 3, 4, 5, 6]
    assert len(client.search_logged_models([run.info.experiment_id])) == 1


def run_id_of(store):
    return store.metadata("train")["tasks"]["technology"]["run_id"]


@pytest.mark.slow
def test_a_model_of_the_same_data_and_settings_is_kept(trained, capsys):
    before = run_id_of(trained)
    publish_examples(
        trained.root, train=2000, development=200, lanes=4, row_group_rows=128
    )  # new versions, the same bytes
    assert not run_stage("train", configured(trained.root, "train.epochs=6")).skipped
    assert (
        "technology: examples and settings are those of the model that is there, which is kept"
        in capsys.readouterr().err
    )
    assert run_id_of(trained) == before
    assert Scorer(trained.directory("MODEL") / "technology").task["run_id"] == before


@pytest.mark.slow
def test_steps_that_are_too_large_end_the_job_with_the_setting_to_turn(tmp_path):
    publish_examples(tmp_path, train=500, lanes=4)
    with pytest.raises(
        WorkError,
        match=r"^train technology: the training loss is (nan|inf) in epoch 1: .*train\.learning_rate \(now 1e\+38\)",
    ):
        run_stage("train", configured(tmp_path, "train.learning_rate=1e38"))
    assert ranks_of(tmp_path) == {}


@pytest.mark.slow
def test_ranks_do_not_outlive_a_killed_launcher(tmp_path):
    publish_examples(tmp_path, train=2000, lanes=4)
    sets = [
        part
        for setting in [f"warehouse.root={tmp_path}", *SETS, "train.epochs=1000"]
        for part in ("--set", setting)
    ]
    launcher = subprocess.Popen(
        [sys.executable, "-m", "patent_spark.cli", "train", *sets], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: told_steps(tmp_path) > 1)
        assert len(ranks_of(tmp_path)) == 2
    finally:
        launcher.kill()
        launcher.wait()
    wait_for(lambda: not ranks_of(tmp_path), seconds=15)
