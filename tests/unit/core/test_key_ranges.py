import pytest

from patent_spark.core import key_ranges as module
from patent_spark.core.key_ranges import key_ranges

pytestmark = pytest.mark.engine

DESIGN = 48 * 10**12
KEYS = [*range(20), DESIGN + 1, DESIGN + 3]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_BITS", 2)
    monkeypatch.setattr(module, "_ROWS", 9)


def frame(session, keys):
    return session.createDataFrame([(key,) for key in keys], "patent_key bigint")


def test_ranges_hold_all_keys_once_in_order(session):
    keys = frame(session, KEYS)
    parts = [sorted(row["patent_key"] for row in each.of(keys).collect()) for each in key_ranges(keys)]
    assert parts == [list(range(8)), list(range(8, 16)), [16, 17, 18, 19, DESIGN + 1, DESIGN + 3]]
    assert [each.rows for each in key_ranges(keys)] == [8, 8, 6]


def test_a_block_that_is_larger_stays_whole(session):
    keys = frame(session, [*[1] * 12, 5])
    assert [each.rows for each in key_ranges(keys)] == [12, 1]


def test_no_keys_have_no_range(session):
    assert key_ranges(frame(session, [])) == []
