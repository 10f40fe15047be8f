"""Which rank is named when a job ends early, and what the driver knows of its error: real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from patent_spark.config import ConfigError, Train
from patent_spark.core.errors import DataError, StoppedError, WorkError
from patent_spark.stages.shard.feed import FeedError
from patent_spark.stages.train.launch import local
from patent_spark.stages.train.launch.failures import Failure, diagnose
from patent_spark.stages.train.launch.launcher import run_ranks
from tests.support.errors import raises

LOST = Failure("UnknownError", "Horovod has been shut down", {}, bad_data=False, lost_peer=True)
OWN = Failure.of(MemoryError("no memory left"))
BAD = Failure.of(FeedError("group-00001.parquet is gone", file="group-00001.parquet"))
NOT_FINITE = Failure.of(WorkError("the train loss is nan in epoch 2", split="train", epoch=2))
STOPPED = Failure.of(StoppedError("stopped in epoch 3 after step 4", epoch=3, step=4))

EXIT = """
import os, sys
code = int(sys.argv[1].split(",")[int(os.environ["HOROVOD_RANK"])])
os.kill(os.getpid(), -code) if code < 0 else sys.exit(code)
"""


@pytest.mark.parametrize(
    ("ends", "error", "facts"),
    [
        ([(1, LOST), (-9, None)], WorkError, {"rank": 1, "signal": "SIGKILL"}),
        ([(-11, None), (1, LOST)], WorkError, {"rank": 0, "signal": "SIGSEGV"}),
        ([(1, LOST), (1, OWN)], WorkError, {"rank": 1, "error": "MemoryError"}),
        ([(1, LOST), (1, BAD)], DataError, {"file": "group-00001.parquet"}),
        ([(1, LOST), (1, NOT_FINITE)], WorkError, {"split": "train", "epoch": 2}),
        ([(1, LOST), (1, STOPPED)], StoppedError, {"epoch": 3, "step": 4}),
        ([(1, LOST), (1, LOST)], WorkError, {"rank": 0, "error": "UnknownError"}),
        ([(0, None), (3, None)], WorkError, {"rank": 1, "code": 3}),
    ],
)
def test_the_rank_that_failed_is_named_not_the_one_that_noticed(tmp_path, monkeypatch, ends, error, facts):
    for rank, (_, failure) in enumerate(ends):
        if failure:
            failure.write(tmp_path, rank)
    codes = ",".join(str(code) for code, _ in ends)
    monkeypatch.setattr(local, "command_of_rank", lambda folder: [sys.executable, "-c", EXIT, codes])
    if "rank" in facts:
        facts["log"] = str(tmp_path / f"log-rank{facts['rank']}.log")
    with raises(error, **facts) as caught:
        run_job(tmp_path)
    assert caught.value.facts["model"] == "technology"
    # The message of bad data is of a file, whichever model it is for.
    assert ("technology" in str(caught.value)) is (error is not DataError)


def run_job(folder):
    run_ranks(folder, Train(ranks=2, timeout_s=5), 10, folder / "log", "technology", lambda: None)


def ranks_that(monkeypatch, sleeping, *arguments):
    """Lets one rank sleep and the other end with exit code 1."""
    sleep = f"time.sleep(1000) if os.environ['HOROVOD_RANK'] == '{sleeping}' else sys.exit(1)"
    command = [sys.executable, "-c", f"import os, sys, time; {sleep}", *arguments]
    monkeypatch.setattr(local, "command_of_rank", lambda _: command)
    monkeypatch.setattr(local, "_GRACE_S", 0.2)


def test_a_silent_rank_is_named_not_the_one_that_waited_for_it(tmp_path, monkeypatch):
    LOST.write(tmp_path, 0)
    ranks_that(monkeypatch, 1)
    with raises(WorkError, model="technology", rank=1, log=str(tmp_path / "log-rank1.log")) as caught:
        run_job(tmp_path)
    assert not {"code", "signal", "error"} & caught.value.facts.keys()


@pytest.mark.parametrize("log", [Path("/there/ranks.log"), None])
def test_of_ranks_without_exit_codes_the_one_that_left_nothing_is_named(tmp_path, log):
    """Spark's executors keep the codes to themselves; other launchers keep the output too."""
    LOST.write(tmp_path, 0)
    LOST.write(tmp_path, 2)
    error = diagnose(tmp_path, "technology", [None] * 3, [log] * 3)
    assert type(error) is WorkError
    assert error.facts == {"model": "technology", "rank": 1} | ({"log": str(log)} if log else {})


def test_a_rank_that_waits_for_ever_is_ended_with_the_others(tmp_path, monkeypatch):
    ranks_that(monkeypatch, 0, str(tmp_path))
    with raises(WorkError, rank=1, code=1):
        run_job(tmp_path)
    left = subprocess.run(["pgrep", "-f", f"sleep.*{tmp_path}"], capture_output=True, text=True).stdout
    assert left == ""


def test_an_error_keeps_its_class_and_its_facts_on_the_way_to_the_driver(tmp_path):
    """Facts that JSON does not know become text."""
    error = ConfigError(
        "train.ranks = 4", setting="train.ranks", ranks=4, folder=Path("/x"), tables=("A", "B")
    )
    Failure.of(error).write(tmp_path, 0)
    arrived = Failure.read(tmp_path, 0).as_error("joint", 0, None)
    assert (type(arrived), str(arrived)) == (ConfigError, str(error))
    texts = {"folder": "/x", "tables": "('A', 'B')"}
    assert arrived.facts == {"model": "joint", "setting": "train.ranks", "ranks": 4} | texts
