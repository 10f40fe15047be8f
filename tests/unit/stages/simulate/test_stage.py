"""A simulated release as a reader of its files finds it: format, calibration, planted truth. Checked with pandas and the
csv module alone; expected figures are those of public data (patents and citations by grant year)."""

import csv
import dataclasses
import datetime
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score

from patent_spark.config import Simulate
from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.generator import Maker

FACTS = {  # grant year: utility patents, citations made a patent, mean lag in days, mean five-year citations among cited
    1980: (61807, 5.65, 5796.4, 2.56),
    1990: (90421, 7.56, 5680.3, 3.75),
    2000: (157595, 11.42, 4841.2, 5.41),
    2005: (143891, 15.11, 4603.4, 4.49),
    2010: (219848, 19.36, 5368.7, 5.21),
    2015: (299382, 19.49, 5861.4, 5.74),
    2019: (355923, 20.15, 6180.9, 6.4),
}
UTILITY_PATENTS = 8_411_026  # 1976 to September 2025


def make(folder, chunk=8192, **settings):
    folder.mkdir()
    return Maker(folder, Simulate(**settings), chunk).make()


def raw(folder, name):
    with zipfile.ZipFile(folder / f"{name}.tsv.zip") as archive:
        assert archive.namelist() == [f"{name}.tsv"]
        return archive.read(f"{name}.tsv")


def frame(folder, name):
    return pd.read_csv(io.BytesIO(raw(folder, name)), sep="\t", dtype=str, keep_default_na=False)


class Release:
    def __init__(self, folder, about):
        self.folder, self.about = folder, about
        self.patents = frame(folder, "g_patent")
        self.patents["date"] = pd.to_datetime(self.patents["patent_date"])
        self.patents["year"] = self.patents["date"].dt.year
        self.truth = pd.read_parquet(folder / "truth.parquet")
        self.citations = frame(folder, "g_us_patent_citation")
        self.cpc = frame(folder, "g_cpc_current")
        self.abstracts = frame(folder, "g_patent_abstract")


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "release"
    return Release(folder, make(folder, patents=20_000))


def test_drift_changes_texts_alone_and_none_of_the_first_year(small, tmp_path):
    folder, about = small
    drifted = make(tmp_path / "drifted", patents=3000, seed=5, drift=0.2)
    assert (
        "drift" not in about["settings"]
        and drifted["settings"]["drift"] == 0.2
        and drifted["release_id"] != about["release_id"]
    )
    for file in folder.iterdir():
        same = (tmp_path / "drifted" / file.name).read_bytes() == file.read_bytes()
        assert same == (file.name not in ("release.json", "g_patent.tsv.zip", "g_patent_abstract.tsv.zip")), (
            file.name
        )
    before, after = (
        frame(each, "g_patent_abstract").set_index("patent_id")["patent_abstract"]
        for each in (folder, tmp_path / "drifted")
    )
    year = frame(folder, "g_patent").set_index("patent_id")["patent_date"].str[:4].astype(int)
    same = (before == after).groupby(year.reindex(before.index)).mean()
    assert same[1976] == 1 and same[same.index > 2000].max() < 0.3
    words = {level: set(listed) for level, listed in drifted["planted"]["level_words"].items()}
    signal = pd.read_parquet(tmp_path / "drifted" / "truth.parquet").set_index("patent_id")["level_signal"]
    recent = after[year.reindex(after.index) > 2010]
    found = recent.map(
        lambda text: next(
            (
                level
                for level in words
                if words[level] & set(text.lower().replace(".", "").replace(",", "").split())
            ),
            "",
        )
    )
    assert (found == signal.reindex(recent.index)).mean() > 0.9


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated") / "small"
    return folder, make(folder, patents=3000, seed=5)


def test_files_are_written_as_patentsview_writes_them(small):
    folder, _ = small
    lines = raw(folder, "g_patent").split(b"\n", 2)
    assert lines[0] == (
        b'"patent_id"\t"patent_type"\t"patent_date"\t"patent_title"\t"wipo_kind"\t"num_claims"\t"withdrawn"\t"filename"'
    )
    assert re.fullmatch(
        rb'"3930271"\t"utility"\t"1976-01-(\d\d)"\t"[^"]+"\t"A"\t\d+\t[01]\t"ipg7601\1.xml"', lines[1]
    )
    lines = raw(folder, "g_us_patent_citation").split(b"\n")
    assert lines[0] == (
        b'"patent_id"\t"citation_sequence"\t"citation_patent_id"\t"citation_date"\t"record_name"\t"wipo_kind"\t"citation_category"'
    )
    row = re.compile(rb'"[A-Z]{0,2}\d+"\t\d+\t"[^"]*"\t"\d{4}-\d\d-01"\t"[A-Z][^"]*"\t"[A-Z]\d?"\t"[a-z ]*"')
    assert all(row.fullmatch(line) for line in lines[1:-1])
    assert lines[-1] == b""
    row = re.compile(
        rb'"[A-Z]{0,2}\d+"\t\d+\t"([A-HY])"\t"(\1\d\d)"\t"(\2[A-Z])"\t"\3\d+/\d+"\t"(inventional|additional)"'
    )
    assert all(row.fullmatch(line) for line in raw(folder, "g_cpc_current").split(b"\n")[1:-1])
    assert raw(folder, "g_application").startswith(
        b'"application_id"\t"patent_id"\t"patent_application_type"\t"filing_date"\t'
    )
    assert raw(folder, "g_cpc_title").startswith(
        b'"cpc_subclass"\t"cpc_subclass_title"\t"cpc_group"\t"cpc_group_title"\t"cpc_class"\t"cpc_class_title"\n'
    )


def test_texts_with_newlines_quotes_and_other_letters_survive_the_csv_module(small):
    folder, about = small
    text = raw(folder, "g_patent_abstract").decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    assert rows[0] == ["patent_id", "patent_abstract"] and {len(row) for row in rows} == {2}
    assert len(rows) - 1 == about["rows"]["g_patent_abstract.tsv.zip"] < text.count("\n")
    abstracts = [row[1] for row in rows[1:]]
    assert any("\n" in each for each in abstracts) and any('"' in each for each in abstracts)
    assert any(not each.isascii() for each in abstracts)
    assert not any("\t" in each for each in abstracts)
    designs = {row[0] for row in rows[1:] if row[0].startswith("D")}
    assert designs and all(not row[1] for row in rows[1:] if row[0] in designs)
    assert len(designs) < frame(folder, "g_patent")["patent_id"].str.startswith("D").sum()


def test_release_json_says_what_there_is(small):
    folder, about = small
    assert json.loads((folder / "release.json").read_text()) == about
    assert about["source"] == "simulated" and about["data_to_date"] == "2025-09-30"
    assert about["release_id"].startswith("sim-3000-s5-")
    settings = dataclasses.asdict(Simulate(patents=3000, seed=5))
    del settings["drift"], settings["relatives"]  # not named where there are none
    assert about["settings"] == settings | {"data_to_date": "2025-09-30"}
    for file in folder.glob("*.zip"):
        assert about["rows"][file.name] == len(frame(folder, file.name.removesuffix(".tsv.zip")))
    assert {path.name for path in folder.iterdir()} == {*about["rows"], "release.json", "truth.parquet"}


def test_the_same_seed_gives_the_same_bytes_whatever_the_chunks(small, tmp_path):
    folder, about = small
    make(tmp_path / "again", patents=3000, seed=5)
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name
    in_chunks = make(tmp_path / "chunks", chunk=517, patents=3000, seed=5)
    assert in_chunks == about
    for file in folder.glob("*.zip"):
        assert raw(tmp_path / "chunks", file.name.removesuffix(".tsv.zip")) == raw(
            folder, file.name.removesuffix(".tsv.zip")
        )
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "chunks" / "truth.parquet"), pd.read_parquet(folder / "truth.parquet")
    )
    make(tmp_path / "other", patents=3000, seed=6)
    for file in folder.glob("*_*.zip"):
        if file.name != "g_cpc_title.tsv.zip":
            assert (tmp_path / "other" / file.name).read_bytes() != file.read_bytes(), file.name


def test_a_later_release_adds_to_an_earlier_one(small, tmp_path):
    folder, _ = small
    about = make(tmp_path / "early", patents=3000, seed=5, data_to_date=datetime.date(2018, 5, 29))
    assert about["data_to_date"] == "2018-05-29"
    for name in ("g_patent", "g_patent_abstract", "g_cpc_current", "g_us_patent_citation"):
        early, late = frame(tmp_path / "early", name), frame(folder, name)
        if (
            name == "g_us_patent_citation"
        ):  # the few that cite a patent not yet granted can only be known later
            order = {each: k for k, each in enumerate(frame(folder, "g_patent")["patent_id"])}
            early, late = (rows[["patent_id", "citation_patent_id"]] for rows in (early, late))
            early, late = (
                rows[[order.get(cited, 0) <= order[citing] for citing, cited in rows.to_numpy()]]
                for rows in (early, late)
            )
            early, late = early.reset_index(drop=True), late.reset_index(drop=True)
        assert 0.4 * len(late) < len(early) < 0.8 * len(late)
        pd.testing.assert_frame_equal(early, late.iloc[: len(early)])
    assert frame(tmp_path / "early", "g_patent")["patent_date"].max() == "2018-05-29"


def test_old_layout(small, tmp_path):
    folder, _ = small
    make(tmp_path / "old", patents=3000, seed=5, columns="old")
    files = {"patent.tsv.zip", "uspatentcitation.tsv.zip", "cpc_current.tsv.zip", "usreldoc.tsv.zip"}
    assert {path.name for path in (tmp_path / "old").glob("*.zip")} == files
    patents, new = frame(tmp_path / "old", "patent"), frame(folder, "g_patent")
    assert list(patents) == [
        "id",
        "type",
        "number",
        "country",
        "date",
        "abstract",
        "title",
        "kind",
        "num_claims",
        "filename",
        "withdrawn",
    ]
    assert list(patents["id"]) == list(new["patent_id"]) and list(patents["title"]) == list(
        new["patent_title"]
    )
    assert set(patents["country"]) == {"US"}
    abstracts = frame(folder, "g_patent_abstract")
    assert (
        dict(zip(patents["id"], patents["abstract"], strict=True)).items()
        >= dict(zip(abstracts["patent_id"], abstracts["patent_abstract"], strict=True)).items()
    )
    cpc, new = frame(tmp_path / "old", "cpc_current"), frame(folder, "g_cpc_current")
    assert list(cpc) == [
        "uuid",
        "patent_id",
        "section_id",
        "subsection_id",
        "group_id",
        "subgroup_id",
        "category",
        "sequence",
    ]
    assert cpc["uuid"].is_unique
    assert (
        cpc.drop(columns="uuid").to_numpy()
        == new[
            ["patent_id", "cpc_section", "cpc_class", "cpc_subclass", "cpc_group", "cpc_type", "cpc_sequence"]
        ].to_numpy()
    ).all()
    citations, new = frame(tmp_path / "old", "uspatentcitation"), frame(folder, "g_us_patent_citation")
    assert list(citations) == [
        "uuid",
        "patent_id",
        "citation_id",
        "date",
        "name",
        "kind",
        "country",
        "category",
        "sequence",
    ]
    assert list(citations["citation_id"]) == list(new["citation_patent_id"])


def test_broken_rows_are_extra_and_counted(small, tmp_path):
    folder, clean = small
    about = make(tmp_path / "broken", chunk=70, patents=3000, seed=5, broken_fraction=0.02)
    judges = {
        "too few fields": lambda fields, width: len(fields) < width,
        "too many fields": lambda fields, width: len(fields) > width,
        "no patent id": lambda fields, width: '""' in fields[:2],
        "malformed patent id": lambda fields, width: any(
            re.fullmatch(r'"\d+-\d+/x"', field) for field in fields
        ),
        "impossible date": lambda fields, width: '"2009-02-30"' in fields,
        "date far off": lambda fields, width: '"9178-12-11"' in fields or '"1074-03-05"' in fields,
        "text in a number": lambda fields, width: '"first"' in fields,
    }
    for file, kinds in about["broken"].items():
        name = file.removesuffix(".tsv.zip")
        good = Counter(raw(folder, name).split(b"\n"))
        lines = raw(tmp_path / "broken", name).split(b"\n")
        broken = list((Counter(lines) - good).elements())
        assert not good - Counter(lines), "the good rows are those of the release without broken ones"
        assert about["rows"][file] == clean["rows"][file] + len(broken)
        assert len(broken) == sum(kinds.values()) == pytest.approx(0.02 * about["rows"][file], abs=1.1)
        width = lines[0].count(b"\t") + 1
        found = Counter()
        for line in broken:
            found.update(kind for kind in kinds if judges[kind](line.decode().split("\t"), width))
        assert found == kinds, file
    assert about["bayes_rates"] == clean["bayes_rates"]
    assert set(about["broken"]["g_patent.tsv.zip"]) == set(judges) - {"text in a number"}


def test_five_year_citations_equal_a_count_from_the_files(release):
    patents = release.patents[release.patents["withdrawn"] == "0"].set_index("patent_id")["date"]
    pairs = release.citations[["patent_id", "citation_patent_id"]].drop_duplicates()
    citing, cited = pairs["patent_id"].map(patents), pairs["citation_patent_id"].map(patents)
    end = cited[cited.notna()] + pd.DateOffset(months=60)
    inside = citing.notna() & cited.notna() & (citing >= cited) & (citing <= end.reindex(citing.index))
    counts = pairs.loc[inside, "citation_patent_id"].value_counts()
    truth = release.truth[release.truth["patent_id"].isin(patents.index)].set_index("patent_id")[
        "five_year_citations"
    ]
    pd.testing.assert_series_equal(
        counts.reindex(truth.index).fillna(0).astype("int32"), truth, check_names=False
    )
    assert truth.max() > 60 and (truth == 0).mean() > 0.2


def test_class_is_that_of_the_first_inventional_row(release):
    rows = release.cpc.assign(sequence=release.cpc["cpc_sequence"].astype(int))
    inventional = rows[rows["cpc_type"] == "inventional"].sort_values("sequence").drop_duplicates("patent_id")
    others = (
        rows[~rows["patent_id"].isin(inventional["patent_id"])]
        .sort_values("sequence")
        .drop_duplicates("patent_id")
    )
    classes = pd.concat([inventional, others]).set_index("patent_id")["cpc_class"]
    truth = release.truth.set_index("patent_id")["cpc_class"]
    pd.testing.assert_series_equal(classes.reindex(truth.index), truth, check_names=False)
    assert 0 < len(others) < 0.02 * len(classes), "few patents have only additional rows"
    first = rows.sort_values("sequence").drop_duplicates("patent_id").set_index("patent_id")
    assert 0.005 < (first["cpc_class"] != classes.reindex(first.index)).mean() < 0.03, (
        "an additional row can stand first"
    )
    assert rows.duplicated(["patent_id", "cpc_sequence"]).any()
    spans = rows.groupby("patent_id")["sequence"].agg(["min", "max", "nunique"])
    assert (spans["min"] == 1).any() and (spans["max"] - spans["min"] + 1 > spans["nunique"]).any(), (
        "sequences have gaps"
    )
    assert rows.groupby("patent_id").size().mean() == pytest.approx(6, abs=1.5)


def test_patents_by_year_type_and_number(release):
    by_year = release.patents["year"].value_counts(normalize=True)
    for year, (patents, *_) in FACTS.items():
        assert by_year[year] == pytest.approx(patents / UTILITY_PATENTS, abs=0.002)
    assert set(release.patents["date"].dt.day_name()) == {"Tuesday"}
    assert release.patents["date"].is_monotonic_increasing
    assert release.patents["patent_id"].is_unique
    types = release.patents["patent_type"].value_counts(normalize=True)
    assert types["utility"] == pytest.approx(0.902, abs=0.005) and types["design"] == pytest.approx(
        0.088, abs=0.005
    )
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
    bare = release.truth["cpc_class"].isna()
    assert (
        bare.mean() == pytest.approx(0.099, abs=0.015)
        and bare[release.patents["patent_type"] == "design"].mean() > 0.9
    )


def test_citations_by_year_are_those_of_the_facts(release):
    measured = release.about["measured"]["by_grant_year"]
    made = release.citations["patent_id"].map(release.patents.set_index("patent_id")["year"]).value_counts()
    patents = release.patents["year"].value_counts()
    for year, (_, backward, lag, _) in FACTS.items():
        assert made[year] / patents[year] == pytest.approx(backward, rel=0.12), year
        assert measured[str(year)]["mean_backward_citations"] == pytest.approx(
            made[year] / patents[year], abs=1e-3
        )
        assert measured[str(year)]["mean_citation_lag_days"] == pytest.approx(lag, rel=0.12), year
    closed = release.truth.assign(year=release.patents["year"])
    for first, expected in (
        (1980, 2.9),
        (1990, 4.1),
        (2000, 5.1),
        (2006, 4.9),
        (2011, 5.6),
        (2015, 6.0),
    ):  # means over five years
        counts = closed.loc[closed["year"].between(first, first + 4), "five_year_citations"]
        assert counts[counts > 0].mean() == pytest.approx(expected, rel=0.2), first
        assert counts[counts > 0].median() in (1, 2, 3)
    late = closed.loc[closed["year"].between(2005, 2015), "five_year_citations"]
    assert late.mean() == pytest.approx(3.7, rel=0.12)
    assert np.quantile(late, 0.9) < 12 and np.quantile(late, 0.99) > 25, "heavy-tailed"


def test_traps_of_the_citation_file_are_there(release):
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
    by_era = rows.groupby(pd.cut(citing.dt.year, [1975, 2001, 2012, 2025]))["citation_category"].agg(
        lambda values: set(values)
    )
    assert by_era.iloc[0] == {""} and by_era.iloc[1] == {"cited by examiner", "cited by other"}
    assert {"cited by examiner", "cited by applicant"} <= by_era.iloc[
        2
    ] and "cited by other" not in by_era.iloc[2]
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


def test_bayes_rules_on_the_truth_reach_what_is_stated(release):
    attainable = release.about["bayes_rates"]
    truth = release.truth.assign(
        year=release.patents["year"], date=release.patents["date"], withdrawn=release.patents["withdrawn"]
    )
    classified = truth[truth["cpc_class"].notna()]
    hits = (classified["text_class"] == classified["cpc_class"]).mean()
    assert hits == pytest.approx(attainable["technology"]["accuracy"], abs=0.006)
    pairs = release.about["planted"]["pairs_told_apart_by_order"]
    larger = dict.fromkeys(classified["text_class"].unique())
    sizes = classified["cpc_class"].value_counts()
    larger = {code: code for code in larger} | {
        code: max(pair, key=lambda each: sizes.get(each, 0)) for pair in pairs for code in pair
    }
    by_words = (classified["text_class"].map(larger) == classified["cpc_class"]).mean()
    assert by_words == pytest.approx(attainable["technology"]["bag_of_words_accuracy"], abs=0.008)
    assert sum(sizes.get(code, 0) for pair in pairs for code in pair) / len(classified) == pytest.approx(
        attainable["technology"]["order_share"], abs=0.012
    )

    closed = classified[
        (classified["withdrawn"] == "0") & (classified["date"] + pd.DateOffset(months=60) <= "2025-09-30")
    ].copy()
    quantiles = closed.groupby(["cpc_class", "year"])["five_year_citations"].quantile([0.9, 0.99]).unstack()
    q90, q99 = quantiles.loc[pd.MultiIndex.from_frame(closed[["cpc_class", "year"]])].to_numpy().T
    count = closed["five_year_citations"].to_numpy()
    closed["level"] = np.select(
        [count == 0, count > q99, count > q90], ["zerocite", "top1", "top10"], "btm90"
    )
    level = attainable["citation_level"]
    assert level["patents"] == len(closed)
    cells = pd.crosstab(closed["level_signal"], closed["level"])
    for signal, row in cells.div(cells.sum(axis=1), axis=0).iterrows():
        assert level["posterior"][signal] == pytest.approx(row.to_dict(), abs=1e-6)
    sizes = closed.groupby(["cpc_class", "year"]).size()
    assert_known(level, closed, sizes.reindex(pd.MultiIndex.from_frame(closed[["text_class", "year"]])))

    whole_class = closed.groupby("cpc_class")["five_year_citations"].quantile([0.9, 0.99]).unstack()
    q90, q99 = whole_class.loc[closed["cpc_class"]].to_numpy().T
    closed["level"] = np.select(
        [count == 0, count > q99, count > q90], ["zerocite", "top1", "top10"], "btm90"
    )
    assert_known(
        level["pool_class"], closed, closed["cpc_class"].value_counts().reindex(closed["text_class"])
    )


def assert_known(told, closed, sizes):
    """What is told is reached by who knows the signal, about how many patents the pool of the text's class has (four sizes an octave),
    and how such patents of other years fared."""
    alike = np.rint(4 * np.log2(sizes.clip(upper=256).to_numpy())), closed["level_signal"]
    alike = pd.Series(list(zip(*alike, strict=True)), closed.index).astype(str)
    of_year = pd.crosstab([closed["year"], alike], closed["level"])[list(LEVELS)]
    others = of_year.groupby(level=1).transform("sum") - of_year
    others = others.where(
        others.sum(axis=1) > 0, of_year.sum() - of_year.groupby(level=0).transform("sum")
    )  # where nobody is alike: as all fared
    mine = others.loc[pd.MultiIndex.from_arrays([closed["year"], alike])].set_axis(closed.index)
    closed = closed.assign(
        top1=closed["level"] == "top1",
        guess=mine.idxmax(axis=1),
        chance=mine["top1"] / mine.sum(axis=1).clip(lower=1),
    )
    for part, figures in ((closed, told), (closed[closed["year"] == 2013], told["by_year"]["2013"])):
        assert figures["accuracy"] == pytest.approx((part["guess"] == part["level"]).mean(), abs=1e-12)
        assert figures["top1_average_precision"] == pytest.approx(
            average_precision_score(part["top1"], part["chance"]), abs=1e-9
        )


@pytest.mark.slow
def test_memory_does_not_grow_with_the_release(tmp_path):
    script = (
        "import pathlib, re, sys; from patent_spark.config import Simulate; from patent_spark.stages.simulate.generator import Maker\n"
        "folder = pathlib.Path(sys.argv[1]); folder.mkdir(); Maker(folder, Simulate(patents=int(sys.argv[2]))).make()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    peaks = []
    for patents in (20_000, 400_000):
        run = subprocess.run(
            [sys.executable, "-c", script, tmp_path / str(patents), str(patents)],
            capture_output=True,
            text=True,
            check=True,
        )
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] < peaks[0] + 80, "MB; the release is twenty times as large"
