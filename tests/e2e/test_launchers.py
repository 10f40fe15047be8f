"""The same training started in other ways: by horovodrun, one command a rank, and in the executors of a
Spark cluster."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from patent_spark.core.metadata import TrainMetadata
from patent_spark.pipeline import run_stage
from patent_spark.stages.train.launch.horovod import rendezvous
from tests.support.cli_runner import largest_difference
from tests.support.cluster import running_cluster, wait_for
from tests.support.rank_processes import configured, environments, epochs_reported, options, steps_reported
from tests.support.training_warehouse import publish_examples

SHORT = ["train.epochs=3"]
LONG = ["train.epochs=25"]


def publish(root):
    return publish_examples(root, train=400, development=40, virtual_shards=4, row_group_rows=128)


def losses(store):
    (metadata,) = store.metadata(TrainMetadata).tasks.values()
    return metadata.epochs, metadata.last.train_loss, metadata.last.dev_loss


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The last epoch of a training of one rank, started by the command itself."""
    store = publish(tmp_path_factory.mktemp("local"))
    run_stage("train", configured(store.root, *SHORT, "train.ranks=1"))
    return losses(store)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_horovodrun_starts_the_command_once_a_rank(tmp_path, local):
    store = publish(tmp_path)
    horovodrun, patent_spark = (
        Path(sys.executable).with_name(name) for name in ("horovodrun", "patent-spark")
    )
    settings = options(tmp_path, *SHORT, "train.launcher=external")
    command = [horovodrun, "--gloo", "-np", "2", patent_spark, "train", *settings]
    first = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert first.returncode == 0, first.stderr
    assert losses(store) == pytest.approx(local, rel=1e-4)
    versions = [manifest.version for manifest in store.manifests("train")]
    assert len(versions) == 1
    # Nothing is left to do, and every rank learns of it.
    again = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert again.returncode == 0, again.stderr
    assert [manifest.version for manifest in store.manifests("train")] == versions
    assert again.stderr.count(f"version {versions[0]}") == 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_any_program_that_sets_the_environment_can_start_ranks_and_lose_one(tmp_path):
    publish(tmp_path)
    settings = options(tmp_path, "train.launcher=external", "train.epochs=10000")
    command = [sys.executable, "-m", "patent_spark.cli", "train", *settings]
    outputs = [tmp_path / f"output-{rank}.txt" for rank in range(2)]
    with rendezvous(2, timeout_s=120) as places:
        ranks = []
        for place, path in zip(places, outputs, strict=True):
            with path.open("wb") as file:
                ranks.append(subprocess.Popen(command, env=os.environ | place, stdout=file, stderr=file))
        try:
            wait_for(lambda: steps_reported(tmp_path), seconds=600)
            ranks[1].send_signal(signal.SIGKILL)
            killed_at = time.monotonic()
            assert ranks[0].wait(timeout=120) == 1
            assert time.monotonic() - killed_at < 60
        finally:
            for rank in ranks:
                rank.kill()
                rank.wait()
    (error,) = [line for line in outputs[0].read_text().splitlines() if line.startswith("patent-spark: ")]
    assert "train technology" in error
    assert "rank 1" in error


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_executors_of_a_cluster_are_ranks(tmp_path_factory, local, package_zip):
    root = tmp_path_factory.mktemp("executors")
    store = publish(root)
    with cluster_for_ranks(tmp_path_factory) as cluster:
        job = cluster.submit("train", package_zip, *options(root, *SHORT, "train.launcher=spark")).finish()
    assert losses(store) == pytest.approx(local, rel=1e-4)
    executors = {
        event["Executor Info"]["Host"] + event["Executor ID"] for event in job.happened("ExecutorAdded")
    }
    assert len(executors) == 2
    assert not list((root / "logs").glob("*-rank0.log"))


@contextlib.contextmanager
def cluster_for_ranks(tmp_path_factory):
    """Two workers of one core, whose Python has what a rank imports."""
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2, cores=1) as cluster:
        yield dataclasses.replace(cluster, python=Path(sys.executable))


def ranks_in(cluster):
    """Process ids, by rank, of the ranks at work in the executors of a cluster."""
    pids = {}
    for pid, variables in environments().items():
        if str(cluster.folder) in variables.get("SPARK_LOCAL_DIRS", "") and "HOROVOD_RANK" in variables:
            pids.setdefault(int(variables["HOROVOD_RANK"]), []).append(pid)
    return pids


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_rank_that_is_killed_in_an_executor_ends_the_job_which_then_goes_on(tmp_path_factory, package_zip):
    roots = [tmp_path_factory.mktemp(name) for name in ("undisturbed", "disturbed")]
    for root in roots:
        publish(root)
    run_stage("train", configured(roots[0], *LONG))
    root = roots[1]
    with cluster_for_ranks(tmp_path_factory) as cluster:
        command = ["train", package_zip, *options(root, *LONG, "train.launcher=spark")]
        job = cluster.submit(*command)
        wait_for(lambda: epochs_reported(root) or job.process.poll() is not None, seconds=600)
        assert job.process.poll() is None, job.said
        for pid in ranks_in(cluster)[1]:
            os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        assert job.process.wait(timeout=300) == 1
        assert time.monotonic() - killed_at < 60
        for fact in ("patent-spark: train technology", "rank 1", "-train-technology-ranks.log"):
            assert fact in job.said
        wait_for(lambda: not ranks_in(cluster), seconds=15)
        job = cluster.submit(*command, "--resume").finish()
        assert "checkpoint at epoch " in job.said
    assert largest_difference(*roots) < 1e-6
