"""What `patent-spark run` prints at its end about the data."""

import pytest

from patent_spark.core.store import Store
from patent_spark.run_summary import quality_lines
from tests.support.factories import publish

HOLE = "Patents granted 2012 to 2014 make hardly any citation"


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    publish(store, "ingest", {})
    return store


@pytest.mark.parametrize("warnings", [(), (HOLE,), (HOLE, "CPC is empty.")])
def test_each_warning_of_the_data_quality_report_has_a_line(store, warnings):
    publish(store, "quality", {}, {"warnings": warnings, "compared_with": None})
    first, *others = quality_lines(store)
    assert str(len(warnings) or "no") in first
    assert others == [f"  {warning}" for warning in warnings]


def test_warnings_about_an_earlier_ingest_do_not_count(store, monkeypatch):
    publish(store, "quality", {}, {"warnings": (HOLE,), "compared_with": None})
    manifest = store.manifest
    stale = {"quality": {"inputs": {"ingest": "an earlier version"}}}
    monkeypatch.setattr(store, "manifest", lambda name: manifest(name).model_copy(update=stale.get(name)))
    (line,) = quality_lines(store)
    assert HOLE not in line and "patent-spark quality" in line
