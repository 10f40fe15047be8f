"""The real command and the real job: killed in the middle, and on a cluster that loses a worker."""

import subprocess

import pytest

from patent_spark.config import Engine
from patent_spark.core.metadata import ScoreMetadata
from tests.support.cluster import ROOT, SCORING_NEEDS, running_cluster, wait_for
from tests.support.small_package import small_package
from tests.support.small_run import PROGRAM, set_options
from tests.support.texts_to_score import all_scores, publish_many_patents, score

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
EMBEDDED = Engine(name="sail", shuffle_partitions=4)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("package") / "model", combined=True)


def finished(store):
    """Files of the finished partitions of an unfinished run."""
    return sorted((store.root / "score" / "unfinished").glob("*/SCORES/*/*/*.parquet"))


def test_a_killed_command_goes_on_where_it_was(tmp_path, package):
    store = publish_many_patents(tmp_path / "warehouse", 30_000)
    sets = ("score.partition_rows=2000", "score.chunk_rows=500")
    arguments = ["score", "--model", package.folder, *set_options([f"warehouse.root={store.root}", *sets])]
    with subprocess.Popen([PROGRAM, *arguments], stderr=subprocess.DEVNULL, cwd=ROOT) as process:
        wait_for(lambda: len(finished(store)) >= 6 or process.poll() is not None)
        assert process.poll() is None, "it was too fast to be killed"
        process.kill()
    kept = {path.name: path.stat().st_mtime_ns for path in finished(store)}
    assert store.manifest("score") is None
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    published = {path.name: path for path in store.directory("SCORES").rglob("*.parquet")}
    assert kept.items() <= {name: path.stat().st_mtime_ns for name, path in published.items()}.items()
    record = store.manifest("score").metadata_as(ScoreMetadata)
    assert len({path.parent for path in published.values()}) == 2 * record.partitions > 2 * 14
    whole = publish_many_patents(tmp_path / "other", 30_000)
    score(whole, EMBEDDED, package, *sets)
    assert all_scores(store) == all_scores(whole)


def test_a_cluster_that_loses_a_worker_gives_the_embedded_answers(tmp_path, package, package_zip):
    sets = ("score.partition_rows=50000", "score.chunk_rows=2000")
    store = publish_many_patents(tmp_path / "warehouse", 200_000)
    whole = publish_many_patents(tmp_path / "other", 200_000)
    score(whole, EMBEDDED, package, *sets)
    folder = tmp_path / "cluster"
    folder.mkdir()
    with running_cluster(folder, workers=2, cores=1, needs=SCORING_NEEDS) as cluster:
        job = cluster.submit(
            "score",
            package_zip,
            *("--model", package.folder),
            *set_options([f"warehouse.root={store.root}", "engine.name=spark", *sets]),
            conf={"spark.sql.shuffle.partitions": 16},
        )

        def scoring():
            """A partition is done, and another one is half done."""
            assert job.process.poll() is None, job.output[-4000:]
            stages = job.stages_at_work()
            return finished(store) and any(
                0 < stage["numCompleteTasks"] < stage["numTasks"] - 2 for stage in stages
            )

        wait_for(scoring, seconds=600)
        cluster.kill_worker(0)
        job.finish()
        lost = [event["Task End Reason"]["Reason"] for event in job.happened("TaskEnd")]
        assert "ExecutorLostFailure" in lost, "no task was lost"
    assert store.manifest("score").engine == "spark"
    assert all_scores(store) == all_scores(whole)
