"""Every job on a cluster (`make cluster-test`): packed environment, lost worker, MLflow on PostgreSQL.

Master, workers, MLflow and PostgreSQL are processes on loopback. Tables must be those of the embedded engine.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.compute as pc
import pytest

from patent_spark.config import load_config
from patent_spark.core.metadata import RegisterMetadata
from patent_spark.core.schemas import TABLES
from patent_spark.core.store import Store
from patent_spark.stages.register.report_schema import ALREADY_CHAMPION
from patent_spark.tracking.registry import Registry
from tests.support.cluster import ROOT, Job, running_cluster, wait_for
from tests.support.postgresql import programs, running_postgresql
from tests.support.rank_processes import environments, steps_reported
from tests.support.small_run import OPTIONAL_TABLES, SMALL, patent_spark, set_options
from tests.support.table_hash import table_digest
from tests.support.tracking_server import TrackingServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        programs() is None, reason="PostgreSQL is missing (Debian: apt-get install postgresql)"
    ),
]

SETTINGS = ["simulate.patents=2000", "tasks=technology", "evaluate.resamples=50"]

LOST = "label"
"""The job that loses a worker."""
BEFORE, AFTER = ("simulate", "ingest"), ("quality", "split", "text", "shard")
LATER = ("evaluate", "audit")
PARTITIONS = 32
MANY_TASKS = {
    "spark.sql.shuffle.partitions": PARTITIONS,
    "spark.sql.adaptive.coalescePartitions.enabled": "false",
    "spark.sql.autoBroadcastJoinThreshold": -1,
}
"""So that so small a join lasts long enough to lose a worker in it."""


@dataclass
class Run:
    """What was seen while the jobs ran one after another."""

    root: Path
    sets: list[str]
    jobs: dict[str, Job] = field(default_factory=dict)
    files_of_ranks: dict[int, list[str]] = field(default_factory=dict)
    joining: list[dict] = field(default_factory=list)

    @property
    def store(self):
        return Store(self.root)

    def submit(self, cluster, job, *settings, conf=None):
        words = ["--config", ROOT / "conf" / "demo.yaml", *set_options([*self.sets, *settings])]
        self.jobs[job] = cluster.submit_packed(job, *words, conf=conf)
        return self.jobs[job]


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    root = tmp_path_factory.mktemp("embedded")
    done = patent_spark("run", root=root, sets=SETTINGS)
    assert done.returncode == 0, done.stderr
    return Store(root)


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    with running_postgresql() as database, TrackingServer(folder, database) as server:
        yield server


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2, cores=1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def finished(tmp_path_factory, cluster, tracking):
    """All jobs, one after another; a worker is lost in the join and another one takes its place."""
    root = tmp_path_factory.mktemp("warehouse")
    sets = [*SMALL, *SETTINGS, f"warehouse.root={root}", f"tracking.uri={tracking.uri}"]
    run = Run(root, [*sets, "train.launcher=spark"])
    for job in BEFORE:
        run.submit(cluster, job).finish()
    lose_worker(cluster, run)
    cluster.start_worker(1)
    for job in AFTER:
        run.submit(cluster, job).finish()
    run.submit(cluster, "train")
    wait_for(lambda: steps_reported(root) or run.jobs["train"].process.poll() is not None, seconds=600)
    run.files_of_ranks |= mapped_files(cluster)
    run.jobs["train"].finish()
    for job in LATER:
        run.submit(cluster, job).finish()
    return run


def lose_worker(cluster, run):
    """Kill a worker, and with it its executor, while the citations are joined."""
    job = run.submit(cluster, LOST, conf=MANY_TASKS)

    def joining():
        assert job.process.poll() is None, job.output[-4000:]
        run.joining[:] = [
            stage
            for stage in job.stages_at_work()
            if stage["shuffleReadRecords"] and 0 < stage["numCompleteTasks"] < PARTITIONS / 2
        ]
        return run.joining

    wait_for(joining, seconds=300, pause=0.05)
    cluster.kill_worker(0)
    job.finish()


def mapped_files(cluster):
    """Libraries that each rank in an executor has loaded, by rank."""
    return {
        int(variables["HOROVOD_RANK"]): Path(f"/proc/{pid}/maps").read_text().split()
        for pid, variables in environments().items()
        if "HOROVOD_RANK" in variables and str(cluster.folder) in variables.get("SPARK_LOCAL_DIRS", "")
    }


@pytest.mark.parametrize("table", sorted(TABLES.keys() - OPTIONAL_TABLES))
def test_a_table_is_that_of_the_embedded_engine(finished, embedded, table):
    assert table_digest(finished.store.directory(table)) == table_digest(embedded.directory(table))


@pytest.mark.parametrize("stage", ["label", "quality", "split", "text", "shard"])
def test_spark_made_the_tables(finished, stage):
    assert finished.store.manifest(stage).engine == "spark"


def test_a_worker_was_lost_in_the_join_and_its_work_was_done_again(finished):
    job = finished.jobs[LOST]
    lost = [event["Executor ID"] for event in job.happened("ExecutorRemoved")]
    tasks = [
        event for event in job.happened("TaskEnd") if event["Stage ID"] == finished.joining[0]["stageId"]
    ]
    ends = {event["Task End Reason"]["Reason"] for event in tasks}
    executors = {event["Task Info"]["Executor ID"] for event in tasks}
    assert len(lost) == 1 and lost[0] in executors and len(executors) == 2
    assert ends & {"ExecutorLostFailure", "FetchFailed"}


def test_ranks_in_the_executors_use_the_packed_environment_alone(finished):
    assert finished.files_of_ranks.keys() == {0, 1}
    drivers = sys.prefix, str(ROOT / ".venv")
    for files in finished.files_of_ranks.values():
        assert any("/environment/lib/" in name and "tensorflow" in name for name in files)
        assert [name for name in files if name.startswith(drivers)] == []


def test_a_refresh_publishes_the_model_and_the_next_finds_nothing_new(finished, cluster, tracking):
    finished.sets.remove("train.launcher=spark")  # the training is done, and executors need less
    first = finished.submit(cluster, "refresh").finish()
    champion = Registry(load_config(sets=[f"tracking.uri={tracking.uri}"])[0], "technology").champion()
    assert champion and champion.number == "1", first.output
    versions = {name: finished.store.directory(name) for name in TABLES.keys() - OPTIONAL_TABLES}
    second = finished.submit(cluster, "refresh").finish()
    assert "nothing new" in second.output
    assert versions == {name: finished.store.directory(name) for name in TABLES.keys() - OPTIONAL_TABLES}
    for job in ("index", "score", "register", "run"):
        finished.submit(cluster, job).finish()
    assert finished.store.manifest("score").engine == "spark"
    scores = finished.store.read_arrow("SCORES")
    standing = finished.store.read_arrow("PATENTS").filter(pc.field("withdrawn") == False)  # noqa: E712
    assert scores.num_rows == standing.num_rows and scores["label"].null_count == 0
    assert finished.store.metadata(RegisterMetadata).models["technology"].verdict == ALREADY_CHAMPION
    assert finished.jobs.keys() == {path.stem for path in (ROOT / "jobs").glob("*.py")}
