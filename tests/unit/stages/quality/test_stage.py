"""The stage on releases whose every number was counted by hand, and what a person reads of them."""

import datetime
import json
import re

import pytest

from patent_spark import cli
from patent_spark.core.metadata import QualityMetadata
from patent_spark.stages.quality.aggregates import busiest_day, longest_texts
from patent_spark.stages.quality.comparison_schema import ReleaseComparison
from patent_spark.stages.quality.summary import OUTCOMES, missing_ranges
from patent_spark.stages.quality.warnings import comparison_warnings, level_warnings
from tests.support.factories import publish
from tests.support.html_page import Page
from tests.support.ingested_tables import arrow_tables, run
from tests.support.quality_warehouse import (
    ABSTRACTS,
    CITATIONS,
    CPC,
    FACTS,
    PATENTS,
    RELATED_DOCUMENTS,
    RELEASE,
    cpc,
    labelled,
    patent,
)


def quality(store, engine, *sets):
    """quality.json after a run of the stage; --force is not needed, its inputs are new."""
    run(store, "quality", engine, *sets)
    return json.loads((store.directory("QUALITY") / "quality.json").read_text())


@pytest.fixture(scope="module")
def described(session, engine, tmp_path_factory):
    store = labelled(tmp_path_factory.mktemp("quality"), engine)
    return store, quality(store, engine)


def facts(warnings):
    """The facts of warnings by code; of several with the same code, a list."""
    by_code = {}
    for warning in warnings:
        by_code.setdefault(warning["code"], []).append(warning["facts"])
    return {code: each[0] if len(each) == 1 else each for code, each in by_code.items()}


def steps(report, table):
    return [(step["dropped"], step["left"]) for step in report[f"{table}_steps"]]


@pytest.mark.engine
def test_what_each_rule_drops(described):
    _, report = described
    # rows, rejected, withdrawn, open window (5 and 6), without class (the design), without reference set
    assert steps(report, "patent") == [(0, 9), (2, 7), (1, 6), (2, 4), (1, 3), (0, 3)]
    assert {step["name"]: step["dropped"] for step in report["citation_steps"]} == {
        "rows in the file": 0,
        "rejected": 1,
        "cited id has no patent's form": 1,
        "cited patent not in PATENTS: before 1976": 1,
        "cited patent not in PATENTS: number with letters": 1,
        "cited patent not in PATENTS: of 1976 or later": 4,
        "citing patent not in PATENTS": 1,
        "citing patent withdrawn": 2,
        "cited patent withdrawn": 1,
        "left out by label.citing or label.self_citations": 0,
        "citing patent granted before the cited one": 1,
        "citing patent granted after the horizon": 2,
        "pair stands in an earlier row": 1,
    }
    assert report["citation_steps"][-1]["left"] == 2


@pytest.mark.engine
def test_known_issues_with_their_numbers(described):
    _, report = described
    issues = {issue["number"]: issue["observed"] for issue in report["known_issues"]}
    assert list(issues) == list(range(1, 13))
    assert list(issues[1].values()) == [1]
    assert list(issues[2].values()) == [3, 0.5]  # 4000005, 4000006 and 4003000 of six
    assert list(issues[3].values()) == [2]  # one within the horizon, one after
    assert list(issues[4].values()) == [7, pytest.approx(7 / 17), 1, 4, 1, 1]
    assert list(issues[5].values()) == [2, 1, 1]
    assert list(issues[6].values()) == [2, pytest.approx(1 / 3), {"utility": 1, "design": 1}]
    assert issues[7] == {"release": "first"}
    assert issues[8] == {
        "to 2001": {"blank": 1.0},
        "2002 to 2012": {
            name: pytest.approx(n / 13)
            for name, n in (("blank", 8), ("examiner", 3), ("applicant", 1), ("other", 1))
        },
    }
    assert list(issues[9].values()) == [1, 2, 2]
    assert issues[10] == {"unknown date": 1, "rows of CPC": 7}
    assert list(issues[11].values()) == ["2010-12-31", "release.json", "2008-01-01", 2, pytest.approx(1 / 3)]
    assert list(issues[12].values()) == [2, 2, "A01"]


@pytest.mark.engine
def test_mixes_and_spreads(described):
    _, report = described

    def mix(outcomes):
        return {name: n for name, n in outcomes.items() if n}

    assert mix(report["outcomes"]) == {"btm90": 1, "zerocite": 2, "open window": 2, "without class": 1}
    assert {name: mix(outcomes) for name, outcomes in report["classes"].items()} == {
        "A01": {"btm90": 1, "zerocite": 1},
        "H04": {"zerocite": 1, "open window": 1},
    }
    assert {year: mix(outcomes) for year, outcomes in report["years"].items()} == {
        "2000": {"btm90": 1},
        "2001": {"without class": 1},
        "2003": {"zerocite": 1},
        "2005": {"zerocite": 1},
        "2007": {"open window": 1},
        "2008": {"open window": 1},
    }
    assert report["categories"]["2005"] == {"blank": 1, "examiner": 2}
    counts = {
        "patents": 4,
        "not_cited": 0.5,
        "mean": 0.5,
        "median": 0,
        "q90": 1,
        "q99": 1,
        "largest": 1,
        "counts": {"0": 2, "1": 2},
    }
    assert report["forward_citations"] == {"2000s": counts}
    assert report["tables"]["ABSTRACTS"] == {"rows": 1, "rows_in": 2, "rejected": 0, "lost": 0}
    assert report["tables"]["RELATED_DOCUMENTS"] == {"rows": 5, "rows_in": 6, "rejected": 1, "lost": 0}
    assert report["related"] == {"from": "g_us_rel_doc.tsv.zip", "patents": 2}
    kinds = [(kind["table"], kind["reason"], kind["rows"], kind["row"]) for kind in report["rejects"]]
    assert kinds == [
        ("CITATIONS", "empty patent_id", 1, 3),
        ("PATENTS", "empty patent_id", 1, 7),
        ("PATENTS", "unknown date", 1, 5),
    ]


@pytest.mark.engine
def test_what_is_odd_is_said(described):
    store, report = described
    assert report["missing_ranges"] == [{"first": 4001000, "last": 4002999, "citations": 3}]
    assert facts(report["warnings"]) == {
        "newest_grant_too_old": {"newest_grant": "2008-01-01", "data_to_date": "2010-12-31"},
        "many_absent": {"share": pytest.approx(4 / 14), "absent": 4, "citations": 14},
        "missing_ranges": {"ranges": 1, "examples": "4,001,000 to 4,002,999 (3 citations)"},
    }
    messages = [warning["message"] for warning in report["warnings"]]
    assert list(store.metadata(QualityMetadata).warnings) == messages
    assert "28.6 %" in messages[1] and "4 of 14" in messages[1] and "release.data_to_date" in messages[0]


def test_a_mix_of_levels_that_cannot_be_right():
    def warnings(**patents):
        return {w.code: w.facts for w in level_warnings(dict.fromkeys(OUTCOMES, 0) | patents)}

    assert warnings(top1=20, top10=90, btm90=290, zerocite=600) == {}
    assert warnings(top1=50, btm90=1) == {}, "too few patents"
    assert warnings(top1=30, top10=70, btm90=200, zerocite=700) == {
        "many_zerocite": {"share": 0.7, "labelled": 1000},
        "many_top1": {"share": 0.03, "labelled": 1000},
    }
    (message,) = (w.message for w in level_warnings(dict.fromkeys(OUTCOMES, 0) | {"btm90": 900, "top1": 100}))
    assert "10.0 %" in message and "1,000" in message and "label.reference_set" in message


@pytest.mark.engine
def test_the_page_shows_it(described):
    store, report = described
    html = (store.directory("QUALITY") / "report.html").read_text()
    page = Page(html)
    assert not page.fetched
    assert len(page.pictures) == 5 and all(
        image.startswith("data:image/png;base64,") for image in page.pictures
    )
    assert len(list((store.directory("QUALITY") / "figures").glob("*.png"))) == 5
    for words in [
        *(warning["message"] for warning in report["warnings"]),
        *(issue["title"] for issue in report["known_issues"]),
        "4,001,000",
        "pair stands in an earlier row",
        "2 patents, 33.3 % of those not withdrawn",
        '"1" "<b>"',
        "first",
    ]:
        assert words in page.text, words
    assert "<b>&#34;" not in html and "&lt;b&gt;" in html


def test_how_the_files_were_read_is_on_the_page(session, engine, tmp_path):
    """Ids by how they were written, joins, and lost rows, which are dropped by a step of their own."""
    join = {"rows": 200, "unmatched": 3, "examples": ["77x"], "expected_share": 0.9}
    read = {
        "rows_in": FACTS["rows_in"] | {"CITATIONS": 21},
        "lost": {"CITATIONS": 3},
        "respelled": {"CITATIONS": {"leading zeros": 5, "trailing .0": 2}},
        "joins": {"CPC": join},
    }
    store = labelled(tmp_path, engine, None, "first", read)
    report = quality(store, engine)
    steps_of = {step["name"]: step["dropped"] for step in report["citation_steps"]}
    assert (steps_of["rejected"], steps_of["lost within a rejected row"]) == (1, 3)
    assert report["citation_steps"][-1]["left"] == 2
    page = Page((store.directory("QUALITY") / "report.html").read_text())
    assert ["CITATIONS", "21", "1", "3", "0", "17"] in page.table("table", "rows in the file")
    assert page.table("table", "written with")[1:] == [
        ["CITATIONS", "leading zeros", "5"],
        ["CITATIONS", "trailing .0", "2"],
    ]
    assert page.table("table", "rows looked at")[1] == ["CPC", "200", "3", "1.5 %", "77x"]


def test_the_settings_that_the_labels_were_made_with_count(session, engine, tmp_path):
    store = labelled(
        tmp_path, engine, None, "first", None, "label.citing=not_examiner", "label.self_citations=false"
    )
    report = quality(store, engine)  # the configuration of this run has other settings
    # Two of the examiner's and one self-citation are left out; then one before, two after, none within.
    assert steps(report, "citation")[-4:] == [(3, 3), (1, 2), (2, 0), (0, 0)]


SECOND = {
    "ABSTRACTS": ABSTRACTS,
    "RELATED_DOCUMENTS": RELATED_DOCUMENTS,
    "PATENTS": [*PATENTS[:-1], patent("4000007", "2010-02-02")],
    "CITATIONS": CITATIONS[2:12],  # 4000001 is no longer cited within five years
    "CPC": [*CPC[:3], cpc("4000002", 0, "B02"), cpc("4000005", 0, "G06"), *CPC[:2]],
}


@pytest.mark.engine
def test_the_release_before(session, engine, tmp_path):
    store = labelled(tmp_path, engine)
    assert quality(store, engine)["compared"] is None
    labelled(tmp_path, engine, SECOND, "second")
    report = quality(store, engine)
    compared = report["compared"]
    assert compared["release_id"] == "first"
    assert compared["rows"] == {
        "PATENTS": [7, 7],
        "ABSTRACTS": [1, 1],
        "CITATIONS": [17, 10],
        "CPC": [7, 7],
        "RELATED_DOCUMENTS": [5, 5],
    }
    assert compared["classes"] == {"A01": [2, 1], "B02": [0, 1], "G06": [0, 1], "H04": [2, 0]}
    assert (compared["new_classes"], compared["missing_classes"]) == (["B02", "G06"], ["H04"])
    assert compared["patents"] == {
        "both": 5,
        "added": 1,
        "missing": 1,
        "class_changed": 2,
        "level_changed": 1,
    }
    assert report["known_issues"][6]["observed"] == {
        "release": "second",
        "patents that first has in another class": 2,
    }
    assert compared["levels"]["zerocite"] == [pytest.approx(2 / 3), 1]
    since = [warning for warning in report["warnings"] if warning["facts"].get("previous") == "first"]
    assert facts(since) == {
        "fewer_rows": {
            "table": "CITATIONS", "rows": 10, "rows_before": 17, "share": pytest.approx(7 / 17),
            "previous": "first",
        },
        "level_share_changed": [
            {"level": "btm90", "share": 0, "share_before": pytest.approx(1 / 3), "previous": "first"},
            {"level": "zerocite", "share": 1, "share_before": pytest.approx(2 / 3), "previous": "first"},
        ],
        "many_reclassified": {"class_changed": 2, "both": 5, "previous": "first"},
        "missing_classes": {"classes": "H04", "previous": "first"},
    }  # fmt: skip
    assert "Since first" in (store.directory("QUALITY") / "report.html").read_text()


def test_levels_of_other_rules_are_not_compared(session, engine, tmp_path):
    store = labelled(tmp_path, engine)
    quality(store, engine)
    labelled(tmp_path, engine, SECOND, "second")
    run(
        store,
        "label",
        engine,
        "warehouse.keep_versions=3",
        "label.reference_set=class",
        "label.horizon_months=24",
    )
    report = quality(store, engine)
    assert report["compared"]["rules"] == {
        "label.horizon_months": [60, 24],
        "label.reference_set": ["class_year", "class"],
    }
    assert report["compared"]["levels"] == {} and report["compared"]["patents"]["level_changed"] is None
    levels = {code: each for code, each in facts(report["warnings"]).items() if "other_rules" in code}
    rules = "label.horizon_months was 60, is 24, label.reference_set was class_year, is class"
    assert levels == {"other_rules": {"previous": "first", "changes": rules}}
    assert "level_share_changed" not in facts(report["warnings"])
    assert "with another level" not in (store.directory("QUALITY") / "report.html").read_text()


def test_redoing_the_stage_does_not_forget_the_release_before(session, engine, tmp_path):
    store = labelled(tmp_path, engine)
    quality(store, engine)
    labelled(tmp_path, engine, SECOND, "second")
    for _ in range(3):  # more often than versions are kept
        run(store, "label", engine, "label.reference_set=class")
        run(store, "label", engine)
        compared = quality(store, engine)["compared"]
    assert compared["release_id"] == "first"
    assert compared["patents"] is None  # the LABELS of then are no longer kept


@pytest.mark.engine
def test_tables_with_zero_rows(session, engine, tmp_path):
    report = quality(labelled(tmp_path / "all", engine, {}), engine)
    tables = ["PATENTS", "ABSTRACTS", "CITATIONS", "CPC", "RELATED_DOCUMENTS"]
    assert [w["facts"]["table"] for w in report["warnings"]] == tables
    assert {w["code"] for w in report["warnings"]} == {"empty_table"}
    one = {name: rows for name, rows in RELEASE.items() if name not in ("CPC", "RELATED_DOCUMENTS")}
    store = labelled(tmp_path / "one", engine, one, "one", {"related_documents_from": None})
    report = quality(store, engine)
    assert report["warnings"][0]["facts"]["table"] == "CPC" and "RELATED_DOCUMENTS" not in report["tables"]
    assert report["related"] == {"from": None, "patents": 0}
    assert "g_us_rel_doc" in (store.directory("QUALITY") / "report.html").read_text()


@pytest.mark.engine
def test_a_release_that_ends_before_every_window(session, engine, tmp_path, capsys):
    store = labelled(
        tmp_path, engine, {"PATENTS": PATENTS, "CPC": CPC}, "early", {"data_to_date": "2004-01-01"}
    )
    capsys.readouterr()
    sets = ["--set", f"warehouse.root={tmp_path}", "--set", f"engine.name={engine.name}"]
    assert cli.main(["quality", *sets]) == cli.DONE
    message = capsys.readouterr().err
    assert all(fact in message for fact in ("2004-01-01", "none of 6", "label.horizon_months"))
    cli.main(["where", "QUALITY", *sets])
    assert capsys.readouterr().out.strip() == str(store.directory("QUALITY"))


def test_labels_of_another_ingest_are_refused(session, engine, tmp_path, capsys):
    store = labelled(tmp_path, engine)
    publish(store, "ingest", arrow_tables(RELEASE), metadata=FACTS)
    assert (
        cli.main(["quality", "--set", f"warehouse.root={tmp_path}", "--set", f"engine.name={engine.name}"])
        == cli.BAD_DATA
    )
    message = capsys.readouterr().err
    assert re.search("label .*version", message) and "`patent-spark label`" in message


def test_neighbouring_blocks_are_one_range_unless_patents_lie_between():
    def blocks(**rows):
        return [{"block": int(name[1:]), "rows": n} for name, n in rows.items()]

    ranges = missing_ranges(
        blocks(_4000=9, _4005=1), blocks(_3930=1, _3950=2, _4000=7, _4004=3, _4002=5, _4006=8)
    )
    assert [(each.first, each.last, each.citations) for each in ranges] == [
        (3930271, 3950999, 3),
        (4002000, 4004999, 8),
    ]
    assert missing_ranges([], blocks(_4000=1)) == ()


def compared(date_before="2025-09-30", date="2025-09-30", **values):
    """A comparison with release r1 that differs in little."""
    little = {"rows": {"CPC": (100, 90)}, "levels": {"top1": (0.01, 0.06)}}
    rest = {"rules": {}, "classes": {}, "new_classes": (), "missing_classes": (), "patents": None}
    values = {"data_to_date_before": date_before, "data_to_date": date, **little, **rest, **values}
    return comparison_warnings(ReleaseComparison(release_id="r1", **values))


def test_an_older_release_is_distinguished_from_a_newer_one():
    assert compared() == []
    (warning,) = compared(date="2024-12-31")
    assert warning.code == "older_release"
    dates = {"data_to_date": "2024-12-31", "data_to_date_before": "2025-09-30"}
    assert warning.facts == {"previous": "r1", **dates}
    (warning,) = compared(date_before="2024-12-31", rows={"CPC": (1000, 250)})
    rows = {"table": "CPC", "rows": 250, "rows_before": 1000, "share": 0.75}
    assert warning.code == "fewer_rows" and warning.facts == {"previous": "r1", **rows}
    assert "75.0 %" in warning.message


@pytest.mark.engine
def test_longest_texts_and_the_busiest_day(session):
    texts = session.createDataFrame([("abc",), ("xyz",), ("a",), (None,)], "abstract string")
    assert longest_texts(texts, "abstract").toArrow().to_pylist() == [
        {"column": "abstract", "characters": 3, "texts": 2}
    ]
    assert longest_texts(texts.where("abstract is null"), "abstract").toArrow().num_rows == 0
    days = [datetime.date(1990, 1, day) for day in (2, 9, 9, 16, 16)]
    patents = session.createDataFrame([(day,) for day in days], "grant_date date")
    assert busiest_day(patents).toArrow().to_pylist() == [{"day": days[1], "patents": 2}]
