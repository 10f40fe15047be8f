"""Trainings that are killed, stopped or frozen: real ranks, real signals, the real command."""

import os
import signal
import time
from contextlib import contextmanager

import pytest

from patent_spark.stages.train.launch.horovod import rendezvous
from tests.support.cli_runner import largest_difference, publish, tracked_run
from tests.support.rank_processes import ranks_of

EPOCHS = 25
LONG = [f"train.epochs={EPOCHS}"]


@pytest.fixture
def roots(train, tmp_path):
    """Two warehouses with the same examples: one whose training was left alone, one to disturb."""
    roots = [tmp_path / name for name in ("undisturbed", "disturbed")]
    for root in roots:
        publish(root)
    assert train(roots[0], settings=LONG).finish()[0] == 0
    return roots


def require_same_outcome(undisturbed, disturbed):
    """The same model, and every epoch once in a single run."""
    assert largest_difference(disturbed, undisturbed) < 1e-6
    run, epochs = tracked_run(disturbed)
    assert run.info.status == "FINISHED"
    assert epochs["train_loss"] == list(range(1, EPOCHS + 1))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_in_every_way_a_training_ends_as_if_it_had_not_been(train, roots):
    disturbed = roots[1]
    training = train(disturbed, settings=LONG)
    training.wait_for_epochs(1)
    killed_at = time.monotonic()
    os.kill(ranks_of(disturbed)[0], signal.SIGKILL)
    code, stderr = training.finish()
    assert code == 1
    assert time.monotonic() - killed_at < 60
    for fact in ("patent-spark: train technology", "rank 0", "SIGKILL", "-train-technology-rank0.log"):
        assert fact in stderr

    training = train(disturbed, "--resume", settings=LONG)
    training.wait_for_epochs(1)
    for pid in ranks_of(disturbed).values():
        os.kill(pid, signal.SIGKILL)
    code, stderr = training.finish()
    assert code == 1
    assert "checkpoint at epoch " in stderr

    training = train(disturbed, "--resume", settings=LONG)
    training.wait_for_epochs(1)
    training.process.send_signal(signal.SIGTERM)
    code, stderr = training.finish()
    assert code == 143
    for fact in ("patent-spark: train technology", f" of {EPOCHS}", "--resume"):
        assert fact in stderr.splitlines()[-1]

    training = train(disturbed, "--resume", settings=LONG)
    training.wait_for_epochs(1)
    os.kill(ranks_of(disturbed)[1], signal.SIGTERM)
    assert training.finish()[0] == 143

    training = train(disturbed, "--resume", settings=LONG)
    training.wait_for_epochs(1)
    training.process.kill()
    assert training.finish()[0] == -signal.SIGKILL

    code, stderr = train(disturbed, "--resume", settings=LONG).finish()
    assert code == 0, stderr
    assert list((disturbed / "train" / "work").iterdir()) == []
    require_same_outcome(*roots)


@contextmanager
def by_hand(train, root, *arguments):
    """The command once a rank, with Horovod's environment and nothing else."""
    settings = ["train.launcher=external", *LONG]
    with rendezvous(2, timeout_s=60) as places:
        yield [train(root, *arguments, settings=settings, **place) for place in places]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ranks_started_by_hand_are_killed_stopped_and_resumed(train, roots):
    disturbed = roots[1]
    with by_hand(train, disturbed) as ranks:
        ranks[0].wait_for_epochs(1)
        ranks[0].process.kill()
        killed_at = time.monotonic()
        assert ranks[1].process.wait(timeout=120) == 1
        assert time.monotonic() - killed_at < 60
        ranks[1].finish()
    (error,) = [line for line in ranks[1].stderr.splitlines() if line.startswith("patent-spark: ")]
    assert "train technology" in error
    assert "rank 0" in error

    with by_hand(train, disturbed, "--resume") as ranks:
        ranks[0].wait_for_epochs(1)
        for rank in ranks:
            rank.process.terminate()
        codes = [rank.process.wait(timeout=120) for rank in ranks]
        ranks[0].finish()
    assert codes == [143, 143]
    assert "checkpoint at epoch " in ranks[0].stderr
    assert all(f" of {EPOCHS}" in rank.stderr.splitlines()[-1] for rank in ranks)

    with by_hand(train, disturbed, "--resume") as ranks:
        assert [rank.process.wait(timeout=400) for rank in ranks] == [0, 0]
        ranks[0].finish()
    require_same_outcome(*roots)


@pytest.mark.slow
def test_a_rank_that_hangs_ends_the_job_and_is_named(train, tmp_path):
    publish(tmp_path)
    training = train(tmp_path, settings=["train.timeout_s=10", "train.epochs=1000"])
    training.wait_for_epochs(1)
    stopped_at = time.monotonic()
    os.kill(ranks_of(tmp_path)[1], signal.SIGSTOP)
    code, stderr = training.finish()
    assert code == 1
    assert time.monotonic() - stopped_at < 60
    for fact in ("patent-spark: train technology", "rank 1", "-train-technology-rank1.log"):
        assert fact in stderr
