import multiprocessing
import os
import signal
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql.types import StructType

from patent_spark.core.errors import DataError, SchemaError, WorkError
from patent_spark.core.schemas import TABLES
from patent_spark.core.store import Store, arrow_schema, location, write_parquet
from tests.support.errors import raises


def publish(store, words):
    """One version of the text stage's VOCABULARY."""
    with store.draft("text") as draft:
        write(draft, words)
        draft.publish(key="k", release_id="r", settings={}, inputs={}, seconds=0, code="", engine="")


def write(draft, words):
    with draft.writer("VOCABULARY") as writer:
        writer.write_table(
            pa.table(
                {"word": words, "id": range(1, len(words) + 1), "count": [1] * len(words)},
                schema=arrow_schema("VOCABULARY"),
            )
        )


def words(store):
    return store.read_arrow("VOCABULARY")["word"].to_pylist()


def test_a_published_table_is_read_back_with_its_manifest(tmp_path):
    store = Store(tmp_path)
    publish(store, ["a", "b"])
    assert words(store) == ["a", "b"]
    assert store.manifest("text").tables["VOCABULARY"]["rows"] == 2
    assert store.directory("VOCABULARY").is_dir()


def test_a_table_of_an_older_version_is_told_by_the_column_it_lacks(tmp_path):
    store = Store(tmp_path)
    publish(store, ["a"])
    path = store.directory("VOCABULARY") / "part-0.parquet"
    pq.write_table(pq.read_table(path).drop(["count"]), path)
    with raises(SchemaError, table="VOCABULARY", stage="text", column="count"):
        store.read_arrow("VOCABULARY", ["word"])


@pytest.mark.engine
def test_a_table_is_typed_as_its_schema_says_whichever_engine_wrote_it(session, tmp_path):
    """Sail writes a column that cannot be null as one that must not be."""
    rows = [(1, "1", 2, 3)]
    store = Store(tmp_path)
    with store.draft("label") as draft:
        draft.write(session.createDataFrame(rows, TABLES["COUNTS"].schema).fillna(0), "COUNTS")
        draft.publish(key="k", release_id="r", settings={}, inputs={}, seconds=0, code="", engine="")
    assert store.read_arrow("COUNTS").schema == arrow_schema("COUNTS")
    assert store.read_arrow("COUNTS").to_pylist() == [
        dict(zip(TABLES["COUNTS"].schema.names, rows[0], strict=True))
    ]


def test_before_the_first_version_the_user_reads_what_to_run(tmp_path):
    with raises(DataError, table="LABELS", stage="label"):
        Store(tmp_path).directory("LABELS")


def test_a_draft_that_fails_leaves_the_previous_version_and_no_rubbish(tmp_path):
    store = Store(tmp_path)
    publish(store, ["old"])
    with pytest.raises(RuntimeError), store.draft("text") as draft:
        write(draft, ["new"])
        raise RuntimeError
    assert words(store) == ["old"]
    assert len(list((tmp_path / "text").glob("*/"))) == 1


def write_and_hang(root, ready):
    with Store(root).draft("text") as draft:
        write(draft, ["half"])
        ready.set()
        time.sleep(600)


def test_killed_half_way_the_previous_version_stays_readable_and_the_rubbish_goes_with_the_next_run(tmp_path):
    store = Store(tmp_path)
    publish(store, ["old"])
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=write_and_hang, args=(tmp_path, ready))
    process.start()
    assert ready.wait(60)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert words(store) == ["old"]
    assert len(list((tmp_path / "text").glob("*/"))) == 2
    publish(store, ["new"])
    assert words(store) == ["new"]
    assert len(list((tmp_path / "text").glob("*/"))) == 2  # the old version is kept, the half one is gone


def test_a_draft_of_a_living_process_is_left_alone(tmp_path):
    store = Store(tmp_path)
    with store.draft("text") as ours:
        publish(store, ["other"])
        assert ours.directory.exists()


def test_only_the_last_versions_are_kept(tmp_path):
    store = Store(tmp_path, keep_versions=2)
    published = []
    for word in "abcdefgh":  # many within a second
        publish(store, [word])
        published.append(store.manifest("text").version)
    assert {path.parent.name for path in (tmp_path / "text").glob("*/manifest.json")} == {*published[-2:]}
    assert words(store) == ["h"]


def test_a_stage_cannot_write_the_table_of_another(tmp_path):
    with (
        Store(tmp_path).draft("text") as draft,
        raises(SchemaError, table="LABELS", stage="text"),
    ):
        draft.path("LABELS")


@pytest.mark.engine
def test_what_does_not_conform_lists_every_misfit(tmp_path, session):
    frame = session.sql("select 'a' as word, 1.5 as id, 'x' as extra")
    with Store(tmp_path).draft("text") as draft, pytest.raises(SchemaError) as error:
        draft.write(frame, "VOCABULARY")
    assert (
        str(error.value)
        == "id is decimal(2,1), must be int; count is missing (columns found: word, id, extra)"
    )


@pytest.mark.engine
def test_a_frame_is_written_and_read_by_either_engine(tmp_path, session):
    store = Store(tmp_path)
    with store.draft("text") as draft:
        draft.write(
            session.sql("select 'a' as word, 1 as id, cast(2 as bigint) as count, 'x' as extra"),
            "VOCABULARY",
            files=1,
        )
        draft.publish(key="k", release_id="r", settings={}, inputs={}, seconds=0, code="", engine="")
    assert [tuple(row) for row in store.read(session, "VOCABULARY").collect()] == [("a", 1, 2)]
    assert store.manifest("text").tables["VOCABULARY"] | {"bytes": 0} == {"rows": 1, "files": 1, "bytes": 0}


def test_a_pinned_store_keeps_its_versions_while_others_publish(tmp_path):
    store = Store(tmp_path)
    publish(store, ["old"])
    pinned = store.pinned()
    assert words(pinned) == ["old"]
    publish(store, ["new"])
    assert (words(pinned), words(store)) == (["old"], ["new"])


def test_a_version_whose_writer_died_just_after_publishing_stays(tmp_path):
    store = Store(tmp_path)
    publish(store, ["old"])
    (store.directory("VOCABULARY").parent / ".writer").touch()
    with store.draft("text"):
        pass
    assert words(store) == ["old"]


class Elsewhere:
    """A frame whose rows are written to disks that this machine does not see."""

    write = property(lambda self: self)
    schema = StructType([])

    def mode(self, _):
        return self

    def parquet(self, _):
        return None

    def limit(self, _):
        return self

    def count(self):
        return 1


def test_rows_that_do_not_reach_the_warehouse_are_an_error_and_not_an_empty_table(tmp_path):
    with raises(WorkError, table="LABELS", setting="warehouse.root"):
        write_parquet(Elsewhere(), tmp_path / "LABELS")


@pytest.mark.engine
def test_a_warehouse_may_have_a_blank_in_its_path(tmp_path, session):
    directory = tmp_path / "my warehouse"
    write_parquet(session.sql("select 1 as one"), directory)
    assert session.read.parquet(location(directory)).count() == 1
