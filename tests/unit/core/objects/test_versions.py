"""Versions in a bucket: what other machines read, what faults leave, and what is removed when."""

import shutil
import time
from collections import namedtuple
from pathlib import Path

import pytest

from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.objects import transfer
from patent_spark.core.storage import ChangedError
from tests.support.errors import raises
from tests.support.factories import publish
from tests.support.object_server import BUCKET

DEAD = "20200101T000000-000000dead"
"""The draft of a writer that died."""


def publish_words(store, *words):
    rows = [{"word": word, "id": number, "count": 1} for number, word in enumerate(words, start=1)]
    return publish(store, "text", {"VOCABULARY": rows}, metadata=None, fill=fill_vectors)


def fill_vectors(draft):
    (draft.path("KEYED_VECTORS") / "model.bin").write_bytes(b"vectors " * 1000)


def words(store):
    return store.read_arrow("VOCABULARY")["word"].to_pylist()


def prefix(address):
    return address.removeprefix(f"s3://{BUCKET}/")


def test_another_machine_reads_what_was_published(machine):
    publish_words(machine("one"), "a", "b")
    assert words(machine("two")) == ["a", "b"]


def test_only_what_is_read_is_copied_and_only_once(machine, server):
    publish_words(machine("one"), "a")
    server.requests.clear()
    reader = machine("two")
    words(reader), words(reader)
    got = [request for request in server.requests if request.startswith("GET") and ".parquet" in request]
    assert [request.rpartition("/text/")[2].partition("/")[2] for request in got] == [
        "VOCABULARY/part-0.parquet"
    ]


def test_the_manifest_lists_every_file_with_its_size_and_digest(machine):
    manifest = publish_words(machine("one"), "a")
    listed = {file.name: file for file in machine("two").manifest("text").files}
    assert sorted(listed) == ["KEYED_VECTORS/model.bin", "VOCABULARY/part-0.parquet"]
    vectors = listed["KEYED_VECTORS/model.bin"]
    assert vectors.bytes == 8000
    # sha256 of "vectors " a thousand times, by sha256sum
    assert vectors.sha256 == "de9346ac5f2ddbf2aff553a962a7b87ea38375ae2d8d8b9e8856580bcad1a1f3"
    assert machine("two").manifest("text") == manifest


def test_what_the_manifest_does_not_name_is_no_part_of_a_table(machine, server, address):
    """A killed attempt of a task may leave a file in the folder of a table."""
    manifest = publish_words(machine("one"), "a")
    stray = f"{prefix(address)}/text/{manifest.version}/VOCABULARY/part-9.parquet"
    server.client().put_object(Bucket=BUCKET, Key=stray, Body=b"half a file")
    assert words(machine("two")) == ["a"]


def test_a_draft_that_fails_leaves_nothing(machine, server, address):
    store = machine()
    publish_words(store, "old")
    before = server.stored(address)
    with pytest.raises(KeyError), store.draft("text") as draft:
        fill_vectors(draft)
        raise KeyError
    assert server.stored(address) == before


@pytest.mark.parametrize("failing", ["KEYED_VECTORS/model.bin", "manifest.json", "text/CURRENT"])
def test_when_the_bucket_fails_while_a_version_is_written_readers_keep_the_old_one(machine, server, failing):
    store = machine()
    publish_words(store, "old")
    server.refuse("PUT", failing)
    with raises(WorkError, code="InternalError"):
        publish_words(store, "new")
    server.clear()
    assert words(machine("two")) == ["old"]
    publish_words(store, "newer")
    assert words(machine("three")) == ["newer"]
    assert len(store.manifests("text")) == 1


def test_an_answer_that_is_cut_is_asked_for_again(machine, server):
    publish_words(machine("one"), "a")
    server.cuts.append(("VOCABULARY/part-0.parquet", 2))
    assert words(machine("two")) == ["a"]


def test_answers_that_are_always_cut_leave_no_file(machine, server, tmp_path):
    manifest = publish_words(machine("one"), "a")
    server.cuts.append(("VOCABULARY/part-0.parquet", 99))
    with raises(WorkError, file=f"text/{manifest.version}/VOCABULARY/part-0.parquet"):
        words(machine("two"))
    assert not list((tmp_path / "two").rglob("*part-0*"))


def test_a_file_that_is_not_what_its_manifest_says_is_refused(machine, server, address, tmp_path):
    manifest = publish_words(machine("one"), "a")
    key = f"{prefix(address)}/text/{manifest.version}/KEYED_VECTORS/model.bin"
    server.client().put_object(Bucket=BUCKET, Key=key, Body=b"Vectors " * 1000)
    with raises(DataError, file=f"text/{manifest.version}/KEYED_VECTORS/model.bin"):
        machine("two").directory("KEYED_VECTORS")
    assert not list((tmp_path / "two").rglob("*model.bin*"))


def test_a_file_that_is_gone_is_named(machine, server, address):
    manifest = publish_words(machine("one"), "a")
    key = f"text/{manifest.version}/KEYED_VECTORS/model.bin"
    server.client().delete_object(Bucket=BUCKET, Key=f"{prefix(address)}/{key}")
    with raises(DataError, file=key):
        machine("two").directory("KEYED_VECTORS")


def test_copies_that_do_not_fit_on_the_disk_are_not_begun(machine, server, monkeypatch):
    publish_words(machine("one"), "a")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10_000, 2_001, 7_999))
    server.requests.clear()
    with raises(WorkError, setting="warehouse.cache_dir"):
        machine("two").directory("KEYED_VECTORS")
    assert not [request for request in server.requests if "model.bin" in request]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10_000, 2_000, 8_000))
    assert machine("two").directory("KEYED_VECTORS").exists()


def fill_disk(*_):
    Path("/dev/full").write_text("x" * 100_000)


def test_a_disk_that_fills_up_meanwhile_is_told(machine, monkeypatch):
    publish_words(machine("one"), "a")
    monkeypatch.setattr(transfer, "_received", fill_disk)
    with raises(WorkError, setting="warehouse.cache_dir"):
        machine("two").directory("KEYED_VECTORS")


def test_of_two_writers_at_once_the_second_to_publish_is_told(machine):
    first, second = machine("one"), machine("two")
    publish_words(first, "old")
    with raises(ChangedError, stage="text"), second.draft("text") as draft:
        fill_vectors(draft)
        publish_words(first, "new")
        draft.publish(key="k", release_id="r", settings={}, inputs={}, seconds=0, code="", engine="")
    assert words(machine("three")) == ["new"]
    assert len(first.manifests("text")) == 1


def test_the_draft_of_a_dead_writer_goes_and_that_of_a_living_one_stays(machine, server, address):
    living, other = machine("one"), machine("two")
    folder = f"{prefix(address)}/text/{DEAD}"
    note = '{"process": "1", "host": "gone", "lease_seconds": "0.0"}'
    server.client().put_object(Bucket=BUCKET, Key=f"{folder}/.writer", Body=note.encode())
    server.client().put_object(Bucket=BUCKET, Key=f"{folder}/KEYED_VECTORS/model.bin", Body=b"half")
    with living.draft("text") as draft:
        _wait_a_second()
        publish_words(other, "a")
        assert not server.stored(f"{address}/text/{DEAD}")
        assert server.stored(f"{address}/text/{draft.directory.name}") == [".writer"]
    assert words(other) == ["a"]


def _wait_a_second():
    """Ages have whole seconds."""
    time.sleep(1.1)


def test_a_version_whose_writer_died_just_after_publishing_stays(machine, server, address):
    store = machine()
    manifest = publish_words(store, "old")
    note = f"text/{manifest.version}/.writer"
    server.client().put_object(
        Bucket=BUCKET, Key=f"{prefix(address)}/{note}", Body=b'{"lease_seconds": "0.0"}'
    )
    _wait_a_second()
    with store.draft("text"):
        pass
    assert words(machine("two")) == ["old"]
    assert note not in server.stored(address)


def test_old_versions_go_from_the_bucket_and_from_the_copies(machine, tmp_path):
    store, reader = machine("one"), machine("two")
    publish_words(store, "old")
    words(reader)
    publish_words(store, "new")
    assert [manifest.version for manifest in store.manifests("text")] == [store.manifest("text").version]
    with reader.draft("text"):
        pass
    assert len(list((tmp_path / "two").rglob("manifest.json"))) == 0


def test_a_replaced_version_stays_as_long_as_readers_have(machine):
    patient = machine("one", reader_hours=1.0)
    publish_words(patient, "old")
    reader = machine("two").pinned()
    publish_words(patient, "new")
    assert len(patient.manifests("text")) == 2
    assert words(reader) == ["old"]
    assert [old.version for old in machine("one", reader_hours=1.0).old_versions("text", 1)] == []
    hasty = machine("one", reader_hours=0.0)
    assert [hasty.remove(old) for old in hasty.old_versions("text", 1)] == [True]
    assert words(reader) == ["old"]


def test_a_version_that_a_reader_on_this_machine_pins_stays(machine):
    store = machine("one")
    publish_words(store, "old")
    reader = store.pinned()
    publish_words(store, "new")
    assert (words(reader), words(store)) == (["old"], ["new"])
    assert len(store.manifests("text")) == 2


def test_sizes_are_those_in_the_bucket(machine):
    store = machine()
    manifest = publish_words(store, "a")
    listed = sum(file.bytes for file in manifest.files)
    assert listed < machine("two").size("text", manifest.version) <= machine("two").size("text")


def test_parts_of_an_earlier_version_are_taken_over_on_another_machine(machine):
    def make(draft, parts):
        file = draft.path("KEYED_VECTORS") / "model.bin"
        file.write_bytes(b"slow work")
        parts.add("KEYED_VECTORS", "the input", [file], {"rows": 3})

    facts = []
    for name, work in (("one", make), ("two", lambda _, parts: facts.append(reuse(parts)))):
        with machine(name).draft("text") as draft:
            with draft.parts() as parts:
                work(draft, parts)
            parts.write()
            draft.publish(key="k", release_id="r", settings={}, inputs={}, seconds=0, code="", engine="")
    assert facts == [{"rows": 3}]
    assert (machine("three").directory("KEYED_VECTORS") / "model.bin").read_bytes() == b"slow work"


def reuse(parts):
    return parts.reuse("KEYED_VECTORS", "the input")


def test_a_candidate_is_read_by_who_asks_and_the_published_version_by_the_others(machine):
    publish_words(machine("one"), "old")
    publish_words(machine("one", candidate=True), "new")
    other = machine("two", candidate=True)
    assert (words(other), words(other.published()), words(machine("two"))) == (["new"], ["old"], ["old"])


def test_the_addresses_of_a_tables_files_are_those_of_the_manifest(machine, address, tmp_path):
    manifest = publish_words(machine("one"), "a")
    assert machine("two").addresses("VOCABULARY") == [
        f"{address}/text/{manifest.version}/VOCABULARY/part-0.parquet"
    ]
    assert not list((tmp_path / "two").rglob("*.parquet"))
    with raises(DataError, table="LABELS", stage="label"):
        machine("two").addresses("LABELS")


def test_a_writer_whose_lease_another_one_took_over_publishes_nothing(machine, server, address):
    store = machine()
    publish_words(store, "old")
    before = server.stored(address)
    with raises(WorkError, setting="warehouse.lease_seconds"), store.draft("text") as draft:
        fill_vectors(draft)
        note = f"{prefix(address)}/text/{draft.directory.name}/.writer"
        server.client().delete_object(Bucket=BUCKET, Key=note)
        time.sleep(1.5)  # it renews its lease every second, and finds it gone
        draft.publish(key="k", release_id="r", settings={}, inputs={}, seconds=0, code="", engine="")
    assert words(machine("two")) == ["old"]
    assert server.stored(address) == before
