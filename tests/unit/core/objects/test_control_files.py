"""Pointers in a bucket: whole releases, and writers that overtake one another."""

import pytest

from patent_spark.core.pointers import Pointers
from patent_spark.core.storage import ChangedError
from patent_spark.refresh.report_schema import RefreshRecord, RefreshStatus
from patent_spark.refresh.status import read_history, read_status, write_status

STAGES = ("ingest", "label", "train")
OLD = dict.fromkeys(STAGES, "old")
NEW = {"ingest": "new", "label": "new", "train": "old"}


@pytest.fixture
def files(machine):
    """Control files with the version `old` of three stages, and candidates `new` of two."""
    its = machine().control
    for stage in STAGES:
        Pointers(its).publish(stage, "old", None)
    for stage in ("ingest", "label"):
        Pointers(its, candidate=True).publish(stage, "new", None)
    return its


def test_candidates_of_all_stages_are_published_together(files, machine):
    assert Pointers(files).snapshot() == OLD
    assert Pointers(files, candidate=True).snapshot() == NEW
    assert Pointers(files).publish_candidates() == {"ingest": "new", "label": "new"}
    elsewhere = Pointers(machine("two").control)
    assert elsewhere.snapshot() == NEW
    assert elsewhere.candidates() == {}
    assert elsewhere.in_use("ingest") == {"old", "new"}


@pytest.mark.parametrize("write", ["RELEASE.json", "ingest/CURRENT", "label/CURRENT"])
def test_when_the_bucket_fails_readers_see_all_or_nothing_and_the_next_writer_goes_on(files, server, write):
    server.refuse("PUT", write)
    with pytest.raises(Exception, match="InternalError"):
        Pointers(files).publish_candidates()
    server.clear()
    assert Pointers(files).snapshot() == (OLD if write == "RELEASE.json" else NEW)
    Pointers(files).publish_candidates()
    assert Pointers(files).snapshot() == NEW
    assert Pointers(files).candidates() == {}


def test_a_pointer_that_was_replaced_since_it_was_seen_stays(files):
    seen = Pointers(files).seen("train")
    Pointers(files).publish("train", "newer", seen)
    with pytest.raises(ChangedError):
        Pointers(files).publish("train", "late", seen)
    with pytest.raises(ChangedError):
        Pointers(files).publish("train", "later", None)
    assert Pointers(files).version("train") == "newer"


def test_every_machine_sees_the_status_and_the_history_of_refreshes(machine):
    here, there = machine("one").control, machine("two").control
    assert read_status(there) == RefreshStatus(checked="")
    for day in ("2026-01-01", "2026-01-02"):
        last = RefreshRecord(
            release_id=day, fingerprint="f", started=f"{day}T00:00:00+00:00", champions_before={}
        )
        write_status(here, RefreshStatus(checked=day, last=last))
    assert read_status(there).last == last
    assert [record.release_id for record in read_history(there)] == ["2026-01-02", "2026-01-01"]
    assert [record.release_id for record in read_history(there, newest=1)] == ["2026-01-02"]
