"""A simulated release against public data: patents, citations, families and texts."""

import numpy as np
import pandas as pd
import pytest

# Utility patents, citations made per patent, mean lag in days, mean five-year citations among cited patents.
PUBLIC_TOTALS = {
    1980: (61807, 5.65, 5796.4, 2.56),
    1990: (90421, 7.56, 5680.3, 3.75),
    2000: (157595, 11.42, 4841.2, 5.41),
    2005: (143891, 15.11, 4603.4, 4.49),
    2010: (219848, 19.36, 5368.7, 5.21),
    2015: (299382, 19.49, 5861.4, 5.74),
    2019: (355923, 20.15, 6180.9, 6.4),
}
"""By grant year."""
UTILITY_PATENTS = 8_411_026
"""From 1976 to September 2025."""


def test_five_year_citations_equal_a_count_from_the_files(release):
    patents = release.patents[release.patents["withdrawn"] == "0"].set_index("patent_id")["date"]
    pairs = release.citations[["patent_id", "citation_patent_id"]].drop_duplicates()
    citing, cited = pairs["patent_id"].map(patents), pairs["citation_patent_id"].map(patents)
    end = cited[cited.notna()] + pd.DateOffset(months=60)
    inside = citing.notna() & cited.notna() & (citing >= cited) & (citing <= end.reindex(citing.index))
    counts = pairs.loc[inside, "citation_patent_id"].value_counts()
    truth = release.truth.set_index("patent_id")["five_year_citations"]
    truth = truth[truth.index.isin(patents.index)]
    expected = counts.reindex(truth.index).fillna(0).astype("int32")
    pd.testing.assert_series_equal(expected, truth, check_names=False)
    assert truth.max() > 60 and (truth == 0).mean() > 0.2


def test_class_is_that_of_the_first_inventional_row(release):
    rows = release.cpc.assign(sequence=release.cpc["cpc_sequence"].astype(int))
    rows = rows.sort_values("sequence", kind="stable")
    inventional = rows[rows["cpc_type"] == "inventional"].drop_duplicates("patent_id")
    others = rows[~rows["patent_id"].isin(inventional["patent_id"])].drop_duplicates("patent_id")
    classes = pd.concat([inventional, others]).set_index("patent_id")["cpc_class"]
    truth = release.truth.set_index("patent_id")["cpc_class"]
    pd.testing.assert_series_equal(classes.reindex(truth.index), truth, check_names=False)
    assert 0 < len(others) < 0.02 * len(classes), "few patents have only additional rows"
    first = rows.drop_duplicates("patent_id").set_index("patent_id")
    of_another_class = (first["cpc_class"] != classes.reindex(first.index)).mean()
    assert 0.005 < of_another_class < 0.03, "an additional row can come first"
    assert rows.duplicated(["patent_id", "cpc_sequence"]).any()
    spans = rows.groupby("patent_id")["sequence"].agg(["min", "max", "nunique"])
    assert (spans["min"] == 1).any()
    assert (spans["max"] - spans["min"] + 1 > spans["nunique"]).any(), "sequences have gaps"
    assert rows.groupby("patent_id").size().mean() == pytest.approx(6, abs=1.5)


def test_patents_by_year_type_and_number(release):
    by_year = release.patents["year"].value_counts(normalize=True)
    for year, (patents, *_) in PUBLIC_TOTALS.items():
        assert by_year[year] == pytest.approx(patents / UTILITY_PATENTS, abs=0.002)
    assert set(release.patents["date"].dt.day_name()) == {"Tuesday"}
    assert release.patents["date"].is_monotonic_increasing
    assert release.patents["patent_id"].is_unique
    types = release.patents["patent_type"].value_counts(normalize=True)
    assert types["utility"] == pytest.approx(0.902, abs=0.005)
    assert types["design"] == pytest.approx(0.088, abs=0.005)
    prefixes = release.patents.groupby("patent_type")["patent_id"].agg(
        lambda ids: set(ids.str.replace(r"\d+", "", regex=True))
    )
    assert dict(prefixes) == {
        "utility": {""}, "design": {"D"}, "plant": {"PP"}, "reissue": {"RE"}, "defensive publication": {"T"},
        "statutory invention registration": {"H"},
    }  # fmt: skip
    numbers = release.patents["patent_id"].str.extract(r"(\d+)")[0].astype(int)
    for _, each in numbers.groupby(release.patents["patent_type"]):
        assert each.is_monotonic_increasing
    assert (release.patents["withdrawn"] == "1").mean() == pytest.approx(0.003, abs=0.002)
    without_class = release.truth["cpc_class"].isna()
    assert without_class.mean() == pytest.approx(0.099, abs=0.015)
    assert without_class[release.patents["patent_type"] == "design"].mean() > 0.9


def test_citations_by_year_are_those_of_public_data(release):
    measured = release.about["measured"]["by_grant_year"]
    made = release.citations["patent_id"].map(release.patents.set_index("patent_id")["year"]).value_counts()
    patents = release.patents["year"].value_counts()
    for year, (_, backward, lag, _) in PUBLIC_TOTALS.items():
        own, per_patent = measured[str(year)], made[year] / patents[year]
        assert per_patent == pytest.approx(backward, rel=0.12), year
        assert own["mean_backward_citations"] == pytest.approx(per_patent, abs=1e-3)
        assert own["mean_citation_lag_days"] == pytest.approx(lag, rel=0.12), year
    closed = release.truth.assign(year=release.patents["year"])
    means_over_five_years = {1980: 2.9, 1990: 4.1, 2000: 5.1, 2006: 4.9, 2011: 5.6, 2015: 6.0}
    for first, expected in means_over_five_years.items():
        counts = closed.loc[closed["year"].between(first, first + 4), "five_year_citations"]
        assert counts[counts > 0].mean() == pytest.approx(expected, rel=0.2), first
        assert counts[counts > 0].median() in (1, 2, 3)
    late = closed.loc[closed["year"].between(2005, 2015), "five_year_citations"]
    assert late.mean() == pytest.approx(3.7, rel=0.12)
    assert np.quantile(late, 0.9) < 12 and np.quantile(late, 0.99) > 25, "heavy-tailed"


def test_known_issues_of_the_citation_file_occur(release):
    rows, patents = release.citations, release.patents.set_index("patent_id")
    order = rows["patent_id"].map(pd.Series(range(len(patents)), patents.index))
    assert order.is_monotonic_increasing
    assert (rows["citation_sequence"].astype(int) == rows.groupby("patent_id").cumcount()).all()
    assert rows.duplicated(["patent_id", "citation_patent_id"]).mean() == pytest.approx(5e-4, rel=0.4)
    assert 1 <= (rows["patent_id"] == rows["citation_patent_id"]).sum() < 20
    known = rows["citation_patent_id"].isin(patents.index)
    assert (~known).mean() == pytest.approx(0.093, abs=0.015)
    malformed = ~rows["citation_patent_id"].str.fullmatch(r"[A-Z]{0,3}\d{1,12}")
    assert 0 < malformed.sum() < 0.001 * len(rows)
    old = rows[~known & ~malformed]
    assert (old["citation_patent_id"].astype(int) < 3930271).all() and (old["citation_date"] < "1976").all()
    cited = rows.loc[known, "citation_patent_id"].map(patents["date"])
    assert (rows.loc[known, "citation_date"] == cited.dt.strftime("%Y-%m-01")).all()
    citing = rows["patent_id"].map(patents["date"])
    assert 1 <= (citing[known] < cited).sum() < 50, "a few cite a patent that was not yet granted"
    era = pd.cut(citing.dt.year, [1975, 2001, 2012, 2025])
    first, second, third = rows.groupby(era)["citation_category"].agg(lambda values: set(values))
    assert first == {""} and second == {"cited by examiner", "cited by other"}
    assert {"cited by examiner", "cited by applicant"} <= third and "cited by other" not in third
    assert patents.loc[rows.loc[known, "citation_patent_id"], "patent_type"].nunique() > 3


def test_families_repeat_an_abstract(release):
    texts = release.abstracts.set_index("patent_id")["patent_abstract"]
    joined = release.truth.merge(release.patents, on="patent_id").set_index("patent_id")
    children = joined[joined["family_parent"].notna()]
    parents = joined.loc[children["family_parent"]]
    assert len(children) / len(joined) == pytest.approx(0.08, abs=0.01)
    assert parents["family_parent"].isna().all() and (parents["patent_type"] == "utility").all()
    days = children["date"].to_numpy() - parents["date"].to_numpy()
    assert days.min() >= np.timedelta64(175, "D") and days.max() <= np.timedelta64(3 * 366, "D")
    assert (texts.loc[children.index].to_numpy() == texts.loc[parents.index].to_numpy()).all()
    for column in ("text_class", "level_signal"):
        assert (children[column].to_numpy() == parents[column].to_numpy()).all()
    titles = children["patent_title"].to_numpy() == parents["patent_title"].to_numpy()
    assert 0.4 < titles.mean() < 0.6
    unrelated = texts[(texts != "") & ~texts.index.isin(children.index)]
    assert unrelated.is_unique


def test_class_and_length_of_texts(release):
    shares = release.truth["cpc_class"].value_counts(normalize=True)
    assert shares["H04"] == pytest.approx(598050 / 5762700, abs=0.012)
    assert shares["A61"] == pytest.approx(411278 / 5762700, abs=0.012)
    assert release.truth["cpc_class"].nunique() > 110
    texts = release.patents.merge(release.abstracts, on="patent_id")
    texts = texts[texts["patent_abstract"] != ""]
    words = texts["patent_title"].str.split().str.len() + texts["patent_abstract"].str.split().str.len()
    assert words.mean() == pytest.approx(120, abs=5) and words.std() == pytest.approx(39, abs=4)
