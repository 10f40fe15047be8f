"""Which years can be back-tested, and what a back-test sets; dates by hand."""

import datetime

import pytest

from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import (
    AsOf,
    as_of,
    changed_settings,
    first_labels,
    known_on_the_day,
    last_closed_year,
    plan,
)
from tests.support.factories import publish

DAY = datetime.date


def configured(*sets):
    return load_config(sets=sets)[0]


@pytest.mark.parametrize(
    ("data_to_date", "months", "year"),
    [
        (
            DAY(2025, 9, 30),
            60,
            2019,
        ),  # 31 December 2019 closes on 31 December 2024, that of 2020 on 31 December 2025
        (DAY(2024, 12, 31), 60, 2019),
        (DAY(2024, 12, 30), 60, 2018),
        (DAY(2025, 9, 30), 0, 2024),
        (DAY(2024, 2, 29), 2, 2023),  # 31 December and two months is 29 February
        (DAY(2024, 2, 28), 2, 2022),
        (DAY(2024, 1, 31), 13, 2022),
    ],
)
def test_the_last_year_whose_windows_have_all_closed(data_to_date, months, year):
    assert last_closed_year(data_to_date, months) == year


def test_years_are_tested_as_far_as_they_have_closed():
    config = configured("backtest.years=[2016, 2006, 2006]", "backtest.test_years=4", "tasks=citation_level")
    assert plan(config, DAY(2025, 9, 30), {"citation_level": DAY(1981, 1, 6)}) == [
        AsOf(2006, (2007, 2008, 2009, 2010), ()),
        AsOf(2016, (2017, 2018, 2019), (2020,)),
    ]
    config = configured("backtest.years=[2020]", "backtest.test_years=5", "tasks=technology")
    assert plan(config, DAY(2025, 9, 30), {"technology": DAY(1976, 1, 6)}) == [
        AsOf(2020, (2021, 2022, 2023, 2024), (2025,))
    ]


@pytest.mark.parametrize(
    ("year", "said"),
    [
        (
            2019,
            "backtest.years: nothing to test a model as of 2019 on: with data to 2025-09-30 the last grant year "
            "whose citation windows have all closed is 2019; take 2018 or earlier",
        ),
        (
            1980,
            "backtest.years: nothing to learn from at the end of 1980: the first label of citation_level was known on 1981-01-06; take 1981 or later",
        ),
    ],
)
def test_a_year_too_late_or_too_early(year, said):
    config = configured(f"backtest.years=[2006, {year}]")
    with pytest.raises(DataError) as error:
        plan(config, DAY(2025, 9, 30), {"technology": DAY(1976, 1, 6), "citation_level": DAY(1981, 1, 6)})
    assert str(error.value) == said
    plan(configured("backtest.years=[1981, 2018]"), DAY(2025, 9, 30), {"citation_level": DAY(1981, 1, 6)})


def test_the_day_on_which_the_first_label_was_known(tmp_path):
    store = Store(tmp_path)
    rows = [
        {"patent_key": 1, "grant_date": DAY(1976, 2, 29), "cpc_class": "A01", "citation_level": None},
        {"patent_key": 2, "grant_date": DAY(1977, 8, 31), "cpc_class": "A01", "citation_level": "btm90"},
        {"patent_key": 3, "grant_date": DAY(1978, 1, 3), "cpc_class": None, "citation_level": "btm90"},
    ]
    publish(store, "label", {"LABELS": rows})
    assert first_labels(store, configured("tasks=both", "label.horizon_months=12")) == {
        "technology": DAY(1976, 2, 29),
        "citation_level": DAY(1978, 8, 31),
    }
    assert first_labels(store, configured("tasks=citation_level", "label.horizon_months=6")) == {
        "citation_level": DAY(1978, 2, 28)
    }
    publish(store, "label", {"LABELS": rows[:1]})
    with pytest.raises(DataError, match="no patent in LABELS has a citation_level"):
        first_labels(store, configured())


def test_a_back_test_sets_what_keeps_the_future_out():
    config, _ = load_config(
        ["conf/demo.yaml"], ["label.population=cited", "text.fit_on=all", "train.epochs=9"]
    )
    sound = known_on_the_day(config)
    assert changed_settings(config, sound) == {
        "tasks": "citation_level",  # the other task is split by class
        "label.reference_set": "class_year",
        "label.population": "all",
        "split.embargo": True,
        "text.fit_on": "train",
    }
    both = known_on_the_day(configured("technology.protocol=temporal"))
    assert both.tasks == "both"
    told = as_of(both, AsOf(2006, (2007, 2009), ()), {"warehouse.root": "/w"})
    assert (told.split.train_until, told.split.test_years, told.warehouse.root) == (2006, (2007, 2009), "/w")


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (
            ["tasks=technology"],
            "tasks = technology: technology is not tested by grant year; set technology.protocol=temporal for a back-test",
        ),
        (
            ["tasks=joint", "technology.max_tokens=200"],
            "tasks = joint: technology is not tested by grant year; set technology.protocol=temporal",
        ),
        (
            ["label.horizon_months=30"],
            "label.horizon_months = 30: a back-test needs whole years, a multiple of 12",
        ),
    ],
)
def test_a_configuration_that_no_back_test_can_have(sets, said):
    with pytest.raises(ConfigError) as error:
        known_on_the_day(configured(*sets))
    assert str(error.value).startswith(said)
