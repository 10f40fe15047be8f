"""The promotion rule on metrics made by hand, and the sentences of its rejections."""

import pytest

from patent_spark.config import Audit
from patent_spark.core.store import Store
from patent_spark.stages.register.audit_result import AuditCheck
from patent_spark.stages.register.candidate_vs_champion import other_level
from patent_spark.stages.register.messages import rejection_message
from patent_spark.stages.register.promotion_rule import audit_rejection, decide, weakened_audit_rejection
from patent_spark.stages.register.report_schema import (
    ACCEPTED,
    BETTER,
    FIRST,
    NOT_WORSE,
    REJECTED,
    AuditChecksFailed,
    AuditChecksNotMade,
    AuditWeakened,
    CheckReference,
    MetricComparison,
    NotComparable,
    OtherLevel,
    WeakerSetting,
    WorseThanChampion,
)
from tests.support.factories import publish, task_examples
from tests.support.small_package import small_package


def comparison(interval, *, task="technology", metric="accuracy", candidate=0.60, champion=0.62, excluded=0):
    return MetricComparison(
        task=task,
        metric=metric,
        candidate=candidate,
        champion=champion,
        difference=candidate - champion,
        interval=interval,
        patents=900,
        excluded=excluded,
    )


@pytest.mark.parametrize(
    ("interval", "margin", "verdict"),
    [
        ((-0.04, -0.01), 0.0, REJECTED),
        ((-0.04, 0.0), 0.0, NOT_WORSE),  # it reaches up to zero
        ((-0.04, 0.01), 0.0, NOT_WORSE),
        ((0.01, 0.04), 0.0, BETTER),
        ((0.0, 0.0), 0.0, NOT_WORSE),
        ((-0.04, -0.01), 0.01, NOT_WORSE),
        ((-0.04, -0.011), 0.01, REJECTED),
        (None, 0.0, REJECTED),
        (None, 1.0, REJECTED),
    ],
)
def test_a_candidate_is_rejected_when_its_whole_interval_is_below_the_margin(interval, margin, verdict):
    assert decide([comparison(interval)], margin).verdict == verdict


def test_without_a_champion_the_first_that_passed_the_audit_becomes_it():
    assert decide([], 0.0).verdict == FIRST


def test_a_model_of_two_tasks_must_not_be_worse_in_either():
    level = {"task": "citation_level", "metric": "top1.pr_auc", "candidate": 0.04, "champion": 0.1}
    better, worse = comparison((0.01, 0.02)), comparison((-0.09, -0.02), **level)
    assert decide([better, comparison((0.01, 0.02), **level)], 0.0).verdict == BETTER
    assert decide([better, comparison((-0.01, 0.02), **level)], 0.0).verdict == NOT_WORSE
    rejected = decide([better, worse], 0.0)
    assert rejected.verdict == REJECTED
    assert rejected.comparisons == (better, worse)
    assert rejected.reasons == (WorseThanChampion(comparison=worse, margin=0.0),)
    assert_mentions(
        rejected.reasons[0], "citation_level", "0.040", "0.100", "-0.060", "-0.090", "-0.020", "900"
    )


def test_the_reason_names_the_numbers():
    worse = comparison((-0.04, -0.011))
    (reason,) = decide([worse], 0.01).reasons
    assert reason == WorseThanChampion(comparison=worse, margin=0.01)
    assert_mentions(
        reason, "technology", "60.0 %", "62.0 %", "-2.0 %", "-4.0 %", "-1.1 %", "register.margin", "1.0 %"
    )
    (reason,) = decide([comparison(None, excluded=7)], 0.0).reasons
    assert reason == NotComparable(task="technology", metric="accuracy", patents=900, excluded=7)
    assert_mentions(reason, "technology", "900", "7")


def assert_mentions(reason, *words):
    """The sentence of a reason has these numbers and names."""
    sentence = rejection_message(reason)
    assert [word for word in words if word not in sentence] == [], sentence


def check(name, task=None, status="passed", details=""):
    return AuditCheck(name=name, task=task, status=status, details=details)


def failures(*named, applicable):
    references = tuple(CheckReference(name=name, task=task) for name, task in named)
    return AuditChecksFailed(checks=references, applicable=applicable)


def test_checks_of_all_tasks_count_for_every_model_and_those_of_a_task_for_its_own():
    rows, families = ("rows", None), ("families", "technology")
    level_families, embargo = ("families", "citation_level"), ("embargo", "citation_level")
    everything = (rows, families, level_families, embargo)

    def checks(*failed):
        made = [check(*each, status="failed" if each in failed else "passed") for each in everything]
        return [*made, check("auc", "technology", "not_applicable")]

    assert audit_rejection(checks(), ["technology"]) is None
    assert audit_rejection(checks(embargo), ["technology"]) is None
    assert audit_rejection(checks(families), ["technology"]) == failures(families, applicable=2)
    of_all = audit_rejection(checks(rows), ["technology"])
    assert of_all == failures(rows, applicable=2)
    assert_mentions(of_all, "1 of 2", "rows", "all tasks")
    both = audit_rejection(checks(*everything), ["technology", "citation_level"])
    assert both == failures(*everything, applicable=4)
    assert_mentions(
        both, "4 of 4", "rows (all tasks)", "families (technology)", "families (citation_level), ..."
    )
    assert "embargo" not in rejection_message(both)  # the first three are named


def test_a_check_that_could_not_run_has_not_passed():
    checks = [check("recount", status="not_made", details="no files; fetch them")]
    checks += [check("families", "technology"), check("auc", "technology", "not_applicable")]
    reason = audit_rejection(checks, ["technology"])
    recount = CheckReference(name="recount", task=None, details="no files; fetch them")
    assert reason == AuditChecksNotMade(checks=(recount,), applicable=2)
    assert_mentions(reason, "1 of 2", "recount", "no files; fetch them")
    failed = check("mix", "technology", "failed")
    assert audit_rejection([*checks, failed], ["technology"]) == failures(("mix", "technology"), applicable=3)


def test_an_audit_with_weaker_settings_rejects_every_model():
    assert weakened_audit_rejection(Audit()) is None
    stricter = {"sample_size": 10_000, "near_duplicate": 0.5, "duplicates": 0.0, "recount_sample_size": 60}
    assert weakened_audit_rejection(Audit(**stricter, top1_auc=0.9, seed=7)) is None
    reason = weakened_audit_rejection(Audit(recount_sample_size=0, top1_auc=1.0))
    assert reason == AuditWeakened(
        settings=(
            WeakerSetting(name="audit.top1_auc", value=1.0, default=0.95),
            WeakerSetting(name="audit.recount_sample_size", value=0, default=30),
        )
    )
    assert_mentions(reason, "audit.top1_auc = 1", "0.95", "audit.recount_sample_size = 0", "30")
    for weaker in ({"near_duplicate": 0.8}, {"duplicates": 0.02}, {"sample_size": 100}):
        assert weakened_audit_rejection(Audit(**weaker))


def test_a_champion_of_another_level_is_not_compared(tmp_path):
    store, package = Store(tmp_path / "w"), small_package(tmp_path / "package")  # A61, G06, ...
    task = task_examples(train=1)
    tasks = {"technology": task.model_copy(update={"labels": ("A61K", "G06N")}), "citation_level": task}
    publish(store, "shard", {}, {"tasks": tasks})
    reason = other_level(store, "technology", package)
    assert reason == OtherLevel(task="technology", candidate="subclass", champion="class")
    assert other_level(store, "citation_level", package) is None
    rejected = decide([], 0.0, [reason])
    assert (rejected.verdict, rejected.reasons) == (REJECTED, (reason,))
    assert decide([], 0.0, [reason], {"champion": "it was time"}).verdict == ACCEPTED
    assert "subclasses" in rejection_message(reason) and "tracking.experiment" in rejection_message(reason)
    classes = {"technology": task.model_copy(update={"labels": ("A61", "H01")})}
    publish(store, "shard", {}, {"tasks": classes})
    assert other_level(store, "technology", package) is None
