"""Holes by grant year: found where something is missing, and nowhere else."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patent_spark.stages.quality.coverage import (
    CITING,
    CLASSIFIED,
    COVERED,
    DESCRIBED,
    RELATED,
    coverage_by_year,
    find_holes,
)
from tests.support.factories import table_of


def years(**missing):
    """1976 to 2020, a thousand patents a year, nearly all with everything but for the named years."""
    usual = {CITING: 950, CLASSIFIED: 990, DESCRIBED: 1000, RELATED: 300}
    return [
        {"year": year, "patents": 1000}
        | {what: 0 if year in missing.get(what, ()) else having for what, having in usual.items()}
        for year in range(1976, 2021)
    ]


def actual(rows):
    return [(hole.what, hole.first_year, hole.last_year) for hole in find_holes(rows)]


def test_a_sound_release_has_no_holes():
    assert actual(years()) == []


@pytest.mark.parametrize("what", list(COVERED))
@pytest.mark.parametrize(("first", "last"), [(2012, 2014), (1990, 1990), (2003, 2020), (2000, 2012)])
def test_years_that_lack_something_are_found(what, first, last):
    assert actual(years(**{what: range(first, last + 1)})) == [(what, first, last)]


def test_the_first_years_of_a_release():
    assert actual(years(classified=range(1976, 1980))) == [(CLASSIFIED, 1976, 1979)]
    rows = years()
    for row, citing in zip(rows, (0, 100, 300, 500, 700), strict=False):
        row[CITING] = citing  # there is nothing to cite yet
    assert actual(rows) == []


def test_several_holes_and_half_empty_years():
    rows = years(citing=(1990, 1991, 2005), described=(2001,))
    rows[40][CLASSIFIED] = 400  # 2016
    assert actual(rows) == [
        (CITING, 1990, 1991),
        (CITING, 2005, 2005),
        (CLASSIFIED, 2016, 2016),
        (DESCRIBED, 2001, 2001),
    ]
    hole = find_holes(rows)[0]
    assert (hole.patents, hole.having, hole.expected_share) == (2000, 0, 0.95)


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1)), max_size=20))
def test_few_patents_make_no_hole(drawn):
    rows = [
        {"year": 1976 + i, "patents": n, CITING: int(n * share), CLASSIFIED: n, DESCRIBED: n, RELATED: n // 2}
        for i, (n, share) in enumerate(drawn)
    ]
    assert all(hole.expected_share * hole.patents - hole.having >= 20 for hole in find_holes(rows))


@pytest.mark.engine
def test_coverage_is_counted_by_year(session):
    day = datetime.date
    patents = [
        {"patent_id": "1", "grant_date": day(2000, 1, 4), "patent_type": "B"},
        {"patent_id": "2", "grant_date": day(2000, 5, 2), "patent_type": "utility"},
        {"patent_id": "3", "grant_date": day(2001, 1, 2), "patent_type": "utility"},
        {"patent_id": "D4", "grant_date": day(2001, 1, 2), "patent_type": "design"},
    ]
    tables = {
        "PATENTS": patents,
        "CITATIONS": [{"citing_key": 1}, {"citing_key": 1}, {"citing_key": 3}, {"citing_key": 9}],
        "CPC": [{"patent_id": "1"}, {"patent_id": "1"}, {"patent_id": "2"}],
        "ABSTRACTS": [{"patent_id": "2"}],
        "RELATED_DOCUMENTS": [{"patent_id": "3"}],
    }
    frames = {name: session.createDataFrame(table_of(name, rows)) for name, rows in tables.items()}
    covered = {name: frames[table] for name, (table, _) in COVERED.items()}
    rows = sorted(map(tuple, coverage_by_year(frames["PATENTS"], covered).collect()))
    assert rows == [(2000, 2, 1, 2, 1, 0), (2001, 1, 1, 0, 0, 1)]
