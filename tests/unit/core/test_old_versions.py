"""Old versions: what is kept, whatever is asked for, and what goes."""

import os
import subprocess
import sys
import time

import pytest

from patent_spark.core.old_versions import old_versions, own_bytes, reader_lock, remove
from patent_spark.core.store import Store
from patent_spark.refresh.gc import free_old_versions
from tests.support.factories import publish

DAY = 86_400


@pytest.fixture
def home(tmp_path):
    """The folder of a stage with five published versions, the first four days old."""
    for number in range(5):
        folder = tmp_path / f"2020010{number}-a"
        folder.mkdir()
        (folder / "manifest.json").write_text("{}")
        (folder / "data").write_bytes(b"x" * 10)
        age(folder, 4 - number)
    return tmp_path


def age(folder, days):
    os.utime(folder, (time.time() - days * DAY - 60,) * 2)


def numbers(versions):
    return [int(version.name[7]) for version in versions]


def test_the_newest_are_kept(home):
    assert numbers(old_versions(home, {"20200104-a"}, keep=2)) == [0, 1, 2]
    assert numbers(old_versions(home, {"20200104-a"}, keep=1)) == [0, 1, 2, 3]
    assert numbers(old_versions(home, {"20200104-a"}, keep=9)) == []


def test_a_file_that_a_newer_version_has_too_takes_no_space(home):
    oldest = home / "20200100-a"
    assert own_bytes(oldest) == 12
    os.link(home / "20200100-a" / "data", home / "20200101-a" / "same")
    assert own_bytes(oldest) == 2


def test_what_a_pointer_names_is_kept_however_old(home):
    assert numbers(old_versions(home, {"20200100-a", "20200104-a"}, keep=1)) == [1, 2, 3]


def test_only_what_is_old_enough_goes(home):
    assert numbers(old_versions(home, {"20200104-a"}, keep=1, days=3)) == [0, 1]


def test_what_a_reader_works_with_is_kept(home):
    with reader_lock(home / "20200100-a" / "manifest.json"):
        versions = old_versions(home, {"20200104-a"}, keep=1)
        assert numbers(versions) == [1, 2, 3]
        assert not remove(home / "20200100-a")
    assert remove(home / "20200100-a")
    assert not (home / "20200100-a").exists()


READ = """
import sys, time
from patent_spark.core.store import Store
store = Store(sys.argv[1]).pinned()
print("reading", flush=True)
time.sleep(60)
"""


def test_a_version_that_another_process_has_pinned_survives_two_publications(tmp_path):
    store = Store(tmp_path, keep_versions=1)
    first = publish(store, "ingest", {}).version
    reader = subprocess.Popen([sys.executable, "-c", READ, tmp_path], stdout=subprocess.PIPE, text=True)
    try:
        assert reader.stdout.readline() == "reading\n"
        for _ in range(2):
            publish(store, "ingest", {})
        assert (tmp_path / "ingest" / first).exists()
    finally:
        reader.kill()
        reader.wait(10)
    assert "1 versions" in free_old_versions(store, 1, 0.0, dry_run=True)
    assert "ingest" in free_old_versions(store, 1, 0.0, dry_run=False)
    assert not (tmp_path / "ingest" / first).exists()


def test_a_draft_is_no_old_version_and_the_rest_of_a_removed_one_is(home):
    draft, rest = home / "20200105-a", home / "20200106-a"
    draft.mkdir()
    rest.mkdir()
    age(rest, 1)
    assert numbers(old_versions(home, {"20200104-a"}, keep=9)) == [6]
    (rest / ".writer").touch()
    age(rest, 1)
    assert numbers(old_versions(home, {"20200104-a"}, keep=9)) == []
