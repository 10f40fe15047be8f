"""The audit on a clean release, which passes, and on the same with a leak in it, which fails."""

import dataclasses
import re
import shutil

import pytest

from patent_spark import cli
from patent_spark.config import CITATION_LEVEL
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.metadata import AuditMetadata
from patent_spark.core.schemas import LEVELS, TOP1, TOP10, ZEROCITE, is_test
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.report_schema import read_metrics
from patent_spark.pipeline import run_stage
from patent_spark.run_summary import audit_lines
from patent_spark.stages.audit.checks.registry import TASK_CHECKS, WAREHOUSE_CHECKS
from patent_spark.stages.audit.report import write_summary
from patent_spark.stages.audit.report_schema import (
    FAILED,
    INCOMPLETE,
    NOT_APPLICABLE,
    NOT_MADE,
    PASSED,
    TaskSummary,
    make_audit,
    read_audit,
)
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse
from tests.support.audit_warehouse import REPORT, SMALL, TASKS, build_warehouse, configured
from tests.support.corruption import copy_of, rewrite, rewrite_examples, rewrite_manifest
from tests.support.errors import raises
from tests.support.html_page import Page
from tests.support.leaks import LEAKS
from tests.support.leaks.copies import known_texts_of_top1
from tests.support.leaks.leak import result_for, run_check


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    root = tmp_path_factory.mktemp("audit") / "w"
    return build_warehouse(root), configured(root)


@pytest.fixture(scope="module")
def audited(clean):
    store, config = clean
    run_stage("audit", config)
    return store, read_audit(store)


def numbers(text):
    """The whole numbers in a text, in their order."""
    return [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*(?![\d.]*\d)", text)]


def settings(*sets):
    return [part for setting in sets for part in ("--set", setting)]


def summary_in_metrics(store, task):
    return TaskSummary.model_validate(store.read_json("METRICS", f"{task}.json")["audit"])


def page_of(store, output):
    return " ".join(Page((store.directory(output) / "report.html").read_text()).text.split())


def shown(text):
    """A text as a page shows it."""
    return text.replace("`", "")


def test_a_clean_release_passes_every_check(audited):
    store, audit = audited
    assert {check.code: check.details for check in audit.with_status(FAILED)} == {}
    assert audit.status == PASSED
    assert store.metadata(AuditMetadata) == AuditMetadata(status=PASSED, failed=(), not_made=())
    assert {(check.task, check.code) for check in audit.with_status(NOT_APPLICABLE)} == {
        ("technology", "percentiles_lookahead"),
        ("technology", "label_embargo"),
        ("technology", "top1_auc"),
        ("technology", "features_lookahead"),
        ("technology", "class_predicts_label"),
        ("technology", "class_predicts_test"),
        ("citation_level", "year_predicts_test"),
    }
    for check in audit.checks:
        assert (check.value is None) == (check.limit is None) == (check.status == NOT_APPLICABLE)
        assert check.details and check.interpretation and check.unit and check.name


@pytest.mark.parametrize("task", TASKS)
def test_metrics_hold_the_values_of_their_task(audited, task):
    store, audit = audited
    expected = [
        (check.code, check.status, check.value, check.limit)
        for check in audit.checks
        if check.task in (None, task)
    ]
    summary = summary_in_metrics(store, task)
    assert [(check.code, check.status, check.value, check.limit) for check in summary.checks] == expected
    assert (summary.status, summary.failed, summary.not_made) == (PASSED, (), ())
    metrics = read_metrics(store, task)
    assert metrics.accuracy > 0 and metrics.audit.status == PASSED


def test_codes_are_unique_and_every_check_has_a_leak_that_it_catches(audited):
    codes = [check.spec.code for check in (*WAREHOUSE_CHECKS, *TASK_CHECKS)]
    assert len(codes) == len(set(codes))
    assert set(codes) == {leak.caught_by for leak in LEAKS}
    results = {(check.task, check.code) for check in audited[1].checks}
    assert {(leak.task, leak.caught_by) for leak in LEAKS} <= results


@pytest.mark.parametrize("leak", LEAKS, ids=lambda leak: leak.description)
def test_an_injected_leak_is_caught(clean, leak, tmp_path):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    leak.inject(corrupted)
    result = result_for(leak, corrupted, config)
    assert result.status == FAILED, f"{result.value} of at most {result.limit}: {result.details}"
    assert result.value > result.limit


def test_test_years_that_are_missing_or_incomplete_are_named(clean, tmp_path):
    store, config = clean
    years = store.read_arrow("SPLITS").to_pandas()["split"].value_counts()
    corrupted = copy_of(store, tmp_path / "w")

    def corrupt(frame):
        incomplete = frame.index[frame["split"] == "test_2014"][:3]
        return frame[frame["split"] != "test_2011"].drop(incomplete)

    rewrite(corrupted, "SPLITS", corrupt)
    result = run_check("split_membership", CITATION_LEVEL, corrupted, config)
    assert result.value == years["test_2011"] + 3
    sides = {part.split()[0]: numbers(part)[1:] for part in result.details.split("; ")[1:]}
    assert sides == {
        "test_2011": [0, years["test_2011"]],
        "test_2014": [years["test_2014"] - 3, years["test_2014"]],
    }


def test_without_follow_up_windows_there_are_no_interim_levels_to_check(clean, tmp_path):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    rewrite_manifest(corrupted, "label", settings={"label.follow_up_months": []})
    result = run_check("labels_to_interim_levels", None, corrupted, config)
    assert result.status == NOT_APPLICABLE
    assert "label.follow_up_months" in result.details


def test_near_duplicates_of_a_level_with_few_patents_are_shown_only(clean):
    store, config = clean
    levels = TaskData(Warehouse(store, config), CITATION_LEVEL).test_examples["label"].value_counts()
    result = run_check("near_duplicates", CITATION_LEVEL, store, config)
    assert result.status == PASSED
    top1, top10 = result.details.split("; ")[1:]
    for level, part in ((TOP1, top1), (TOP10, top10)):
        assert part.split(" with ")[1].startswith(level)
        assert numbers(part)[:2] == [0, levels[level]] and 100 in numbers(part)


def test_near_duplicates_of_a_level_with_enough_patents_are_held_to_the_limit(clean, tmp_path):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    rewrite_examples(corrupted, CITATION_LEVEL, known_texts_of_top1)
    levels = TaskData(Warehouse(corrupted, config), CITATION_LEVEL).test_examples["label"].value_counts()
    result = run_check("near_duplicates", CITATION_LEVEL, corrupted, config)
    assert run_check("exact_duplicates", CITATION_LEVEL, corrupted, config).status == PASSED
    everyone, top1 = result.details.split("; ")[:2]
    assert numbers(everyone)[:2] == [4, sum(levels)]
    assert numbers(top1)[:2] == [4, levels[TOP1]] and 100 not in numbers(top1)
    assert (result.status, result.value) == (FAILED, 4 / levels[TOP1])


@pytest.mark.parametrize("task", TASKS)
def test_related_patents_are_checked_if_the_release_has_related_documents(clean, tmp_path, task):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    rewrite_manifest(corrupted, "ingest", metadata={"related_documents_from": None})
    result = run_check("related_patents", task, corrupted, config)
    assert result.status == NOT_APPLICABLE and "g_us_rel_doc" in result.details
    result = run_check("related_patents", task, store, config)
    related, _, with_relatives = numbers(result.details)
    assert result.status == PASSED and related == 0 and with_relatives > 20


def test_short_texts_are_classified_by_the_calibrated_model(clean, tmp_path):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    rewrite_examples(
        corrupted, CITATION_LEVEL, lambda frame: frame.drop(frame.index[frame["split"].map(is_test)][:200])
    )
    intercepts = tuple(99.0 * (level == ZEROCITE) for level in LEVELS)
    always_zerocite = Calibration(slopes=(1.0,) * len(LEVELS), intercepts=intercepts)
    calibration = corrupted.directory("CALIBRATION") / f"{CITATION_LEVEL}.json"
    write_json(calibration, dataclasses.asdict(always_zerocite))
    splits, labels = (corrupted.read_arrow(table).to_pandas() for table in ("SPLITS", "LABELS"))
    tested = splits.loc[(splits["task"] == CITATION_LEVEL) & splits["split"].map(is_test), "patent_key"]
    examples = TaskData(Warehouse(corrupted, config), CITATION_LEVEL).examples["patent_key"]
    excluded = labels[labels["patent_key"].isin(set(tested) - set(examples))]
    assert len(excluded) >= 200
    accuracy = (excluded["citation_level"] == ZEROCITE).mean()
    result = run_check("short_texts", CITATION_LEVEL, corrupted, config)
    on_short = result.details.split("; ")[1]
    assert on_short.startswith(f"{accuracy:.1%} on {len(excluded):,} ")


def test_without_a_top1_patent_their_auc_cannot_be_computed(clean, tmp_path):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    rewrite(corrupted, "PREDICTIONS", lambda frame: frame.assign(truth=frame["truth"].replace(TOP1, TOP10)))
    result = run_check("top1_auc", CITATION_LEVEL, corrupted, config)
    assert (result.status, result.value, result.limit) == (NOT_MADE, None, None)
    assert numbers(result.details)[0] == 0 and "split.test_years" in result.details


def test_without_a_reference_there_is_no_upper_bound(clean, tmp_path):
    store, config = clean
    corrupted = copy_of(store, tmp_path / "w")
    path = corrupted.directory("METRICS") / "technology.json"
    metrics = corrupted.read_json("METRICS", "technology.json")
    path.unlink()
    weaker = metrics["references"]["bayes_optimal"] | {"upper_bound": False}
    write_json(path, metrics | {"references": {"bag_of_words": weaker}})
    assert run_check("upper_bound", "technology", store, config).status == PASSED
    assert run_check("upper_bound", "technology", corrupted, config).status == NOT_APPLICABLE


def test_the_command_prints_the_table_and_a_failure_does_not_end_the_run(clean, tmp_path, capsys):
    corrupted = copy_of(clean[0], tmp_path / "w")
    rewrite_manifest(corrupted, "label", settings={"label.reference_set": "class"})
    sets = settings(*SMALL, f"warehouse.root={corrupted.root}", "audit.recount_sample_size=0")
    assert cli.main(["audit", *sets]) == cli.DONE
    printed = capsys.readouterr()
    audit = read_audit(corrupted)
    recomputed, lookahead = audit.with_status(FAILED)
    (recount,) = audit.with_status(NOT_MADE)
    assert [(check.task, check.code) for check in (recomputed, lookahead, recount)] == [
        (None, "percentiles_recomputed"),
        ("citation_level", "percentiles_lookahead"),
        (None, "label_recount"),
    ]
    assert (lookahead.value, lookahead.limit) == (1.0, 0.0)
    assert "audit.recount_sample_size" in recount.details
    failure = next(line for line in printed.err.splitlines() if lookahead.name in line)
    assert all(fact in failure for fact in (FAILED, "citation_level", "100.0 %", "0.0 %"))
    rows = {tuple(re.split(r"\s{2,}", line)[:2]): line for line in printed.out.splitlines()}
    assert "100.0 %  0.0 %" in rows[lookahead.name, "citation_level"]
    assert NOT_MADE in rows[recount.name, "all"]


def test_failures_stand_in_the_metadata_in_metrics_and_on_both_pages(clean, tmp_path):
    corrupted = copy_of(clean[0], tmp_path / "w")
    rewrite_manifest(corrupted, "label", settings={"label.reference_set": "class"})
    run_stage("audit", configured(corrupted.root, "audit.recount_sample_size=0"))
    audit, metadata = read_audit(corrupted), corrupted.metadata(AuditMetadata)
    assert (audit.status, metadata.status) == (FAILED, FAILED)
    assert metadata.failed == ((None, "percentiles_recomputed"), ("citation_level", "percentiles_lookahead"))
    assert metadata.not_made == ((None, "label_recount"),)
    assert summary_in_metrics(corrupted, "technology").failed == ("percentiles_recomputed",)
    assert summary_in_metrics(corrupted, "citation_level").failed == (
        "percentiles_recomputed",
        "percentiles_lookahead",
    )
    page = Page((corrupted.directory("AUDIT") / "report.html").read_text())
    assert not page.fetched
    text, report = page_of(corrupted, "AUDIT"), page_of(corrupted, "REPORT")
    for check in audit.with_status(FAILED):
        interpretation = shown(check.interpretation)
        assert check.name in text and interpretation in text and shown(check.details) in text
        assert check.name in report and interpretation in report
    (recount,) = audit.with_status(NOT_MADE)
    assert shown(recount.details) in text and shown(recount.details) in report
    assert f"2 of {audit.n_completed}" in report


def test_a_missing_release_makes_the_audit_incomplete(clean, tmp_path, capsys):
    corrupted = copy_of(clean[0], tmp_path / "w")
    shutil.rmtree(corrupted.root / "simulate")
    assert cli.main(["audit", *settings(*SMALL, f"warehouse.root={corrupted.root}")]) == cli.DONE
    stderr = capsys.readouterr().err
    audit = read_audit(corrupted)
    (recount,) = audit.with_status(NOT_MADE)
    assert (audit.status, recount.task, recount.code) == (INCOMPLETE, None, "label_recount")
    assert "source.path" in recount.details and "`patent-spark audit --force`" in recount.details
    assert any(recount.name in line and recount.details in line for line in stderr.splitlines())
    not_made = ((None, "label_recount"),)
    expected = AuditMetadata(status=INCOMPLETE, failed=(), not_made=not_made)
    assert corrupted.metadata(AuditMetadata) == expected
    for task in TASKS:
        summary = summary_in_metrics(corrupted, task)
        assert (summary.status, summary.failed, summary.not_made) == (INCOMPLETE, (), ("label_recount",))


def test_an_incomplete_audit_is_not_shown_as_passed(clean, audited, tmp_path):
    recount = next(check for check in audited[1].checks if check.code == "label_recount")
    missing = recount.model_copy(update={"status": NOT_MADE, "value": None, "details": "bring it back"})
    checks = [missing if check is recount else check for check in audited[1].checks]
    store = copy_of(clean[0], tmp_path / "w")
    run_stage("audit", configured(store.root))
    audit = make_audit("tiny", checks)
    write_json(store.directory("AUDIT") / "audit.json", audit.model_dump(mode="json"))
    summary, line = audit_lines(store)
    assert numbers(summary) == [audit.n_completed, 1]
    assert missing.name in line and "bring it back" in line
    (store.directory("REPORT") / "report.html").unlink()
    (store.directory("REPORT") / "report.html").write_text(REPORT)
    write_summary(store.directory("REPORT") / "report.html", audit)
    report = page_of(store, "REPORT")
    assert INCOMPLETE in report and missing.name in report and "bring it back" in report
    assert f"all {audit.n_completed}" not in report


def test_the_report_has_the_result_of_the_last_audit(audited, tmp_path):
    audit = audited[1]
    report = tmp_path / "report.html"
    report.write_text("before <!-- place: audit -->not yet<!-- end: audit --> after")

    def text():
        return " ".join(Page(report.read_text()).text.split())

    write_summary(report, audit)
    first = text()
    assert first.startswith("before ") and first.endswith(" after") and "not yet" not in first
    assert f"all {audit.n_completed} checks passed" in first
    failed = audit.checks[0].model_copy(update={"status": FAILED})
    write_summary(report, make_audit("tiny", [failed, *audit.checks[1:]]))
    second = text()
    assert f"1 of {audit.n_completed}" in second and f"all {audit.n_completed}" not in second
    assert failed.name in second and shown(failed.interpretation) in second


def test_a_report_without_a_place_for_the_audit_is_a_data_error(audited, tmp_path):
    report = tmp_path / "report.html"
    with raises(DataError, file=report):
        write_summary(report, audited[1])
    report.write_text("a page of another program")
    with raises(DataError, file=report) as caught:
        write_summary(report, audited[1])
    assert "`patent-spark evaluate --force`" in str(caught.value)


def test_a_task_that_was_not_evaluated_is_a_data_error(clean, tmp_path, capsys):
    corrupted = copy_of(clean[0], tmp_path / "w")
    (corrupted.directory("METRICS") / "technology.json").unlink()
    with raises(DataError, table="METRICS", task="technology"):
        run_stage("audit", configured(corrupted.root))
    assert cli.main(["audit", *settings(*SMALL, f"warehouse.root={corrupted.root}")]) == cli.BAD_DATA
    stderr = capsys.readouterr().err
    assert "technology" in stderr and "`patent-spark evaluate`" in stderr
