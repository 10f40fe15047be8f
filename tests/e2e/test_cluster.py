"""The real jobs on a standalone cluster: the embedded engine's tables, despite kills and skewed data."""

import json
import os
import signal

import pytest

from patent_spark.config import Engine
from patent_spark.core.schemas import TABLES
from patent_spark.core.store import Store
from tests.support.big_release import publish_big_release
from tests.support.cluster import ROOT, running_cluster, wait_for
from tests.support.ingested_tables import run
from tests.support.small_run import OPTIONAL_TABLES, SMALL
from tests.support.table_hash import table_digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

EXECUTORS = 4
EMBEDDED = Engine(name="sail", shuffle_partitions=4)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("cluster"), workers=2, cores=EXECUTORS // 2) as cluster:
        yield cluster


def options(*sets):
    return [part for setting in sets for part in ("--set", setting)]


def label_on(cluster, package_zip, store, **conf):
    """Submit the label job of a warehouse, as README tells."""
    configs = ["--config", ROOT / "conf" / "default.yaml", "--config", ROOT / "conf" / "cluster.yaml"]
    return cluster.submit(
        "label",
        package_zip,
        "--force",
        *configs,
        *options(f"warehouse.root={store.root}", "label.reference_set=class"),
        conf=conf,
    )


def labelled_embedded(store):
    """COUNTS and LABELS of the embedded engine, in the order of the keys."""
    run(store, "label", EMBEDDED, "label.reference_set=class")
    return tables_of(store)


def tables_of(store):
    return {name: store.read_arrow(name).sort_by("patent_key") for name in ("COUNTS", "LABELS")}


def test_a_whole_run_makes_the_tables_of_the_embedded_engine(whole_run, cluster, package_zip, tmp_path):
    """All stages in one job: the Spark stages on the executors, two ranks beside the driver."""
    sets = [
        *SMALL,
        f"warehouse.root={tmp_path}",
        "source.kind=folder",
        f"source.path={whole_run.store.directory('RELEASE')}",
    ]
    job = cluster.submit(
        "run", package_zip, "--config", ROOT / "conf" / "demo.yaml", *options(*sets)
    ).finish()
    assert "citation_level: accuracy" in job.output
    assert len([seconds for seconds in job.seconds_by_executor().values() if seconds]) == EXECUTORS
    store = Store(tmp_path)
    for stage in ["label", "quality", "split", "text", "shard", "train", "evaluate"]:
        assert (manifest := store.manifest(stage)) and manifest.engine == "spark", stage
    for name in TABLES.keys() - OPTIONAL_TABLES - {"PREDICTIONS"}:
        assert table_digest(store.directory(name)) == table_digest(whole_run.store.directory(name)), name
    for task in ["technology", "citation_level"]:
        mine, theirs = (
            json.loads((each.directory("METRICS") / f"{task}.json").read_text())
            for each in (store, whole_run.store)
        )
        assert mine["accuracy"] == pytest.approx(theirs["accuracy"], abs=0.02)


def test_an_executor_killed_in_the_middle_of_the_join_changes_nothing(cluster, package_zip, tmp_path):
    citations = 2_000_000
    store = publish_big_release(tmp_path, 200_000, citations)
    expected = labelled_embedded(store)
    job = label_on(
        cluster,
        package_zip,
        store,
        **{"spark.sql.shuffle.partitions": 32, "spark.sql.adaptive.coalescePartitions.enabled": "false"},
    )
    caught = []

    def joining():
        """A stage that reads shuffled citations, with some of its tasks done and most of them still to do."""
        assert job.process.poll() is None, job.output[-4000:]
        caught[:] = [
            stage
            for stage in job.stages_at_work()
            if stage["shuffleReadRecords"] and 0 < stage["numCompleteTasks"] < 16
        ]
        return caught

    wait_for(joining, seconds=600)
    os.kill(cluster.executors()[0], signal.SIGKILL)
    job.finish()
    tasks = [event for event in job.happened("TaskEnd") if event["Stage ID"] == caught[0]["stageId"]]
    done = [event["Task Metrics"] for event in tasks if event["Task End Reason"]["Reason"] == "Success"]
    assert sum(each["Shuffle Read Metrics"]["Total Records Read"] for each in done) > 0.9 * citations, (
        "it was another stage"
    )
    assert {event["Task End Reason"]["Reason"] for event in tasks} >= {
        "Success",
        "ExecutorLostFailure",
        "FetchFailed",
    }
    assert len(job.happened("ExecutorRemoved")) == 1 and "Lost executor" in job.output
    assert any(event["Stage Info"]["Stage Attempt ID"] for event in job.happened("StageSubmitted")), (
        "nothing was done again"
    )
    assert tables_of(store) == expected
    assert store.manifest("label").engine == "spark"


def test_no_executor_holds_more_than_twice_its_share_of_a_skewed_release(cluster, package_zip, tmp_path):
    store = publish_big_release(
        tmp_path, 400_000, 2_000_000, of_one_patent=1_000_000, in_one_class=0.5, mark_repeats=True
    )
    expected = labelled_embedded(store)
    job = label_on(cluster, package_zip, store).finish()
    assert tables_of(store) == expected
    seconds = sorted(job.seconds_by_executor().values())
    assert len(seconds) == EXECUTORS and seconds[-1] <= 2 * sum(seconds) / EXECUTORS, seconds
