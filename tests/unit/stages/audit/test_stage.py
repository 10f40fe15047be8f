"""The audit on a clean release, which passes, and on the same with a leak in it, which fails."""

import dataclasses
import json
import shutil

import pytest

from patent_spark import cli
from patent_spark.config import CITATION_LEVEL
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import AuditMetadata
from patent_spark.core.schemas import LEVELS, TOP1, TOP10, ZEROCITE, is_test
from patent_spark.core.store import write_json
from patent_spark.metrics.calibration import Calibration
from patent_spark.pipeline import run_stage
from patent_spark.run_summary import audit_lines
from patent_spark.stages.audit.checks.duplicates import near_duplicates, same_texts, split_relatives
from patent_spark.stages.audit.checks.plausibility import short_texts, top1_auc
from patent_spark.stages.audit.checks.splits import splits_of_labels
from patent_spark.stages.audit.checks.tables import interim_levels_of_labels
from patent_spark.stages.audit.evidence import Evidence, Warehouse
from patent_spark.stages.audit.report import put_verdict
from patent_spark.stages.audit.verdicts import FAILED, NOT_APPLICABLE, NOT_MADE, PASSED
from tests.support.audit_warehouse import SMALL, TASKS, build_world, configured
from tests.support.corruption import copy_of, rewrite, rewrite_examples, rewrite_manifest
from tests.support.html_page import Page
from tests.support.leaks import LEAKS
from tests.support.leaks.copies import known_texts_of_top1
from tests.support.leaks.leak import judge


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    root = tmp_path_factory.mktemp("audit") / "w"
    return build_world(root), configured(root)


@pytest.fixture(scope="module")
def audited(clean):
    store, config = clean
    run_stage("audit", config)
    return store, json.loads((store.directory("AUDIT") / "audit.json").read_text())


def test_a_clean_release_passes_every_check(audited):
    store, found = audited
    assert {check["name"]: check["done"] for check in found["checks"] if check["verdict"] == FAILED} == {}
    assert found["verdict"] == PASSED
    assert store.metadata(AuditMetadata) == AuditMetadata(verdict=PASSED, failed=(), not_made=())
    # What cannot be asked of a task is said to be so, and why; everything else has a figure.
    unasked = {
        (check["task"], check["name"]) for check in found["checks"] if check["verdict"] == NOT_APPLICABLE
    }
    assert unasked == {
        ("technology", "percentiles learned from test patents"),
        ("technology", "labels that closed after the first test day"),
        ("technology", "top1 found better than plausible"),
        ("citation_level", "year alone tells test patents"),
    }
    for check in found["checks"]:
        assert (check["figure"] is None) == (check["verdict"] == NOT_APPLICABLE)
        assert check["done"] and check["meaning"] and check["unit"]
    for task in TASKS:
        told = store.read_json("METRICS", f"{task}.json")
        assert told["accuracy"] > 0
        judged = [
            (check["name"], check["figure"], check["limit"])
            for check in found["checks"]
            if check["task"] in (None, task)
        ]
        assert [
            (check["name"], check["figure"], check["limit"]) for check in told["audit"]["checks"]
        ] == judged
        assert (told["audit"]["verdict"], told["audit"]["failed"], told["audit"]["not_made"]) == (
            PASSED,
            [],
            [],
        )


def test_every_check_has_a_leak_that_it_catches(audited):
    checks = {(check["task"], check["name"]) for check in audited[1]["checks"]}
    assert {(leak.task, leak.caught_by) for leak in LEAKS} <= checks
    assert {name for _, name in checks} == {leak.caught_by for leak in LEAKS}


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.planted)
def test_a_planted_leak_is_caught(clean, leak, tmp_path):
    store, config = clean
    spoilt = copy_of(store, tmp_path / "w")
    leak.plant(spoilt)
    found = judge(leak, spoilt, config)
    assert found.verdict == FAILED, f"{found.figure} of at most {found.limit}: {found.done}"
    assert found.figure > found.limit


def test_a_test_year_that_is_gone_and_one_that_is_torn_are_named(clean, tmp_path):
    store, config = clean
    years = store.read_arrow("SPLITS").to_pandas()["split"].value_counts()
    spoilt = copy_of(store, tmp_path / "w")
    rewrite(
        spoilt,
        "SPLITS",
        lambda frame: frame[frame["split"] != "test_2011"].drop(
            frame.index[frame["split"] == "test_2014"][:3]
        ),
    )
    found = splits_of_labels(Evidence(Warehouse(spoilt, config.audit), CITATION_LEVEL))
    assert found.figure == years["test_2011"] + 3
    assert found.done.endswith(
        f"; test_2011 has 0, not {years['test_2011']:,}; test_2014 has {years['test_2014'] - 3:,}, not {years['test_2014']:,}."
    )


def test_without_exposures_there_are_no_interim_levels_to_look_at(clean, tmp_path):
    spoilt = copy_of(clean[0], tmp_path / "w")
    rewrite_manifest(spoilt, "label", settings={"label.follow_up_months": []})
    found = interim_levels_of_labels(Warehouse(spoilt, clean[1].audit))
    assert (found.verdict, found.done) == (
        NOT_APPLICABLE,
        "label.follow_up_months is empty: no early levels were asked for",
    )


def test_near_duplicates_of_rare_levels_are_told_and_held_to_the_limit_where_there_are_enough(
    clean, tmp_path
):
    store, config = clean
    by_level = (
        Evidence(Warehouse(store, config.audit), CITATION_LEVEL)
        .examples.query("tested")["label"]
        .value_counts()
    )
    found = near_duplicates(Evidence(Warehouse(store, config.audit), CITATION_LEVEL))
    few = ", too few to be held to the limit (at least 100)"
    assert found.verdict == PASSED
    assert found.done.endswith(
        f"; 0 of {by_level[TOP1]} that are top1{few}; 0 of {by_level[TOP10]} that are top10{few}."
    )
    spoilt = copy_of(store, tmp_path / "w")
    rewrite_examples(spoilt, CITATION_LEVEL, known_texts_of_top1)
    evidence = Evidence(Warehouse(spoilt, config.audit), CITATION_LEVEL)
    found, top1 = near_duplicates(evidence), int((evidence.examples.query("tested")["label"] == TOP1).sum())
    assert same_texts(evidence).verdict == PASSED
    assert (
        found.done.startswith(f"4 of {sum(by_level):,} test patents")
        and f"; 4 of {top1} that are top1; " in found.done
    )
    assert (found.verdict, found.figure) == (FAILED, 4 / top1)


def test_relatives_are_asked_for_when_the_release_tells_of_them(clean, tmp_path):
    store, config = clean
    spoilt = copy_of(store, tmp_path / "w")
    rewrite_manifest(spoilt, "ingest", metadata={"related_documents_from": None})
    for task in TASKS:
        found = split_relatives(Evidence(Warehouse(spoilt, config.audit), task))
        assert found.verdict == NOT_APPLICABLE
        assert (
            found.done
            == "The release has no file of related documents (g_us_rel_doc.tsv.zip); abstracts stand in for it."
        )
        asked = split_relatives(Evidence(Warehouse(store, config.audit), task))
        assert asked.verdict == PASSED and int(asked.done.split("; ")[1].split(" of them")[0]) > 20


def test_short_texts_are_judged_by_the_calibrated_model(clean, tmp_path):
    spoilt = copy_of(clean[0], tmp_path / "w")
    rewrite_examples(
        spoilt, CITATION_LEVEL, lambda frame: frame.drop(frame.index[frame["split"].map(is_test)][:200])
    )
    levels = len(LEVELS)
    always = Calibration(
        slopes=(1.0,) * levels, intercepts=tuple(99.0 * (level == ZEROCITE) for level in LEVELS)
    )
    write_json(spoilt.directory("CALIBRATION") / f"{CITATION_LEVEL}.json", dataclasses.asdict(always))
    evidence = Evidence(Warehouse(spoilt, clean[1].audit), CITATION_LEVEL)
    splits, labels = (spoilt.read_arrow(table).to_pandas() for table in ("SPLITS", "LABELS"))
    asked = splits.loc[(splits["task"] == CITATION_LEVEL) & splits["split"].map(is_test), "patent_key"]
    left_out = labels[labels["patent_key"].isin(set(asked) - set(evidence.examples["patent_key"]))]
    assert len(left_out) >= 200
    right = (left_out["citation_level"] == ZEROCITE).mean()
    assert f"; {right:.1%} on {len(left_out):,} with too few words" in short_texts(evidence).done


def test_the_command_prints_the_table_and_a_failure_ends_no_run(clean, tmp_path, capsys):
    spoilt = copy_of(clean[0], tmp_path / "w")
    rewrite_manifest(spoilt, "label", settings={"label.reference_set": "class"})
    sets = [
        part
        for setting in (*SMALL, f"warehouse.root={spoilt.root}", "audit.recount_sample_size=0")
        for part in ("--set", setting)
    ]
    assert cli.main(["audit", *sets]) == cli.DONE
    told = capsys.readouterr()
    assert "failed: percentiles learned from test patents (citation_level): 100.0 %, limit 0.0 %" in told.err
    verdicts = {
        tuple(cell.strip() for cell in line.split("  ") if cell)[:2]: line for line in told.out.splitlines()
    }
    assert "100.0 %  0.0 %" in verdicts["percentiles learned from test patents", "citation_level"]
    assert "not_made" in verdicts["labels recounted from the release's files", "all"]
    page = Page((spoilt.directory("AUDIT") / "report.html").read_text())
    assert not page.fetched
    assert "Audit: 2 of" in (spoilt.directory("REPORT") / "report.html").read_text()
    for words in [
        "1 failed",
        "run `patent-spark label --force`",
        "set label.reference_set=class_year",
        "audit.recount_sample_size is 0",
    ]:
        assert words in page.text, words
    recounted, learned = "percentiles recounted from the counts", "percentiles learned from test patents"
    assert spoilt.metadata(AuditMetadata).failed == ((None, recounted), ("citation_level", learned))
    failed = [
        spoilt.read_json("METRICS", f"{task}.json")["audit"]["failed"]
        for task in ("technology", "citation_level")
    ]
    assert failed == [[recounted], [recounted, learned]]


def test_a_release_that_is_gone_is_told_and_makes_the_audit_incomplete(clean, tmp_path, capsys):
    spoilt = copy_of(clean[0], tmp_path / "w")
    shutil.rmtree(spoilt.root / "simulate")
    sets = [part for setting in (*SMALL, f"warehouse.root={spoilt.root}") for part in ("--set", setting)]
    assert cli.main(["audit", *sets]) == cli.DONE
    name = "labels recounted from the release's files"
    why = (
        "the zipped files that ingest read (in source.path, or simulated) are not there any longer; put them back, or name their folder "
        "with source.path, and run `patent-spark audit --force`"
    )
    assert f"  could not be made: {name} (all tasks): {why}\n" in capsys.readouterr().err
    assert spoilt.metadata(AuditMetadata) == AuditMetadata(
        verdict="incomplete", failed=(), not_made=((None, name),)
    )
    checks = spoilt.read_json("AUDIT", "audit.json")["checks"]
    passed = sum(check["verdict"] == PASSED for check in checks)
    assert audit_lines(spoilt) == [
        f"audit: all {passed} checks passed, 1 could not be made",
        f"  all: {name} could not be made: {why}",
    ]
    for task in TASKS:
        told = spoilt.read_json("METRICS", f"{task}.json")["audit"]
        assert (told["verdict"], told["failed"], told["not_made"]) == ("incomplete", [], [name])
    page, report = (
        " ".join(Page((spoilt.directory(output) / "report.html").read_text()).text.split())
        for output in ("AUDIT", "REPORT")
    )
    assert f"Tables, words and labels, {name}: could not be made, so nothing is known: {why}." in page
    assert "checks passed, 1 could not be made" in page and "No check found a leak" not in page
    assert "Audit: no leak found, but not all was looked at, 1 could not be made, " in report
    assert f"{name}: could not be made: {why}." in report


def test_without_a_top1_patent_nobody_can_tell_how_well_they_are_found(clean, tmp_path):
    spoilt = copy_of(clean[0], tmp_path / "w")
    rewrite(spoilt, "PREDICTIONS", lambda frame: frame.assign(truth=frame["truth"].replace(TOP1, TOP10)))
    found = top1_auc(Evidence(Warehouse(spoilt, clean[1].audit), CITATION_LEVEL))
    assert (found.verdict, found.figure) == (NOT_MADE, None)
    assert found.done.startswith("0 of ") and found.done.endswith(
        " test patents are top1; test more patents, of more split.test_years"
    )


def test_the_report_has_the_verdict_of_the_last_audit(audited, tmp_path):
    found = audited[1]
    report = tmp_path / "report.html"
    report.write_text("before <!-- place: audit -->not yet<!-- end: audit --> after")
    judged = sum(check["verdict"] != NOT_APPLICABLE for check in found["checks"])
    put_verdict(report, found)
    text = " ".join(Page(report.read_text()).text.split())
    assert text.startswith(f"before Audit: no leak found, all {judged} checks passed, ") and text.endswith(
        " after"
    )
    checks = [{**found["checks"][0], "verdict": FAILED}, *found["checks"][1:]]
    put_verdict(report, {"checks": checks})
    text = " ".join(Page(report.read_text()).text.split())
    assert text.startswith(f"before Audit: 1 of {judged} checks failed, ") and "no leak found" not in text
    assert f"{checks[0]['name']}: 0 (limit 0). {checks[0]['meaning']}" in text
    report.write_text("a page of another program")
    with pytest.raises(
        DataError,
        match=r"report\.html has no place for the audit's verdict .*; run `patent-spark evaluate --force` first",
    ):
        put_verdict(report, found)


def test_a_task_that_was_not_evaluated_is_a_clear_error(clean, tmp_path, capsys):
    spoilt = copy_of(clean[0], tmp_path / "w")
    (spoilt.directory("METRICS") / "technology.json").unlink()
    sets = [part for setting in (*SMALL, f"warehouse.root={spoilt.root}") for part in ("--set", setting)]
    assert cli.main(["audit", *sets]) == cli.BAD_DATA
    assert "no METRICS of task technology" in capsys.readouterr().err
