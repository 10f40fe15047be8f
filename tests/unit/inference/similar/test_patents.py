"""The patents of an index: masks of filters, families, what is shown."""

import datetime

import pyarrow as pa
import pytest

from patent_spark.inference.similar.filters import Filters
from patent_spark.inference.similar.patents import IndexedPatents, IndexedPatentsWriter, ShownPatent
from tests.support.small_index import DAY, FIRST, patents_of


@pytest.fixture
def patents(tmp_path):
    """Nine patents in two blocks; row 4 has neither title, date nor class, rows 2 and 7 are one family."""
    rows = patents_of(9, families={2: 99, 7: 99}).to_pylist()
    rows[4] |= {"title": None, "grant_date": None, "cpc_class": None}
    table = pa.Table.from_pylist(rows, patents_of(1).schema)
    with IndexedPatentsWriter(tmp_path / "patents") as file:
        file.write(table.slice(0, 5))
        file.write(table.slice(5))
    return IndexedPatents(tmp_path / "patents", file.classes)


def rows_of(patents, **filters):
    mask, count = patents.allowed(Filters(**filters))
    assert count == mask.sum()
    return mask.nonzero()[0].tolist()


def test_without_filters_all_are_allowed_and_no_mask_is_made(patents):
    assert patents.allowed(Filters()) == (None, 9)
    assert patents.allowed(Filters(include_family=True)) == (None, 9)


def test_granted_before_excludes_the_day_itself_and_unknown_days(patents):
    assert rows_of(patents, granted_before=DAY + datetime.timedelta(weeks=5)) == [0, 1, 2, 3]
    assert rows_of(patents, granted_before=DAY + datetime.timedelta(weeks=5, days=1)) == [0, 1, 2, 3, 5]
    assert rows_of(patents, granted_before=DAY) == []
    assert rows_of(patents, granted_before=datetime.date(2999, 1, 1)) == [0, 1, 2, 3, 5, 6, 7, 8]


def test_classes_add_up_and_filters_all_hold(patents):
    assert rows_of(patents, classes=("H04",)) == [1, 7]
    assert rows_of(patents, classes=("A61", "G06")) == [0, 2, 3, 5, 6, 8]
    both = {"classes": ("A61", "G06"), "granted_before": DAY + datetime.timedelta(weeks=5)}
    assert rows_of(patents, **both) == [0, 2, 3]


def test_a_mask_is_kept_and_cannot_be_changed(patents):
    mask, _ = patents.allowed(Filters(classes=("A61", "G06")))
    assert patents.allowed(Filters(classes=("G06", "A61", "G06")))[0] is mask
    with pytest.raises(ValueError):
        mask[0] = False


def test_a_patent_is_looked_up_by_its_key(patents):
    assert patents.row_of(FIRST + 8) == 8
    assert patents.row_of(FIRST + 9) is None
    assert patents.family_of(2).tolist() == patents.family_of(7).tolist() == [2, 7]
    assert patents.family_of(3).tolist() == [3]


def test_what_is_shown_stands_in_either_block(patents):
    assert patents.shown(7) == ShownPatent("7000007", "patent 7", "H04", datetime.date(2001, 2, 20), 7)
    assert patents.shown(4) == ShownPatent("7000004", None, None, None, 4)
