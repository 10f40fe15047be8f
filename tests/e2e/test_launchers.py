"""The same training started in other ways: by horovodrun, one command a rank, and in the executors of a Spark cluster."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patent_spark.config import load_config
from patent_spark.pipeline import run_stage
from patent_spark.stages.train.launch.horovod import meeting_point
from tests.e2e.test_ranks import SETS, told_steps, wait_for
from tests.support.cli_runner import epochs_told, largest_difference
from tests.support.cluster import running_cluster
from tests.support.training_warehouse import publish_examples

SETTINGS = [*SETS, "train.epochs=3"]
LONG = ["train.epochs=25"]


def publish(root):
    return publish_examples(root, train=400, development=40, lanes=4, row_group_rows=128)


def options(root, *sets):
    return [part for setting in [f"warehouse.root={root}", *SETTINGS, *sets] for part in ("--set", setting)]


def losses(store):
    (metadata,) = store.metadata("train")["tasks"].values()
    return metadata["epochs"], metadata["last"]["train_loss"], metadata["last"]["dev_loss"]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The last epoch of a training of one rank, that this command starts."""
    store = publish(tmp_path_factory.mktemp("local"))
    run_stage("train", load_config(sets=[f"warehouse.root={store.root}", *SETTINGS, "train.ranks=1"])[0])
    return losses(store)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_horovodrun_starts_the_command_once_a_rank(tmp_path, local):
    store = publish(tmp_path)
    horovodrun, patent_spark = (
        Path(sys.executable).with_name(name) for name in ("horovodrun", "patent-spark")
    )
    command = [
        horovodrun,
        "--gloo",
        "-np",
        "2",
        patent_spark,
        "train",
        *options(tmp_path, "train.launcher=external"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    assert losses(store) == pytest.approx(local, rel=1e-4)
    assert len(store.manifests("train")) == 1
    # Nothing is to be done, and every rank learns of it.
    again = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("train     skipped") == 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_any_program_that_sets_the_environment_can_start_ranks_and_lose_one(tmp_path):
    publish(tmp_path)
    command = [
        sys.executable,
        "-m",
        "patent_spark.cli",
        "train",
        *options(tmp_path, "train.launcher=external", "train.epochs=10000"),
    ]
    said = [tmp_path / f"said-{rank}.txt" for rank in range(2)]
    with meeting_point(2, timeout_s=120) as places:
        ranks = []
        for place, path in zip(places, said, strict=True):
            with path.open("wb") as file:
                ranks.append(subprocess.Popen(command, env=os.environ | place, stdout=file, stderr=file))
        try:
            wait_for(lambda: told_steps(tmp_path), seconds=600)
            ranks[1].send_signal(signal.SIGKILL)
            killed_at = time.monotonic()
            assert ranks[0].wait(timeout=120) == 1
            assert time.monotonic() - killed_at < 60
        finally:
            for rank in ranks:
                rank.kill()
                rank.wait()
    assert "patent-spark: train technology: rank 1 did not answer any more" in said[0].read_text()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_executors_of_a_cluster_are_ranks(tmp_path_factory, local, package_zip):
    root = tmp_path_factory.mktemp("executors")
    store = publish(root)
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2, cores=1) as cluster:
        whole = dataclasses.replace(
            cluster, python=Path(sys.executable)
        )  # the ranks need the whole environment
        job = whole.submit("train", package_zip, *options(root, "train.launcher=spark")).finish()
    assert losses(store) == pytest.approx(local, rel=1e-4)
    assert (
        len(
            {event["Executor Info"]["Host"] + event["Executor ID"] for event in job.happened("ExecutorAdded")}
        )
        == 2
    )
    assert not list((root / "logs").glob("*-rank0.log"))


def ranks_in(cluster):
    """Process ids of ranks at work in the executors of a cluster, by rank."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = dict(
                part.partition("=")[::2] for part in (process / "environ").read_text().split("\0")
            )
            if str(cluster.folder) in variables.get("SPARK_LOCAL_DIRS", "") and "HOROVOD_RANK" in variables:
                found.setdefault(int(variables["HOROVOD_RANK"]), []).append(int(process.name))
        except OSError:
            pass
    return found


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_rank_that_is_killed_in_an_executor_ends_the_job_which_then_goes_on(tmp_path_factory, package_zip):
    roots = [tmp_path_factory.mktemp(name) for name in ("undisturbed", "disturbed")]
    for root in roots:
        publish(root)
    run_stage("train", load_config(sets=[f"warehouse.root={roots[0]}", *SETTINGS, *LONG])[0])
    root = roots[1]
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2, cores=1) as cluster:
        whole = dataclasses.replace(cluster, python=Path(sys.executable))
        command = ["train", package_zip, *options(root, *LONG, "train.launcher=spark")]
        job = whole.submit(*command)
        wait_for(lambda: epochs_told(root) or job.process.poll() is not None, seconds=600)
        assert job.process.poll() is None, job.said
        for pid in ranks_in(cluster)[1]:
            os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        assert job.process.wait(timeout=300) == 1
        assert time.monotonic() - killed_at < 60
        assert (
            "patent-spark: train technology: rank 1 did not answer any more; the output of all is in"
            in job.said
        )
        wait_for(lambda: not ranks_in(cluster), seconds=15)
        job = whole.submit(*command, "--resume").finish()
        assert "technology: goes on from the checkpoint at epoch " in job.said
    assert largest_difference(*roots) < 1e-6
