"""Pointers: what readers see while versions and whole releases are published."""

import itertools

import pytest

from patent_spark.core.local_storage import LocalControlFiles
from patent_spark.core.pointers import Pointers

STAGES = ("ingest", "label", "train")


def pointers(root, candidate=False):
    return Pointers(LocalControlFiles(root), candidate)


def publish(root, stage, version, candidate=False):
    its = pointers(root, candidate)
    its.publish(stage, version, its.seen(stage))


@pytest.fixture
def root(tmp_path):
    """A warehouse with the version `old` of three stages, and candidates `new` of two."""
    for stage in STAGES:
        (tmp_path / stage).mkdir()
        publish(tmp_path, stage, "old")
    for stage in ("ingest", "label"):
        publish(tmp_path, stage, "new", candidate=True)
    return tmp_path


OLD = dict.fromkeys(STAGES, "old")
NEW = {"ingest": "new", "label": "new", "train": "old"}


def test_candidates_are_seen_by_who_asks_for_them(root):
    assert pointers(root).snapshot() == OLD
    assert pointers(root, candidate=True).snapshot() == NEW


def test_candidates_of_all_stages_are_published_together(root):
    assert pointers(root).publish_candidates() == {"ingest": "new", "label": "new"}
    assert pointers(root).snapshot() == NEW
    assert pointers(root).candidates() == {}
    assert [(root / stage / "CURRENT").read_text() for stage in STAGES] == ["new\n", "new\n", "old\n"]


def test_without_candidates_nothing_is_published(root):
    pointers(root).drop_candidates()
    assert pointers(root).publish_candidates() == {}
    assert pointers(root).snapshot() == pointers(root, candidate=True).snapshot() == OLD


def test_a_stage_can_publish_again_after_a_release(root):
    pointers(root).publish_candidates()
    publish(root, "label", "newer")
    assert pointers(root).version("label") == "newer"


def test_the_release_before_stays_in_use_until_the_next_one(root):
    pointers(root).publish_candidates()
    publish(root, "ingest", "newer")
    assert pointers(root).in_use("ingest") == {"old", "newer"}
    publish(root, "ingest", "newest", candidate=True)
    pointers(root).publish_candidates()
    assert pointers(root).in_use("ingest") == {"newer", "newest"}


def test_every_version_that_a_pointer_names_is_in_use(root):
    assert pointers(root).in_use("ingest") == {"old", "new"}
    assert pointers(root).in_use("train") == {"old"}
    assert pointers(root).in_use("audit") == set()


class Killed(BaseException):
    """The process ends here."""


def killed_at(write, monkeypatch, root):
    """Publish the candidates of a warehouse in a process that ends before its write number `write`."""
    writes = itertools.count()

    def ending(original):
        def wrapped(*arguments):
            if next(writes) == write:
                raise Killed
            original(*arguments)

        return wrapped

    with monkeypatch.context() as patch:
        patch.setattr(LocalControlFiles, "write", ending(LocalControlFiles.write))
        pointers(root).publish_candidates()


@pytest.mark.parametrize("write", range(4))
def test_killed_at_any_write_readers_see_all_or_nothing_and_the_next_writer_goes_on(write, monkeypatch, root):
    with pytest.raises(Killed):
        killed_at(write, monkeypatch, root)
    assert pointers(root).snapshot() == (OLD if write == 0 else NEW)
    pointers(root).publish_candidates()
    assert pointers(root).snapshot() == NEW
    assert pointers(root).candidates() == {}


def test_a_stage_that_publishes_after_a_kill_finishes_the_release_first(monkeypatch, root):
    with pytest.raises(Killed):
        killed_at(1, monkeypatch, root)
    publish(root, "label", "newer")
    assert pointers(root).snapshot() == NEW | {"label": "newer"}


def test_a_snapshot_is_taken_again_when_a_release_is_published_meanwhile(monkeypatch, root):
    original, done = Pointers._version, []

    def slow(self, stage, published):
        version = original(self, stage, published)
        if not done:
            done.append(True)
            pointers(root).publish_candidates()
        return version

    monkeypatch.setattr(Pointers, "_version", slow)
    assert pointers(root).snapshot() == NEW
