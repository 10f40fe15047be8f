"""What an interrupted run leaves, and who may go on with it."""

import os
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.core.errors import WorkError
from patent_spark.core.store import Store
from patent_spark.stages.score.plan import Partition, Plan
from patent_spark.stages.score.workspace import KEPT_DAYS, open_workspace
from tests.support.errors import raises

FIRST, SECOND = Partition(number=0, rows=2), Partition(number=1, rows=1)


def writing(*values):
    return lambda place: pq.write_table(pa.table({"x": list(values)}), place / "part.parquet")


def test_finished_partitions_are_there_for_the_next_run(tmp_path):
    with pytest.raises(KeyboardInterrupt), open_workspace(tmp_path, "k", anew=False) as workspace:
        workspace.keep_plan(Plan(partitions=(FIRST, SECOND)))
        workspace.publish("technology", FIRST, writing(1, 2))

        def interrupted(place):
            writing(3)(place)
            raise KeyboardInterrupt

        workspace.publish("technology", SECOND, interrupted)
    with open_workspace(tmp_path, "k", anew=False) as workspace:
        assert workspace.plan == Plan(partitions=(FIRST, SECOND))
        assert workspace.has("technology", FIRST) and not workspace.has("technology", SECOND)
        assert not workspace.has("citation_level", FIRST)
        assert not list((tmp_path / "k").glob("partition-*")), "a half-written partition is left"


def test_another_key_and_a_forced_run_start_anew(tmp_path):
    for key, anew, there in (("k", False, False), ("other", False, False), ("k", True, False)):
        with open_workspace(tmp_path, key, anew) as workspace:
            assert workspace.has("technology", FIRST) is there
            assert workspace.plan is None
            workspace.publish("technology", FIRST, writing(1, 2))
            workspace.keep_plan(Plan(partitions=(FIRST,)))
    with open_workspace(tmp_path, "k", anew=False) as workspace:
        assert workspace.has("technology", FIRST)


@pytest.mark.parametrize("values", [(), (1,), (1, 2, 2)], ids=["none", "too few", "one twice"])
def test_a_partition_with_other_rows_than_planned_is_not_published(tmp_path, values):
    with open_workspace(tmp_path, "k", anew=False) as workspace:
        with raises(WorkError, task="technology", partition=0, rows=len(values)):
            workspace.publish("technology", FIRST, writing(*values))
        assert not workspace.has("technology", FIRST)


def test_what_a_lost_executor_was_writing_is_no_part_of_a_partition(tmp_path):
    def writing_twice(place):
        writing(1, 2)(place)
        attempt = place / "_temporary" / "0" / "attempt_1"
        attempt.mkdir(parents=True)
        writing(1, 2)(attempt)

    with open_workspace(tmp_path, "k", anew=False) as workspace:
        workspace.publish("technology", FIRST, writing_twice)
    assert len(list((tmp_path / "k").rglob("*.parquet"))) == 1


def test_two_processes_do_not_share_it(tmp_path):
    with open_workspace(tmp_path, "k", anew=False):
        with raises(WorkError, folder=str(tmp_path / "k")), open_workspace(tmp_path, "k", anew=False):
            pass
        with open_workspace(tmp_path, "other", anew=False):
            pass


def test_work_that_nobody_continued_is_removed(tmp_path):
    for key in ("old", "recent"):
        with open_workspace(tmp_path, key, anew=False):
            pass
    past = time.time() - (KEPT_DAYS + 1) * 24 * 3600
    os.utime(tmp_path / "old" / ".lock", (past, past))
    with open_workspace(tmp_path, "new", anew=False):
        assert {each.name for each in tmp_path.iterdir()} == {"recent", "new"}


def test_all_of_it_moves_into_the_draft(tmp_path):
    with Store(tmp_path).draft("score") as draft:
        with open_workspace(tmp_path / "score" / "unfinished", "k", anew=False) as workspace:
            workspace.publish("technology", FIRST, writing(1, 2))
            workspace.publish("citation_level", FIRST, writing(3, 4))
            workspace.move_to(draft)
        tables = {
            path.parent.relative_to(draft.directory).as_posix(): pq.ParquetFile(path).read()["x"].to_pylist()
            for path in draft.directory.rglob("*.parquet")
        }
    assert tables == {
        "SCORES/task=technology/partition=0": [1, 2],
        "SCORES/task=citation_level/partition=0": [3, 4],
    }
    assert not (tmp_path / "score" / "unfinished" / "k").exists()


def test_a_model_is_copied_once_and_whole(tmp_path, package):
    with open_workspace(tmp_path, "k", anew=False) as workspace:
        place = workspace.model(package)
        assert workspace.model(package) == place
        assert type(package)(place).identity == package.identity
        assert type(package)(place).sample_difference() < 1e-5
