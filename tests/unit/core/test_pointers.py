"""Pointers: what readers see while versions and whole releases are published."""

import itertools

import pytest

from patent_spark.core import pointers as module
from patent_spark.core.pointers import Pointers

STAGES = ("ingest", "label", "train")


@pytest.fixture
def root(tmp_path):
    """A warehouse with the version `old` of three stages, and candidates `new` of two."""
    for stage in STAGES:
        (tmp_path / stage).mkdir()
        Pointers(tmp_path).publish(stage, "old")
    for stage in ("ingest", "label"):
        Pointers(tmp_path, candidate=True).publish(stage, "new")
    return tmp_path


OLD = dict.fromkeys(STAGES, "old")
NEW = {"ingest": "new", "label": "new", "train": "old"}


def test_candidates_are_seen_by_who_asks_for_them(root):
    assert Pointers(root).snapshot() == OLD
    assert Pointers(root, candidate=True).snapshot() == NEW


def test_candidates_of_all_stages_are_published_together(root):
    assert Pointers(root).publish_candidates() == {"ingest": "new", "label": "new"}
    assert Pointers(root).snapshot() == NEW
    assert Pointers(root).candidates() == {}
    assert [(root / stage / "CURRENT").read_text() for stage in STAGES] == ["new\n", "new\n", "old\n"]


def test_without_candidates_nothing_is_published(root):
    Pointers(root).drop_candidates()
    assert Pointers(root).publish_candidates() == {}
    assert Pointers(root).snapshot() == Pointers(root, candidate=True).snapshot() == OLD


def test_a_stage_can_publish_again_after_a_release(root):
    Pointers(root).publish_candidates()
    Pointers(root).publish("label", "newer")
    assert Pointers(root).version("label") == "newer"


def test_the_release_before_stays_in_use_until_the_next_one(root):
    Pointers(root).publish_candidates()
    Pointers(root).publish("ingest", "newer")
    assert Pointers(root).in_use("ingest") == {"old", "newer"}
    Pointers(root, candidate=True).publish("ingest", "newest")
    Pointers(root).publish_candidates()
    assert Pointers(root).in_use("ingest") == {"newer", "newest"}


def test_every_version_that_a_pointer_names_is_in_use(root):
    assert Pointers(root).in_use("ingest") == {"old", "new"}
    assert Pointers(root).in_use("train") == {"old"}
    assert Pointers(root).in_use("audit") == set()


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
        for name in ("write_json", "write_text"):
            patch.setattr(module, name, ending(getattr(module, name)))
        Pointers(root).publish_candidates()


@pytest.mark.parametrize("write", range(4))
def test_killed_at_any_write_readers_see_all_or_nothing_and_the_next_writer_goes_on(write, monkeypatch, root):
    with pytest.raises(Killed):
        killed_at(write, monkeypatch, root)
    assert Pointers(root).snapshot() == (OLD if write == 0 else NEW)
    Pointers(root).publish_candidates()
    assert Pointers(root).snapshot() == NEW
    assert Pointers(root).candidates() == {}


def test_a_stage_that_publishes_after_a_kill_finishes_the_release_first(monkeypatch, root):
    with pytest.raises(Killed):
        killed_at(1, monkeypatch, root)
    Pointers(root).publish("label", "newer")
    assert Pointers(root).snapshot() == NEW | {"label": "newer"}


def test_a_snapshot_is_taken_again_when_a_release_is_published_meanwhile(monkeypatch, root):
    original, done = Pointers._version, []

    def slow(self, stage, published):
        version = original(self, stage, published)
        if not done:
            done.append(True)
            Pointers(root).publish_candidates()
        return version

    monkeypatch.setattr(Pointers, "_version", slow)
    assert Pointers(root).snapshot() == NEW
