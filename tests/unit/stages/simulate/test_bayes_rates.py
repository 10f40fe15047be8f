"""The Bayes-optimal rates: by hand, and recomputed from the files of a release."""

import datetime

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.bayes_rates import technology_rates
from patent_spark.stages.simulate.level_rates import (
    CitationLevelCounter,
    average_precision,
    weighted_quantile,
)
from patent_spark.stages.simulate.lexicon import Lexicon
from patent_spark.stages.simulate.population import Population


def counter(*years):
    """A counter with rows of (class, text class, signal, five-year count) for each of the first years."""
    levels = CitationLevelCounter(Population(seed=1, size=1000, class_count=4), datetime.date(2025, 9, 30))
    for year, rows in enumerate(years):
        levels.add(np.full(len(rows), 52 * year), np.array([[year, *row] for row in rows]))
    return levels


def test_technology_rates_by_hand():
    population = Population(seed=1, size=1000, class_count=4)  # A61, G06, H01, H04
    shares = population.shares
    lexicon = Lexicon(population, 0.6)
    assert lexicon.pairs == [(1, 3)]  # G06 and H04: about 0.55
    rates = technology_rates(population, lexicon, 0.2)
    # A text signals its own class in 80 %, and by chance in its share of 20 %.
    assert rates.accuracy == pytest.approx(0.8 + 0.2 * sum(share**2 for share in shares))
    pair = shares[1] + shares[3]
    # Of the pair, H04 is predicted.
    lost = shares[1] * (0.8 + 0.2 * pair)
    others = sum(share * (0.8 + 0.2 * share) for share in shares[[0, 2]])
    assert rates.bag_of_words_accuracy == pytest.approx(others + pair * 0.8 + 0.2 * pair**2 - lost)
    assert technology_rates(population, lexicon, 0.0).accuracy == pytest.approx(1)
    assert technology_rates(population, lexicon, 1.0).accuracy == pytest.approx(shares.max())


def test_average_precision_by_hand():
    # Ranked: 3 of 4 positive, 2 of 8, 0 of 5. Recall grows by 0.6 at precision 3/4, by 0.4 at 5/12.
    chances = np.array([0.25, 0.0, 0.75])
    value = average_precision(np.array([2, 0, 3]), np.array([8, 5, 4]), chances)
    assert value == pytest.approx(0.6 * 0.75 + 0.4 * 5 / 12)
    assert average_precision(np.array([0, 0]), np.array([8, 5]), chances[:2]) == 0


def test_small_reference_sets_have_a_larger_share_of_top1():
    """Two classes, two equal years, a signal without information: one of 4 patents is top1, and one of 40."""
    rows = [(cpc, cpc, 2, 1 + at) for cpc, size in ((0, 4), (1, 40)) for at in range(size)]
    rates = counter(rows, rows).rates()
    for each in (rates, *rates.by_year.values()):
        # The small set is ranked first, 1 of 4, then the large one, 1 more of 40.
        assert each.top1_average_precision == pytest.approx(0.5 * 1 / 4 + 0.5 * 2 / 44)
        # Most patents of either set are btm90: 3 of 4 and 36 of 40.
        assert each.accuracy == pytest.approx((3 + 36) / 44)
    assert len(rates.by_year) == 2 and rates.patents == 88


def test_a_year_does_not_contribute_to_its_own_probabilities():
    """A signal that means top1 in one year and never in the other does not reveal the year."""
    years = [[(0, 0, lucky, 50), (0, 0, other, 1), *[(0, 0, 2, 1)] * 8] for lucky, other in ((1, 3), (3, 1))]
    assert counter(*years).rates().top1_average_precision == pytest.approx(0.1)


def test_an_unknown_signal_has_the_probabilities_of_all_patents():
    """A signal that occurs in one year only is predicted btm90, as most patents are."""
    years = [[(0, 0, signal, 50), *[(0, 0, signal, 1)] * 9] for signal in (2, 3)]
    assert counter(*years).rates().accuracy == pytest.approx(0.9)


def test_a_weighted_quantile_is_numpys_of_the_repeated_values():
    random = np.random.default_rng(5)
    for _ in range(50):
        values, weights = random.permutation(40)[:7], random.integers(1, 6, 7)
        for share in (0.0, 0.5, 0.9, 0.99, 1.0):
            expected = np.quantile(np.repeat(values, weights), share)
            assert weighted_quantile(values, weights, share) == pytest.approx(expected)


def with_dates(release):
    """The truth of a release with grant year, grant date and whether the patent is withdrawn."""
    columns = {name: release.patents[name] for name in ("year", "date", "withdrawn")}
    return release.truth.assign(**columns)


def test_technology_rates_of_a_release(release):
    rates = release.about["bayes_rates"]["technology"]
    classified = with_dates(release).dropna(subset="cpc_class")
    accuracy = (classified["text_class"] == classified["cpc_class"]).mean()
    assert accuracy == pytest.approx(rates["accuracy"], abs=0.006)
    pairs = release.about["planted"]["pairs_told_apart_by_order"]
    sizes = classified["cpc_class"].value_counts()
    larger = {code: max(pair, key=lambda each: sizes.get(each, 0)) for pair in pairs for code in pair}
    predicted = classified["text_class"].replace(larger)
    assert (predicted == classified["cpc_class"]).mean() == pytest.approx(
        rates["bag_of_words_accuracy"], abs=0.008
    )
    share = sum(sizes.get(code, 0) for pair in pairs for code in pair) / len(classified)
    assert share == pytest.approx(rates["order_share"], abs=0.012)


def with_levels(patents, by):
    """Patents with their level by the percentiles of a reference set."""
    quantiles = patents.groupby(by)["five_year_citations"].quantile([0.9, 0.99]).unstack()
    own = patents[by[0]] if len(by) == 1 else pd.MultiIndex.from_frame(patents[by])
    q90, q99 = quantiles.loc[own].to_numpy().T
    count = patents["five_year_citations"].to_numpy()
    level = np.select([count == 0, count > q99, count > q90], ["zerocite", "top1", "top10"], "btm90")
    return patents.assign(level=level)


def test_citation_level_rates_of_a_release(release):
    rates = release.about["bayes_rates"]["citation_level"]
    truth = with_dates(release).dropna(subset="cpc_class")
    window_end = truth["date"] + pd.DateOffset(months=60)
    closed = truth[(truth["withdrawn"] == "0") & (window_end <= "2025-09-30")]
    by_year = with_levels(closed, ["cpc_class", "year"])
    assert rates["patents"] == len(closed)
    cells = pd.crosstab(by_year["level_signal"], by_year["level"])
    for signal, row in cells.div(cells.sum(axis=1), axis=0).iterrows():
        assert rates["posterior"][signal] == pytest.approx(row.to_dict(), abs=1e-6)
    sizes = closed.groupby(["cpc_class", "year"]).size()
    of_text = pd.MultiIndex.from_frame(closed[["text_class", "year"]])
    require_rates(rates, by_year, sizes.reindex(of_text))
    whole_class = closed["cpc_class"].value_counts().reindex(closed["text_class"])
    require_rates(rates["class_reference_set"], with_levels(closed, ["cpc_class"]), whole_class)


def require_rates(rates, closed, sizes):
    """The rates are those of a prediction from patents of other years.

    They have the same signal, and the reference set of their class has about as many patents: sizes are
    grouped by four per octave.
    """
    size_group = np.rint(4 * np.log2(sizes.clip(upper=256).to_numpy()))
    cell = pd.Series(list(zip(size_group, closed["level_signal"], strict=True)), closed.index).astype(str)
    of_year = pd.crosstab([closed["year"], cell], closed["level"])[list(LEVELS)]
    others = of_year.groupby(level=1).transform("sum") - of_year
    # Where no patent of another year is in the same cell, all of them give the probabilities.
    all_others = of_year.sum() - of_year.groupby(level=0).transform("sum")
    others = others.where(others.sum(axis=1) > 0, all_others)
    mine = others.loc[pd.MultiIndex.from_arrays([closed["year"], cell])].set_axis(closed.index)
    closed = closed.assign(
        top1=closed["level"] == "top1",
        predicted=mine.idxmax(axis=1),
        chance=mine["top1"] / mine.sum(axis=1).clip(lower=1),
    )
    for part, expected in ((closed, rates), (closed[closed["year"] == 2013], rates["by_year"]["2013"])):
        accuracy = (part["predicted"] == part["level"]).mean()
        assert expected["accuracy"] == pytest.approx(accuracy, abs=1e-12)
        ranked = average_precision_score(part["top1"], part["chance"])
        assert expected["top1_average_precision"] == pytest.approx(ranked, abs=1e-9)
