"""The stage on releases whose every number was counted by hand, and what a person reads of them."""

import json

import pytest

from patent_spark import cli
from patent_spark.core.metadata import QualityMetadata
from patent_spark.stages.quality.summary import FATES, missing_ranges
from patent_spark.stages.quality.warnings import doubts_about, doubts_since
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
def judged(session, engine, tmp_path_factory):
    store = labelled(tmp_path_factory.mktemp("quality"), engine)
    return store, quality(store, engine)


def steps(found, table):
    return [(step["dropped"], step["left"]) for step in found[f"{table}_steps"]]


@pytest.mark.engine
def test_what_each_rule_drops(judged):
    _, found = judged
    # rows, rejected, withdrawn, open window (5 and 6), without class (the design), without pool
    assert steps(found, "patent") == [(0, 9), (2, 7), (1, 6), (2, 4), (1, 3), (0, 3)]
    assert {step["name"]: step["dropped"] for step in found["citation_steps"]} == {
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
    assert found["citation_steps"][-1]["left"] == 2


@pytest.mark.engine
def test_every_trap_with_its_number(judged):
    _, found = judged
    traps = {trap["number"]: trap["found"] for trap in found["traps"]}
    assert list(traps) == list(range(1, 13))
    assert list(traps[1].values()) == [1]
    assert list(traps[2].values()) == [3, 0.5]  # 4000005, 4000006 and 4003000 of six
    assert list(traps[3].values()) == [2]  # one within the horizon, one after
    assert list(traps[4].values()) == [7, pytest.approx(7 / 17), 1, 4, 1, 1]
    assert list(traps[5].values()) == [2, 1, 1]
    assert list(traps[6].values()) == [2, pytest.approx(1 / 3), {"utility": 1, "design": 1}]
    assert traps[7] == {"release": "first"}
    assert traps[8] == {
        "to 2001": {"blank": 1.0},
        "2002 to 2012": {
            name: pytest.approx(n / 13)
            for name, n in (("blank", 8), ("examiner", 3), ("applicant", 1), ("other", 1))
        },
    }
    assert list(traps[9].values()) == [1, 2, 2]
    assert traps[10] == {"unknown date": 1, "rows of CPC": 7}
    assert list(traps[11].values()) == ["2010-12-31", "release.json", "2008-01-01", 2, pytest.approx(1 / 3)]
    assert list(traps[12].values()) == [2, 2, "A01"]


@pytest.mark.engine
def test_mixes_and_spreads(judged):
    _, found = judged

    def mix(fates):
        return {name: n for name, n in fates.items() if n}

    assert mix(found["fates"]) == {"btm90": 1, "zerocite": 2, "open window": 2, "without class": 1}
    assert {name: mix(fates) for name, fates in found["classes"].items()} == {
        "A01": {"btm90": 1, "zerocite": 1},
        "H04": {"zerocite": 1, "open window": 1},
    }
    assert {year: mix(fates) for year, fates in found["years"].items()} == {
        "2000": {"btm90": 1},
        "2001": {"without class": 1},
        "2003": {"zerocite": 1},
        "2005": {"zerocite": 1},
        "2007": {"open window": 1},
        "2008": {"open window": 1},
    }
    assert found["categories"]["2005"] == {"blank": 1, "examiner": 2}
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
    assert found["forward_citations"] == {"2000s": counts}
    assert found["tables"]["ABSTRACTS"] == {"rows": 1, "rows_in": 2, "rejected": 0}
    assert found["tables"]["RELATED_DOCUMENTS"] == {"rows": 5, "rows_in": 6, "rejected": 1}
    assert found["related"] == {"from": "g_us_rel_doc.tsv.zip", "patents": 2}
    kinds = [(kind["table"], kind["reason"], kind["rows"], kind["row"]) for kind in found["rejects"]]
    assert kinds == [
        ("CITATIONS", "empty patent_id", 1, 3),
        ("PATENTS", "empty patent_id", 1, 7),
        ("PATENTS", "unknown date", 1, 5),
    ]


@pytest.mark.engine
def test_what_is_odd_is_said(judged):
    store, found = judged
    assert found["missing_ranges"] == [{"first": 4001000, "last": 4002999, "citations": 3}]
    assert found["warnings"] == [
        "The newest patent is of 2008-01-01, yet data_to_date is 2010-12-31: windows count as closed whose last citations are not in the release; "
        "set release.data_to_date or look for missing patents.",
        "28.6 % of the citations of patents of 1976 and later (4 of 14) are of patents that PATENTS lacks; "
        "what these patents cite is lost too, so that counts are too low.",
        "PATENTS lacks the cited numbers 4,001,000 to 4,002,999 (3 citations): is a part of the patent file missing?",
    ]
    assert list(store.metadata(QualityMetadata).warnings) == found["warnings"]


def test_a_mix_of_levels_that_cannot_be_right_is_said():
    fates = dict.fromkeys(FATES, 0)
    empty = {table: {"rows": 0} for table in ("PATENTS", "CPC")}

    def doubts(**patents):
        found = {
            "tables": empty,
            "fates": fates | patents,
            "citations_of_1976_and_later": {"all": 0, "absent": 0},
            "missing_ranges": [],
        }
        return [line for line in doubts_about(found) if "with a level" in line]

    assert doubts(top1=20, top10=90, btm90=290, zerocite=600) == []
    assert doubts(top1=50, btm90=1) == []  # too few to tell
    assert doubts(top1=30, top10=70, btm90=200, zerocite=700) == [
        "70.0 % of the 1,000 patents with a level are zerocite: the release holds few of their citations.",
        "3.0 % of the 1,000 patents with a level are top1, and 1 % is meant: "
        "most pools hold so few patents that whoever leads is above the 99th percentile; see label.reference_set.",
    ]


@pytest.mark.engine
def test_the_page_shows_it(judged):
    store, found = judged
    html = (store.directory("QUALITY") / "report.html").read_text()
    page = Page(html)
    assert not page.fetched
    assert len(page.pictures) == 5 and all(
        image.startswith("data:image/png;base64,") for image in page.pictures
    )
    assert len(list((store.directory("QUALITY") / "figures").glob("*.png"))) == 5
    for words in [
        *found["warnings"],
        *(trap["title"] for trap in found["traps"]),
        "4,001,000",
        "pair stands in an earlier row",
        "2 patents, 33.3 % of those not withdrawn",
        '"1" "<b>"',
        "first",
    ]:
        assert words in page.text, words
    assert "<b>&#34;" not in html and "&lt;b&gt;" in html


@pytest.mark.engine
def test_the_settings_that_the_labels_were_made_with_count(session, engine, tmp_path):
    store = labelled(
        tmp_path, engine, None, "first", None, "label.citing=not_examiner", "label.self_citations=false"
    )
    found = quality(store, engine)  # the configuration of this run has other settings
    # Two of the examiner's and one self-citation are left out; then one before, two after, none within.
    assert steps(found, "citation")[-4:] == [(3, 3), (1, 2), (2, 0), (0, 0)]


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
    found = quality(store, engine)
    compared = found["compared"]
    assert compared["release_id"] == "first"
    assert compared["rows"] == {
        "PATENTS": [7, 7],
        "ABSTRACTS": [1, 1],
        "CITATIONS": [17, 10],
        "CPC": [7, 7],
        "RELATED_DOCUMENTS": [5, 5],
    }
    assert compared["classes"] == {"A01": [2, 1], "B02": [0, 1], "G06": [0, 1], "H04": [2, 0]}
    assert (compared["new_classes"], compared["vanished_classes"]) == (["B02", "G06"], ["H04"])
    assert compared["patents"] == {
        "both": 5,
        "appeared": 1,
        "vanished": 1,
        "class_changed": 2,
        "level_changed": 1,
    }
    assert found["traps"][6]["found"] == {"release": "second", "patents that first has in another class": 2}
    assert compared["levels"]["zerocite"] == [pytest.approx(2 / 3), 1]
    assert [line for line in found["warnings"] if "first" in line] == [
        "CITATIONS has 10 rows, 41.2 % fewer than the 17 of first; releases only grow.",
        "0.0 % of the labelled patents are btm90; they were 33.3 % in first.",
        "100.0 % of the labelled patents are zerocite; they were 66.7 % in first.",
        "2 of the 5 patents that first has too are in another class; expect few.",
        "Classes of first that are gone: H04.",
    ]
    assert "Since first" in (store.directory("QUALITY") / "report.html").read_text()


@pytest.mark.engine
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
    found = quality(store, engine)
    assert found["compared"]["rules"] == {
        "label.horizon_months": [60, 24],
        "label.reference_set": ["class_year", "class"],
    }
    assert found["compared"]["levels"] == {} and "level_changed" not in found["compared"]["patents"]
    lines = [line for line in found["warnings"] if "evel" in line and "first" in line]
    rules = "label.horizon_months was 60, is 24, label.reference_set was class_year, is class"
    assert lines == [f"Levels are not compared with those of first, which other rules made: {rules}."]
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
    found = quality(labelled(tmp_path / "all", engine, {}), engine)
    assert found["warnings"] == [
        "PATENTS has no rows: nothing can be labelled.",
        "ABSTRACTS has no rows: texts are titles alone.",
        "CITATIONS has no rows: every patent counts 0 and would be zerocite.",
        "CPC has no rows: no patent has a class, so that neither task has a label.",
    ]
    one = {name: rows for name, rows in RELEASE.items() if name not in ("CPC", "RELATED_DOCUMENTS")}
    store = labelled(tmp_path / "one", engine, one, "one", {"related_documents_from": None})
    found = quality(store, engine)
    assert found["warnings"][0].startswith("CPC has no rows") and "RELATED_DOCUMENTS" not in found["tables"]
    assert (
        "The release has no file of related documents (g_us_rel_doc)"
        in (store.directory("QUALITY") / "report.html").read_text()
    )


@pytest.mark.engine
def test_a_release_that_ends_before_every_window(session, engine, tmp_path, capsys):
    store = labelled(
        tmp_path, engine, {"PATENTS": PATENTS, "CPC": CPC}, "early", {"data_to_date": "2004-01-01"}
    )
    capsys.readouterr()
    sets = ["--set", f"warehouse.root={tmp_path}", "--set", f"engine.name={engine.name}"]
    assert cli.main(["quality", *sets]) == cli.DONE
    assert (
        "data_to_date 2004-01-01 lies before the end of every citation window: none of 6 patents has a level. "
        "Set release.data_to_date or a smaller label.horizon_months." in capsys.readouterr().err
    )
    cli.main(["where", "QUALITY", *sets])
    assert capsys.readouterr().out.strip() == str(store.directory("QUALITY"))


def test_labels_of_another_ingest_are_refused(session, engine, tmp_path, capsys):
    store = labelled(tmp_path, engine)
    publish(store, "ingest", arrow_tables(RELEASE), metadata=FACTS)
    assert (
        cli.main(["quality", "--set", f"warehouse.root={tmp_path}", "--set", f"engine.name={engine.name}"])
        == cli.BAD_DATA
    )
    said = capsys.readouterr().err
    assert "label was made from version" in said and "run `patent-spark label` first" in said


def test_neighbouring_blocks_are_one_range_unless_patents_lie_between():
    def blocks(**rows):
        return [{"block": int(name[1:]), "rows": n} for name, n in rows.items()]

    ranges = missing_ranges(
        blocks(_4000=9, _4005=1), blocks(_3930=1, _3950=2, _4000=7, _4004=3, _4002=5, _4006=8)
    )
    assert [tuple(each.values()) for each in ranges] == [(3930271, 3950999, 3), (4002000, 4004999, 8)]
    assert missing_ranges([], blocks(_4000=1)) == []


def test_an_older_release_is_told_from_a_newer_one():
    same = {
        "release_id": "r1",
        "rules": {},
        "rows": {"CPC": [100, 90]},
        "levels": {"top1": [0.01, 0.06]},
        "vanished_classes": [],
        "patents": None,
    }
    assert doubts_since({**same, "data_to_date_before": "2025-09-30", "data_to_date": "2025-09-30"}) == []
    assert doubts_since({**same, "data_to_date_before": "2025-09-30", "data_to_date": "2024-12-31"}) == [
        "The data goes to 2024-12-31, that of r1 to 2025-09-30: this is the older release."
    ]
    assert doubts_since(
        {
            **same,
            "rows": {"CPC": [1000, 250]},
            "data_to_date_before": "2024-12-31",
            "data_to_date": "2025-09-30",
        }
    ) == ["CPC has 250 rows, 75.0 % fewer than the 1,000 of r1; releases only grow."]
