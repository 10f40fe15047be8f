"""All codes of patents at each level, from CPC."""

import numpy as np
import pytest

from patent_spark.core.store import Store
from patent_spark.metrics import patent_codes
from patent_spark.metrics.patent_codes import read_patent_codes
from tests.support.factories import publish


def row(key, subclass, kind="inventional", cpc_class=None):
    code = {"cpc_class": cpc_class or subclass[:3], "cpc_subclass": subclass}
    return {"patent_key": key, "cpc_sequence": 0, "cpc_type": kind} | code


ROWS = [
    row(5, "H04L"),
    row(5, "G06N"),
    row(5, "G06F"),
    row(5, "Y10S", "additional"),  # it has inventional ones
    row(5, "H04L", "additional"),  # and inventional, too
    row(7, "Y02E", "additional"),
    row(7, "A61K", None),
    row(6, "B60L"),  # not asked for
    row(9, None, cpc_class="G01"),
    row(9, "H04L", cpc_class="G01"),  # of another class
    row(5, "H04L"),
]


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    publish(store, "ingest", {"CPC": ROWS})
    return store


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("section", [["A", "Y"], ["G", "H"], ["G"], []]),
        ("class", [["A61", "Y02"], ["G06", "H04"], ["G01"], []]),
        ("subclass", [["A61K", "Y02E"], ["G06F", "G06N", "H04L"], [], []]),
    ],
)
@pytest.mark.parametrize("rows", [1 << 18, 2])
def test_inventional_codes_or_all_if_there_are_none(store, monkeypatch, level, expected, rows):
    monkeypatch.setattr(patent_codes, "_ROWS", rows)
    codes = read_patent_codes(store, level, np.array([5, 9, 7, 8]))
    asked = codes.of(np.array([7, 5, 9, 4])).to_pylist()
    assert [sorted(each) for each in asked] == expected


def test_without_patents_there_are_no_codes(store):
    codes = read_patent_codes(store, "class", np.zeros(0, np.int64))
    assert codes.of(np.array([5])).to_pylist() == [[]]
    assert codes.of(np.zeros(0, np.int64)).to_pylist() == []
