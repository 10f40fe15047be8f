"""Trainings that are killed, stopped or frozen: real ranks, real signals, the real command."""

import os
import signal
import time
from contextlib import contextmanager

import pytest
from mlflow import MlflowClient

from patent_spark.config import load_config
from patent_spark.stages.train.launch.horovod import meeting_point
from patent_spark.tracking.runs import tracking_uri
from tests.e2e.test_ranks import ranks_of
from tests.support.cli_runner import largest_difference, publish, run_and_epochs

EPOCHS = 25
LONG = [f"train.epochs={EPOCHS}"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_in_every_way_a_training_ends_as_if_it_had_not_been(attempt, tmp_path):
    roots = {name: tmp_path / name for name in ("undisturbed", "disturbed")}
    for root in roots.values():
        publish(root)
    assert attempt(roots["undisturbed"], sets=LONG).ended()[0] == 0
    root = roots["disturbed"]

    trial = attempt(root, sets=LONG)
    trial.comes_to(1)
    killed_at = time.monotonic()
    os.kill(ranks_of(root)[0], signal.SIGKILL)
    code, said = trial.ended()
    assert code == 1
    assert time.monotonic() - killed_at < 60
    assert "patent-spark: train technology: rank 0 ended with signal SIGKILL; its output is in" in said

    trial = attempt(root, "--resume", sets=LONG)
    trial.comes_to(1)
    for pid in ranks_of(root).values():
        os.kill(pid, signal.SIGKILL)
    code, said = trial.ended()
    assert code == 1
    assert "technology: goes on from the checkpoint at epoch " in said

    trial = attempt(root, "--resume", sets=LONG)
    trial.comes_to(1)
    trial.process.send_signal(signal.SIGTERM)
    code, said = trial.ended()
    assert code == 143
    assert "patent-spark: train technology: stopped in epoch " in said
    assert said.rstrip().endswith("; the same command with --resume goes on from there")

    trial = attempt(root, "--resume", sets=LONG)
    trial.comes_to(1)
    os.kill(ranks_of(root)[1], signal.SIGTERM)
    assert trial.ended()[0] == 143

    trial = attempt(root, "--resume", sets=LONG)
    trial.comes_to(1)
    trial.process.kill()
    assert trial.ended()[0] == -signal.SIGKILL

    code, said = attempt(root, "--resume", sets=LONG).ended()
    assert code == 0, said
    assert list((root / "train" / "work").iterdir()) == []
    assert largest_difference(root, roots["undisturbed"]) < 1e-6
    run, epochs = run_and_epochs(MlflowClient(tracking_uri(load_config(sets=[f"warehouse.root={root}"])[0])))
    assert run.info.status == "FINISHED"
    assert epochs["train_loss"] == list(range(1, EPOCHS + 1))


@contextmanager
def by_hand(attempt, root, *arguments):
    """The command once a rank, with Horovod's environment and nothing else."""
    with meeting_point(2, timeout_s=60) as places:
        yield [
            attempt(root, *arguments, sets=["train.launcher=external", *LONG], **place) for place in places
        ]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ranks_started_by_hand_are_killed_stopped_and_resumed(attempt, tmp_path):
    roots = {name: tmp_path / name for name in ("undisturbed", "disturbed")}
    for root in roots.values():
        publish(root)
    assert attempt(roots["undisturbed"], sets=LONG).ended()[0] == 0
    root = roots["disturbed"]

    with by_hand(attempt, root) as ranks:
        ranks[0].comes_to(1)
        ranks[0].process.kill()
        killed_at = time.monotonic()
        assert ranks[1].process.wait(timeout=120) == 1
        assert time.monotonic() - killed_at < 60
        ranks[1].ended()
    assert (
        "patent-spark: train technology: rank 0 did not answer any more; its output is where its launcher puts it\n"
        in ranks[1].said
    )

    with by_hand(attempt, root, "--resume") as ranks:
        ranks[0].comes_to(1)
        for rank in ranks:
            rank.process.terminate()
        codes = [rank.process.wait(timeout=120) for rank in ranks]
        ranks[0].ended()
    assert codes == [143, 143]
    assert "technology: goes on from the checkpoint at epoch " in ranks[0].said
    assert all("patent-spark: train technology: stopped in epoch " in rank.said for rank in ranks)

    with by_hand(attempt, root, "--resume") as ranks:
        assert [rank.process.wait(timeout=400) for rank in ranks] == [0, 0]
        ranks[0].ended()
    assert largest_difference(root, roots["undisturbed"]) < 1e-6
    run, epochs = run_and_epochs(MlflowClient(tracking_uri(load_config(sets=[f"warehouse.root={root}"])[0])))
    assert run.info.status == "FINISHED"
    assert epochs["train_loss"] == list(range(1, EPOCHS + 1))


@pytest.mark.slow
def test_a_rank_that_hangs_ends_the_job_and_is_named(attempt, tmp_path):
    publish(tmp_path)
    trial = attempt(tmp_path, sets=["train.timeout_s=10", "train.epochs=1000"])
    trial.comes_to(1)
    stopped_at = time.monotonic()
    os.kill(ranks_of(tmp_path)[1], signal.SIGSTOP)
    code, said = trial.ended()
    assert code == 1
    assert time.monotonic() - stopped_at < 60
    assert "patent-spark: train technology: rank 1 did not answer any more; its output is in" in said
