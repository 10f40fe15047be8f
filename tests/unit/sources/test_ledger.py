"""The download budget. Days are relative to now; the ledger keeps no clock of its own."""

import datetime
import json

from patent_spark.sources.errors import SourceError
from patent_spark.sources.ledger import Ledger
from tests.support.errors import raises

NOW = datetime.datetime.now(datetime.UTC)


def entry(days_ago, file="a.zip"):
    time = NOW - datetime.timedelta(days=days_ago)
    return json.dumps({"time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "file": file, "release": "r"}) + "\n"


def test_requests_are_counted_by_file_for_a_year(tmp_path):
    path = tmp_path / "ledger"
    path.write_text(entry(366) + entry(364) + entry(1) + entry(1, "b.zip"))
    ledger = Ledger(path, 20)
    assert (ledger.used("a.zip"), ledger.used("b.zip"), ledger.used("c.zip")) == (2, 1, 0)
    ledger.charge("b.zip", "r")
    assert (ledger.used("a.zip"), ledger.used("b.zip")) == (2, 2)


def test_the_next_free_day_is_a_year_after_the_oldest_that_counts(tmp_path):
    path = tmp_path / "ledger"
    path.write_text(entry(300) + entry(200) + entry(100))
    free = NOW + datetime.timedelta(days=165)
    with raises(SourceError, file="a.zip", budget=2, retry_at=f"{free:%Y-%m-%d}"):
        Ledger(path, 2).charge("a.zip", "r")
    assert len(path.read_text().splitlines()) == 3
    Ledger(path, 4).charge("a.zip", "r")
    assert len(path.read_text().splitlines()) == 4


def test_a_torn_line_counts_for_every_file_and_hurts_no_other_line(tmp_path):
    path = tmp_path / "ledger"
    path.write_text(entry(1) + '{"time": "2026-')
    ledger = Ledger(path, 20)
    assert (ledger.used("a.zip"), ledger.used("b.zip")) == (2, 1)
    ledger.charge("b.zip", "r")
    assert (ledger.used("a.zip"), ledger.used("b.zip")) == (2, 2)
    assert len(path.read_text().splitlines()) == 3


def test_a_new_ledger_is_made_with_its_folder(tmp_path):
    ledger = Ledger(tmp_path / "new" / "ledger", 1)
    assert ledger.used("a.zip") == 0
    ledger.charge("a.zip", "r")
    assert ledger.used("a.zip") == 1
