"""Which years can be back-tested, and the point-in-time settings; dates by hand."""

import datetime

import pytest

from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import (
    ModelPlan,
    changed_settings,
    first_known_labels,
    last_closed_year,
    model_config,
    plan_models,
    point_in_time_config,
)
from tests.support.errors import raises
from tests.support.factories import publish

DAY = datetime.date


def configured(*sets):
    return load_config(sets=sets)[0]


@pytest.mark.parametrize(
    ("data_to_date", "months", "year"),
    [
        # the window of 31 December 2019 closes on 31 December 2024, that of 2020 on 31 December 2025
        (DAY(2025, 9, 30), 60, 2019),
        (DAY(2024, 12, 31), 60, 2019),
        (DAY(2024, 12, 30), 60, 2018),
        (DAY(2025, 9, 30), 0, 2024),
        (DAY(2024, 2, 29), 2, 2023),  # two months after 31 December is 29 February
        (DAY(2024, 2, 28), 2, 2022),
        (DAY(2024, 1, 31), 13, 2022),
    ],
)
def test_the_last_year_whose_windows_have_all_closed(data_to_date, months, year):
    assert last_closed_year(data_to_date, months) == year


def test_test_years_end_with_the_last_closed_one():
    config = configured("backtest.years=[2016, 2006, 2006]", "backtest.test_years=4", "tasks=citation_level")
    assert plan_models(config, DAY(2025, 9, 30), {"citation_level": DAY(1981, 1, 6)}) == [
        ModelPlan(2006, (2007, 2008, 2009, 2010), ()),
        ModelPlan(2016, (2017, 2018, 2019), (2020,)),
    ]
    config = configured("backtest.years=[2020]", "backtest.test_years=5", "tasks=technology")
    assert plan_models(config, DAY(2025, 9, 30), {"technology": DAY(1976, 1, 6)}) == [
        ModelPlan(2020, (2021, 2022, 2023, 2024), (2025,))
    ]


@pytest.mark.parametrize(
    ("year", "facts", "remedy"),
    [
        (2019, {"last_closed_year": "2019", "data_to_date": DAY(2025, 9, 30)}, "2018 or earlier"),
        (1980, {"task": "citation_level", "first_label": DAY(1981, 1, 6)}, "1981 or later"),
    ],
)
def test_a_year_too_late_or_too_early(year, facts, remedy):
    first_labels = {"technology": DAY(1976, 1, 6), "citation_level": DAY(1981, 1, 6)}
    with raises(DataError, setting="backtest.years", year=str(year), **facts) as error:
        plan_models(configured(f"backtest.years=[2006, {year}]"), DAY(2025, 9, 30), first_labels)
    assert remedy in str(error.value)
    config = configured("backtest.years=[1981, 2018]")
    assert len(plan_models(config, DAY(2025, 9, 30), {"citation_level": DAY(1981, 1, 6)})) == 2


def test_the_day_on_which_the_first_label_was_known(tmp_path):
    store = Store(tmp_path)
    rows = [
        {"patent_key": 1, "grant_date": DAY(1976, 2, 29), "cpc_class": "A01", "citation_level": None},
        {"patent_key": 2, "grant_date": DAY(1977, 8, 31), "cpc_class": "A01", "citation_level": "btm90"},
        {"patent_key": 3, "grant_date": DAY(1978, 1, 3), "cpc_class": None, "citation_level": "btm90"},
    ]
    publish(store, "label", {"LABELS": rows})
    assert first_known_labels(store, configured("tasks=both", "label.horizon_months=12")) == {
        "technology": DAY(1976, 2, 29),
        "citation_level": DAY(1978, 8, 31),
    }
    assert first_known_labels(store, configured("tasks=citation_level", "label.horizon_months=6")) == {
        "citation_level": DAY(1978, 2, 28)
    }
    publish(store, "label", {"LABELS": rows[:1]})
    with raises(DataError, table="LABELS", column="citation_level", task="citation_level"):
        first_known_labels(store, configured())


def test_point_in_time_settings_override_the_configuration():
    config, _ = load_config(
        ["conf/demo.yaml"], ["label.population=cited", "text.fit_on=all", "train.epochs=9"]
    )
    point_in_time = point_in_time_config(config)
    assert changed_settings(config, point_in_time) == {
        "tasks": "citation_level",  # the other task is split by class
        "label.reference_set": "class_year",
        "label.population": "all",
        "split.embargo": True,
        "text.fit_on": "train",
    }
    both = point_in_time_config(configured("technology.protocol=temporal"))
    assert both.tasks == "both"
    config = model_config(both, ModelPlan(2006, (2007, 2009), ()), {"warehouse.root": "/w"})
    assert (config.split.train_until, config.split.test_years) == (2006, (2007, 2009))
    assert config.warehouse.root == "/w"


@pytest.mark.parametrize(
    ("sets", "facts"),
    [
        (["tasks=technology"], {"setting": "tasks", "task": "technology"}),
        (["tasks=joint", "technology.max_tokens=200"], {"setting": "tasks", "task": "technology"}),
        (["label.horizon_months=30"], {"setting": "label.horizon_months", "value": 30}),
    ],
)
def test_a_configuration_that_cannot_be_back_tested(sets, facts):
    with raises(ConfigError, **facts):
        point_in_time_config(configured(*sets))
