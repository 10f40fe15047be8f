"""The calendar, the classes, the designed counts and the random numbers of the simulator."""

import datetime

import numpy as np
import pytest

from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.forward_counts import ForwardCounts
from patent_spark.stages.simulate.grant_calendar import Calendar, add_months
from patent_spark.stages.simulate.hashing import ragged, uniforms
from patent_spark.stages.simulate.normal import normal_quantiles
from patent_spark.stages.simulate.population import Population


@pytest.fixture(scope="module")
def population():
    return Population(seed=3, size=5000, class_count=20)


def test_class_codes_are_the_papers():
    codes = [each.code for each in CLASSES]
    assert codes == sorted(codes) and len(codes) == 125
    some = [codes[k] for k in (0, 12, 104, 109, 118, 121, 122)]
    assert some == ["A01", "A61", "G01", "G06", "H01", "H04", "H05"]
    assert sum(each.patents for each in CLASSES) == 5_762_700, "the support in Appendix B"
    assert Population(1, 1000, 3).classes == [codes.index(code) for code in ("G06", "H01", "H04")]


def test_grant_days_and_windows():
    days = np.array(["2000-02-29", "2003-11-30", "2020-01-31", "2015-08-31"], "datetime64[D]")
    later = add_months(days, 60)
    assert later.astype(str).tolist() == ["2005-02-28", "2008-11-30", "2025-01-31", "2020-08-31"]
    calendar = Calendar.of_size(100_000)
    week = int(np.searchsorted(calendar.days, np.datetime64("2000-02-29")))
    assert calendar.days[week] == np.datetime64("2000-02-29")
    behind = int(np.searchsorted(calendar.starts, calendar.window_end[week]))
    around = calendar.days[behind - 1 : behind + 1]
    assert around.astype(str).tolist() == ["2005-02-22", "2005-03-01"]
    assert calendar.until(datetime.date(2025, 9, 30)) == 100_000
    assert calendar.until(datetime.date(2025, 9, 29)) == calendar.starts[calendar.week(np.array([99_999]))[0]]


def test_forward_counts_and_levels_follow_the_rank(population):
    forward = ForwardCounts(population)
    rank = np.linspace(0, 1, 100_000, endpoint=False)
    year, cpc = np.full(len(rank), 34), np.full(len(rank), 7)
    counts, levels = forward.counts(rank, year, cpc), forward.levels(rank, year, cpc)
    assert (np.diff(counts) >= 0).all() and (np.diff(levels) <= 0).all()
    shares = np.bincount(levels, minlength=4) / len(levels)
    assert shares[0] == pytest.approx(0.01, abs=0.001)
    assert shares[0] + shares[1] == pytest.approx(0.1, abs=0.03)
    assert shares[3] == pytest.approx((counts == 0).mean())
    assert 15 < counts[99_000] < 60 and counts[-1] > 200


def test_random_numbers_do_not_depend_on_their_neighbours():
    index = np.arange(10_000)
    values = uniforms(7, "some stream", index)
    assert (values[5000:] == uniforms(7, "some stream", index[5000:])).all()
    assert values.min() >= 0 and values.max() < 1 and values.mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(values, uniforms(7, "another stream", index))[0, 1]) < 0.03
    assert abs(np.corrcoef(values, uniforms(8, "some stream", index))[0, 1]) < 0.03
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.03


def test_ragged_lists():
    owner, place = ragged(np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2] and place.tolist() == [0, 1, 0, 1, 2]


def test_normal_quantiles():
    quantiles = normal_quantiles(np.array([0.001, 0.025, 0.5, 0.8, 0.99]))
    assert quantiles == pytest.approx([-3.090232, -1.959964, 0, 0.841621, 2.326348], abs=1e-6)
