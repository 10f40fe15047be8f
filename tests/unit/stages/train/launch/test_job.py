"""What ranks and driver tell each other, and who is blamed when a job ends."""

import subprocess
import sys

import pytest

from patent_spark.config import Train, load_config
from patent_spark.core.errors import DataError, WorkError
from patent_spark.stages.train.launch import local
from patent_spark.stages.train.launch.failures import explain
from patent_spark.stages.train.launch.job import Failure, Job, Listener, Teller
from patent_spark.stages.train.launch.launcher import run_ranks


def test_a_job_and_its_configuration_come_back_and_old_news_is_gone(tmp_path):
    config, _ = load_config(
        sets=["train.epochs=9", "release.data_to_date=2020-02-29", f"warehouse.root={tmp_path}"]
    )
    job = Job(
        "technology",
        "run",
        "r1",
        "key",
        "/e",
        "/v",
        {"lanes": 4},
        {"fields": ["title"]},
        str(tmp_path / "job"),
    )
    job.write(config)
    Teller(tmp_path / "job").line("from the first attempt")
    Failure("ValueError", "no", bad_data=False, lost_peer=False).write(tmp_path / "job", 1)
    job.write(config)
    assert Job.read(tmp_path / "job") == (job, config)
    assert Listener(tmp_path / "job").news() == []
    assert Failure.read(tmp_path / "job", 1) is None


def test_news_comes_once_and_in_whole_lines(tmp_path):
    listener, teller = Listener(tmp_path), Teller(tmp_path)
    assert listener.news() == []
    teller.step(1, 3, "loss 2")
    teller.step(2, 3, "too soon after the first to be told")
    teller.step(3, 3, "the last is always told")
    assert [entry["done"] for entry in listener.news()] == [1, 3]
    with (tmp_path / "told.jsonl").open("a") as file:
        file.write('{"line": "half')
        file.flush()
        assert listener.news() == []
        file.write(' and half"}\n')
    assert listener.news() == [{"line": "half and half"}]
    assert listener.news() == []


LOST = Failure("UnknownError", "Horovod has been shut down", bad_data=False, lost_peer=True)
OWN = Failure("ResourceExhaustedError", "out of memory", bad_data=False, lost_peer=False)
BAD = Failure("FeedError", "group-00001.parquet is gone", bad_data=True, lost_peer=False)

SAID = Failure("WorkError", "the training loss is nan", bad_data=False, lost_peer=False)


@pytest.mark.parametrize(
    ("ends", "error", "message"),
    [
        (
            [(1, LOST), (-9, None)],
            WorkError,
            r"^train x: rank 1 ended with signal SIGKILL; its output is in .*log-rank1\.log$",
        ),
        ([(-11, None), (1, LOST)], WorkError, "^train x: rank 0 ended with signal SIGSEGV"),
        (
            [(1, LOST), (1, OWN)],
            WorkError,
            "^train x: rank 1 failed: ResourceExhaustedError: out of memory; its output is in",
        ),
        ([(1, LOST), (1, BAD)], DataError, r"^group-00001\.parquet is gone$"),
        ([(1, LOST), (1, SAID)], WorkError, "^train x: the training loss is nan$"),
        (
            [(1, LOST), (1, LOST)],
            WorkError,
            "^train x: rank 0 failed: UnknownError: Horovod has been shut down",
        ),
        ([(0, None), (3, None)], WorkError, "^train x: rank 1 ended with exit code 3"),
    ],
)
def test_the_rank_that_failed_is_blamed_not_the_one_that_noticed(tmp_path, monkeypatch, ends, error, message):
    """Real processes that end as the ranks of a failed job do."""
    for rank, (_, failure) in enumerate(ends):
        if failure:
            failure.write(tmp_path, rank)
    code = "import os, sys; n = int(sys.argv[1].split(',')[int(os.environ['HOROVOD_RANK'])]); os.kill(os.getpid(), -n) if n < 0 else sys.exit(n)"
    monkeypatch.setattr(
        local,
        "command_of_rank",
        lambda folder: [sys.executable, "-c", code, ",".join(str(end) for end, _ in ends)],
    )
    with pytest.raises(error, match=message):
        run_ranks(tmp_path, Train(ranks=2, timeout_s=5), 10, tmp_path / "log", "train x", lambda: None)


def test_a_silent_rank_is_blamed_not_the_one_that_waited_for_it(tmp_path, monkeypatch):
    LOST.write(tmp_path, 0)
    code = "import os, sys, time; time.sleep(1000) if os.environ['HOROVOD_RANK'] == '1' else sys.exit(1)"
    monkeypatch.setattr(local, "command_of_rank", lambda _: [sys.executable, "-c", code])
    monkeypatch.setattr(local, "_GRACE_S", 0.2)
    with pytest.raises(
        WorkError, match=r"^train x: rank 1 did not answer any more; its output is in .*rank1\.log$"
    ):
        run_ranks(tmp_path, Train(ranks=2, timeout_s=5), 10, tmp_path / "log", "train x", lambda: None)


def test_of_ranks_without_exit_codes_the_one_that_left_nothing_is_blamed(tmp_path):
    """Spark's executors and other launchers keep the codes to themselves."""
    LOST.write(tmp_path, 0)
    LOST.write(tmp_path, 2)
    error = explain(tmp_path, "train x", [None] * 3, ["see there"] * 3)
    assert str(error) == "train x: rank 1 did not answer any more; see there"


def test_a_rank_that_waits_for_ever_is_ended_with_the_others(tmp_path, monkeypatch):
    code = "import os, sys, time; time.sleep(1000) if os.environ['HOROVOD_RANK'] == '0' else sys.exit(1)"
    monkeypatch.setattr(local, "command_of_rank", lambda _: [sys.executable, "-c", code, str(tmp_path)])
    monkeypatch.setattr(local, "_GRACE_S", 0.2)
    with pytest.raises(WorkError, match="rank 1 ended with exit code 1"):
        run_ranks(tmp_path, Train(ranks=2, timeout_s=5), 10, tmp_path / "log", "train x", lambda: None)
    left = subprocess.run(["pgrep", "-f", f"sleep.*{tmp_path}"], capture_output=True, text=True).stdout
    assert left == ""
