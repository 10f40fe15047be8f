"""Counts, classes and levels by hand: each rule with the cases at its edges, worked out without code."""

import datetime

import pytest

from patent_spark import cli
from patent_spark.core.errors import DataError
from tests.support.errors import raises
from tests.support.ingested_tables import arrow_tables, publish_release, run
from tests.support.labels_pandas import read
from tests.support.messages import line_with


def patent(id_, day, withdrawn=False):
    return {"patent_id": id_, "grant_date": datetime.date.fromisoformat(day), "withdrawn": withdrawn}


def cites(citing, cited, category=None):
    return {"patent_id": citing, "citation_patent_id": cited, "citation_category": category}


def cpc(id_, sequence, class_, kind="inventional", subclass=None):
    code = {"cpc_class": class_, "cpc_subclass": subclass}
    return {"patent_id": id_, "cpc_sequence": sequence, "cpc_type": kind} | code


def labelled(root, engine, rows, data_to_date, *sets):
    """Rows of LABELS with total_citations, by patent id."""
    store = publish_release(root, arrow_tables(rows), data_to_date)
    run(store, "label", engine, *sets)
    labels, counts = (read(store.directory(name)).set_index("patent_id") for name in ("LABELS", "COUNTS"))
    return labels.assign(total_citations=counts["total_citations"])


WINDOWS = [  # cited, its grant date, citing grant date, within five years?
    ("10", "2000-05-02", "2000-05-01", False),  # the day before: cited before it was granted
    ("11", "2000-05-02", "2000-05-02", True),  # both on the same day
    ("12", "2000-05-02", "2005-05-01", True),  # the day before the last
    ("13", "2000-05-02", "2005-05-02", True),  # the last day
    ("14", "2000-05-02", "2005-05-03", False),  # the day after
    ("15", "2000-02-29", "2005-02-28", True),  # 29 February + 60 months = 28 February
    ("16", "2000-02-29", "2005-03-01", False),
    ("17", "1999-02-28", "2004-02-28", True),
    ("18", "1999-02-28", "2004-02-29", False),  # not stretched to the month's end
    ("D19", "2000-12-31", "2005-12-31", True),
]


@pytest.mark.engine
def test_the_window_to_the_day(session, engine, tmp_path):
    patents = [patent(cited, granted) for cited, granted, _, _ in WINDOWS] + [
        patent(f"9{i}", day) for i, (_, _, day, _) in enumerate(WINDOWS)
    ]
    citations = [cites(f"9{i}", cited) for i, (cited, _, _, _) in enumerate(WINDOWS)]
    labels = labelled(tmp_path, engine, {"PATENTS": patents, "CITATIONS": citations}, "2010-01-01")
    assert {cited: labels.loc[cited, "forward_citations"] for cited, *_ in WINDOWS} == {
        cited: int(within) for cited, _, _, within in WINDOWS
    }
    assert {labels.loc[cited, "total_citations"] for cited, *_ in WINDOWS} == {1}


@pytest.mark.engine
@pytest.mark.parametrize(
    ("data_to_date", "closed"), [("2005-02-27", False), ("2005-02-28", True), ("2005-03-01", True)]
)
def test_the_window_of_a_29_february_closes_on_the_28th(session, engine, tmp_path, data_to_date, closed):
    labels = labelled(tmp_path, engine, {"PATENTS": [patent("1", "2000-02-29")]}, data_to_date)
    assert labels["window_complete"].to_dict() == {"1": closed}


PATENTS = [
    patent("1", "2000-01-04"),
    patent("2", "2000-01-11"),
    patent("D3", "2000-01-18"),
    patent("04", "2001-01-02"),
    patent("4", "2001-01-02"),
    patent("5", "2001-01-09", withdrawn=True),
    patent("6", "2001-01-16"),
]
CITATIONS = [
    cites("2", "1", "cited by examiner"),
    cites("2", "1", "cited by examiner"),  # twice the same
    cites("2", "1", "cited by applicant"),  # and once more, by someone else
    cites("D3", "1", "cited by applicant"),
    cites("04", "1"),  # blank: not the examiner
    cites("4", "1", "cited by examiner"),  # 4 and 04 are two patents
    cites("5", "1", "cited by examiner"),  # a withdrawn patent cites nobody
    cites("777", "1", "cited by examiner"),  # not in PATENTS
    cites("1", "1", "cited by other"),  # itself
    cites("2", "5", "cited by examiner"),  # withdrawn: not even in LABELS
    cites("2", "778", "cited by examiner"),  # before 1976
    cites("2", "not an id", "cited by examiner"),
    cites("1", "D3", "cited by examiner"),  # before D3 was granted: at any time, not within
    cites("6", "04", "cited by examiner"),
]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("sets", "forward", "total"),
    [
        ([], {"1": 5, "04": 1}, {"1": 5, "04": 1, "D3": 1}),
        (["label.self_citations=false"], {"1": 4, "04": 1}, {"1": 4, "04": 1, "D3": 1}),
        (["label.citing=examiner"], {"1": 2, "04": 1}, {"1": 2, "04": 1, "D3": 1}),
        (["label.citing=not_examiner"], {"1": 4}, {"1": 4}),
        (["label.horizon_months=6"], {"1": 3, "04": 1}, {"1": 5, "04": 1, "D3": 1}),
    ],
)
def test_who_counts(session, engine, tmp_path, sets, forward, total):
    labels = labelled(tmp_path, engine, {"PATENTS": PATENTS, "CITATIONS": CITATIONS}, "2010-01-01", *sets)
    assert set(labels.index) == {"1", "2", "D3", "04", "4", "6"}
    assert labels["forward_citations"].loc[lambda n: n > 0].to_dict() == forward
    assert labels["total_citations"].loc[lambda n: n > 0].to_dict() == total


@pytest.mark.engine
def test_the_class_listed_first(session, engine, tmp_path):
    rows = [
        cpc("1", 0, "H04"),
        cpc("2", 7, "G06"),
        cpc("2", 3, "H01"),
        cpc("2", 10, "A01"),  # gaps; 10 comes after 3
        cpc("3", 0, "A61", "additional"),
        cpc("3", 5, "C07"),  # inventional wins over an earlier additional
        cpc("4", 2, "B60", "additional"),
        cpc("4", 1, "Y02", "additional"),  # only additional ones
        cpc("5", 0, "H05"),
        cpc("5", 0, "C12"),
        cpc("5", 0, "H05"),  # one sequence thrice: alphabetical
        cpc("777", 0, "H04"),  # not in PATENTS
        cpc("7", 0, None),
        cpc("7", 1, "G01"),  # a row without a class says nothing
        cpc("8", 0, None),
        cpc("9", 0, "A23", None),
        cpc("9", 1, "D06"),  # no type: not inventional
    ]
    labels = labelled(
        tmp_path,
        engine,
        {"PATENTS": [patent(str(i), "2000-01-04") for i in range(1, 10)], "CPC": rows},
        "2010-01-01",
    )
    assert labels["cpc_class"].where(labels["cpc_class"].notna(), None).to_dict() == {
        "1": "H04",
        "2": "H01",
        "3": "C07",
        "4": "Y02",
        "5": "C12",
        "6": None,
        "7": "G01",
        "8": None,
        "9": "D06",
    }


SUBCLASSES = [
    cpc("1", 0, "A61", "additional", "A61K"),
    cpc("1", 3, "H04", subclass="H04W"),
    cpc("1", 2, "H04", subclass="H04L"),
    cpc("2", 0, "H04", subclass=None),  # one sequence twice: a code without a subclass comes last
    cpc("2", 0, "H04", subclass="H04Q"),
    cpc("3", 0, "G06", subclass=None),
    cpc("3", 1, "G06", subclass="G06F"),  # listed later: not the first code
    cpc("4", 0, "G06", subclass="H04L"),  # of another class
    cpc("5", 0, "G06", subclass="G06"),  # too short
    cpc("6", 0, "G06", subclass="G061"),  # not a letter
]


@pytest.mark.engine
@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("section", ["H", "H", "G", "G", "G", "G", None]),
        ("class", ["H04", "H04", "G06", "G06", "G06", "G06", None]),
        ("subclass", ["H04L", "H04Q", None, None, None, None, None]),
    ],
)
def test_the_label_of_technology_by_level(session, engine, tmp_path, capsys, level, expected):
    rows = {"PATENTS": [patent(str(i), "2000-01-04") for i in range(1, 8)], "CPC": SUBCLASSES}
    store = publish_release(tmp_path, arrow_tables(rows), "2010-01-01")
    metadata = run(store, "label", engine, f"technology.level={level}").metadata
    labels = read(store.directory("LABELS")).set_index("patent_id").sort_index()
    assert labels["technology_label"].where(labels["technology_label"].notna(), None).tolist() == expected
    assert labels["cpc_class"].tolist()[:6] == ["H04", "H04", "G06", "G06", "G06", "G06"]
    assert labels["citation_level"].notna().sum() == 6  # whatever the level
    without = 4 if level == "subclass" else 0
    assert (metadata["classified"], metadata["class_without_subclass"]) == (6, without)
    said = capsys.readouterr().err
    assert ("4 of 6 patents" in said and "cpc_subclass" in said) == bool(without)


@pytest.mark.engine
def test_a_release_without_any_subclass_is_refused(session, engine, tmp_path):
    rows = {"PATENTS": [patent("3", "2000-01-04")], "CPC": SUBCLASSES[5:6]}
    store = publish_release(tmp_path, arrow_tables(rows), "2010-01-01")
    with raises(DataError, setting="technology.level", table="CPC", patents=1):
        run(store, "label", engine, "technology.level=subclass")


def reference_set_of(class_, counts, first_id, day="2000-01-04"):
    """Patents of a class with these numbers of citations, all cited by the same few patents of no class."""
    ids = [str(first_id + i) for i in range(len(counts))]
    return {
        "PATENTS": [patent(id_, day) for id_ in ids],
        "CPC": [cpc(id_, 0, class_) for id_ in ids],
        "CITATIONS": [
            cites(str(9000 + k), id_) for id_, n in zip(ids, counts, strict=True) for k in range(n)
        ],
    }


def together(*sets):
    citing = {"PATENTS": [patent(str(9000 + k), "2001-01-02") for k in range(120)]}
    return {
        name: [row for each in (*sets, citing) for row in each.get(name, [])]
        for name in ("PATENTS", "CPC", "CITATIONS")
    }


@pytest.mark.engine
def test_levels_at_the_quantiles(session, engine, tmp_path, capsys):
    rows = together(
        reference_set_of(
            "A01", range(101), 1000
        ),  # q90 = 90 and q99 = 99, exactly: a count equal to a quantile is below it
        reference_set_of("A21", [1] * 9 + [2, 3], 2000),  # 11 patents: q90 = 2, q99 = 2 + 0.9
        reference_set_of("A22", [5], 3000),  # a class of one equals its quantiles
        reference_set_of("A23", [0, 0, 0], 4000),
        reference_set_of("A24", [0, 0, 0, 7], 5000),  # q90 = 0.7 * 7
        reference_set_of("A41", [3] * 30, 6000),  # all tied
    )
    labels = labelled(tmp_path, engine, rows, "2010-01-01")
    line_with(capsys.readouterr().err, "5 of 6 reference sets", "100 patents", "label.reference_set")
    by_class = {
        name: group.sort_values("forward_citations")
        for name, group in labels.dropna(subset="cpc_class").groupby("cpc_class")
    }
    levels = {name: group["citation_level"].tolist() for name, group in by_class.items()}
    assert levels["A01"] == ["zerocite"] + ["btm90"] * 90 + ["top10"] * 9 + ["top1"]
    assert levels["A21"] == ["btm90"] * 10 + ["top1"]
    assert levels["A22"] == ["btm90"]
    assert levels["A23"] == ["zerocite"] * 3
    assert levels["A24"] == ["zerocite"] * 3 + ["top1"]
    assert levels["A41"] == ["btm90"] * 30
    quantiles = {name: (group["q90"].iloc[0], group["q99"].iloc[0]) for name, group in by_class.items()}
    assert (
        quantiles["A01"] == (90, 99)
        and quantiles["A22"] == (5, 5)
        and quantiles["A23"] == (0, 0)
        and quantiles["A41"] == (3, 3)
    )
    assert quantiles["A21"] == pytest.approx((2, 2.9)) and quantiles["A24"] == pytest.approx((4.9, 6.79))


@pytest.mark.engine
def test_open_windows_pools_and_populations(session, engine, tmp_path):
    rows = together(
        reference_set_of("A01", [1, 0], 1000, "2004-12-31"),  # closes on the release's last day
        reference_set_of("A01", [8], 2000, "2005-01-01"),  # a day too late
        reference_set_of("A21", [0, 0], 3000, "2000-01-04"),  # nobody cites this class
    )
    rows["PATENTS"] += [patent("7000", "2005-06-07")]
    rows["CITATIONS"] = [
        row | {"patent_id": "7000"} if row["citation_patent_id"] != "2000" else row
        for row in rows["CITATIONS"]
    ]

    def levels(name, *sets):
        labels = labelled(tmp_path / name, engine, rows, "2009-12-31", *sets).loc[
            ["1000", "1001", "2000", "3000"]
        ]
        return labels["citation_level"].tolist(), labels["q90"].tolist()

    none = pytest.approx(float("nan"), nan_ok=True)
    assert levels("default") == (
        ["top1", "zerocite", None, "zerocite"],
        [pytest.approx(0.9), pytest.approx(0.9), none, 0],
    )
    assert levels("class", "label.reference_set=class") == (
        ["top1", "zerocite", None, "zerocite"],
        [pytest.approx(0.9)] * 3 + [0],
    )
    cited = levels("cited", "label.reference_set=class", "label.population=cited")
    assert cited == (["btm90", "zerocite", None, "zerocite"], [1, 1, 1, none])
    before = levels("before", "label.reference_set=class", "label.percentiles_before_censoring=true")
    # 2000 has no citation within its window: its citing patents were granted before it.
    assert before == (["top1", "zerocite", None, "zerocite"], [pytest.approx(0.8)] * 3 + [0])


@pytest.mark.engine
def test_a_release_that_ends_before_every_window_has_no_level(session, engine, tmp_path, capsys):
    labels = labelled(tmp_path, engine, reference_set_of("A01", [0, 0], 1000, "2008-01-01"), "2009-12-31")
    assert labels["citation_level"].isna().all() and not labels["window_complete"].any()
    line_with(capsys.readouterr().err, "citation level", "2 citation windows", "0 patents", "no class")
    sets = [
        "--set",
        f"warehouse.root={tmp_path}",
        "--set",
        f"engine.name={engine.name}",
        "--set",
        "tasks=citation_level",
    ]
    assert cli.main(["split", *sets]) == cli.BAD_DATA
    line_with(capsys.readouterr().err, "patent-spark: citation_level", "split.train_until")


@pytest.mark.engine
def test_tables_without_a_row_make_labels_without_a_row(session, engine, tmp_path):
    assert labelled(tmp_path, engine, {}, "2009-12-31").empty


@pytest.mark.engine
def test_grant_dates_far_away(session, engine, tmp_path):
    patents = [patent("1", "1074-03-01"), patent("2", "9178-12-11"), patent("3", "1074-03-02")]
    labels = labelled(
        tmp_path, engine, {"PATENTS": patents, "CITATIONS": [cites("2", "1"), cites("3", "1")]}, "2009-12-31"
    )
    assert labels["window_complete"].to_dict() == {"1": True, "2": False, "3": True}
    assert labels.loc["1", ["forward_citations", "total_citations"]].tolist() == [1, 2]
