"""The rule of the gate, on figures made by hand, and what a person reads of it."""

import pytest

from patent_spark.config import Audit
from patent_spark.stages.register.promotion_rule import (
    BETTER,
    FIRST,
    NOT_WORSE,
    REFUSED,
    Contest,
    audit_objects,
    audit_was_loosened,
    decide,
)


def contest(interval, *, task="technology", figure="accuracy", model=0.60, champion=0.62, left_out=0):
    return Contest(task, figure, model, champion, model - champion, interval, 900, left_out)


@pytest.mark.parametrize(
    ("interval", "margin", "verdict"),
    [
        ((-0.04, -0.01), 0.0, REFUSED),
        ((-0.04, 0.0), 0.0, NOT_WORSE),  # it reaches up to zero
        ((-0.04, 0.01), 0.0, NOT_WORSE),
        ((0.01, 0.04), 0.0, BETTER),
        ((0.0, 0.0), 0.0, NOT_WORSE),
        ((-0.04, -0.01), 0.01, NOT_WORSE),
        ((-0.04, -0.011), 0.01, REFUSED),
        (None, 0.0, REFUSED),
        (None, 1.0, REFUSED),
    ],
)
def test_a_model_is_refused_when_it_is_worse_for_certain(interval, margin, verdict):
    assert decide([contest(interval)], margin).verdict == verdict


def test_without_a_champion_the_first_that_passed_the_audit_becomes_it():
    assert decide([], 0.0).verdict == FIRST


def test_a_model_of_two_tasks_must_not_be_worse_in_either():
    level = {"task": "citation_level", "figure": "top1.pr_auc", "model": 0.04, "champion": 0.1}
    better, worse = contest((0.01, 0.02)), contest((-0.09, -0.02), **level)
    assert decide([better, contest((0.01, 0.02), **level)], 0.0).verdict == BETTER
    assert decide([better, contest((-0.01, 0.02), **level)], 0.0).verdict == NOT_WORSE
    refused = decide([better, worse], 0.0)
    assert refused.verdict == REFUSED
    assert refused.reasons == [
        "PR-AUC of top1 of citation_level is 0.040, the champion's 0.100 on the same 900 test patents; "
        "the difference of -0.060 (95 % interval -0.090 to -0.020) is worse for certain"
    ]


def test_the_reason_names_the_figures():
    (reason,) = decide([contest((-0.04, -0.011))], 0.01).reasons
    assert reason == (
        "accuracy of technology is 60.0 %, the champion's 62.0 % on the same 900 test patents; "
        "the difference of -2.0 % (95 % interval -4.0 % to -1.1 %) is worse for certain, beyond the register.margin of 1.0 %"
    )
    (reason,) = decide([contest(None, left_out=7)], 0.0).reasons
    assert (
        reason
        == "accuracy of technology cannot be told from the champion's on 900 test patents (7 left out, from which it learned)"
    )


def test_checks_of_all_tasks_count_for_every_model_and_those_of_a_task_for_its_own():
    def checks(*failed):
        named = [
            (None, "rows"),
            ("technology", "families"),
            ("citation_level", "families"),
            ("citation_level", "embargo"),
        ]
        verdicts = [
            {"task": task, "name": name, "verdict": "failed" if (task, name) in failed else "passed"}
            for task, name in named
        ]
        return [*verdicts, {"task": "technology", "name": "auc", "verdict": "not_applicable"}]

    assert audit_objects(checks(), ["technology"]) == ""
    assert audit_objects(checks(("citation_level", "embargo")), ["technology"]) == ""
    assert (
        audit_objects(checks(("technology", "families")), ["technology"])
        == "1 of 2 checks of the audit failed: families (technology)"
    )
    assert (
        audit_objects(checks((None, "rows")), ["technology"])
        == "1 of 2 checks of the audit failed: rows (all tasks)"
    )
    everything = checks(
        (None, "rows"),
        ("technology", "families"),
        ("citation_level", "families"),
        ("citation_level", "embargo"),
    )
    assert audit_objects(everything, ["technology", "citation_level"]) == (
        "4 of 4 checks of the audit failed: rows (all tasks), families (technology), families (citation_level), ..."
    )


def test_a_check_that_could_not_be_made_is_none_that_passed():
    checks = [{"task": None, "name": "recount", "verdict": "not_made", "done": "no files; fetch them"}]
    checks += [
        {"task": "technology", "name": name, "verdict": verdict, "done": ""}
        for name, verdict in (("families", "passed"), ("auc", "not_applicable"))
    ]
    assert (
        audit_objects(checks, ["technology"])
        == "1 of 2 checks of the audit could not be made: recount (no files; fetch them)"
    )
    failed = {"task": "technology", "name": "mix", "verdict": "failed", "done": ""}
    assert (
        audit_objects([*checks, failed], ["technology"])
        == "1 of 3 checks of the audit failed: mix (technology)"
    )


def test_an_audit_that_was_asked_for_less_lets_nothing_pass():
    assert audit_was_loosened(Audit()) == ""
    assert (
        audit_was_loosened(
            Audit(
                sample_size=10_000,
                near_duplicate=0.5,
                duplicates=0.0,
                recount_sample_size=60,
                top1_auc=0.9,
                seed=7,
            )
        )
        == ""
    )
    assert audit_was_loosened(Audit(recount_sample_size=0, top1_auc=1.0)) == (
        "the audit was asked for less than by default: audit.top1_auc = 1.0 (default 0.95), audit.recount_sample_size = 0 (default 30)"
    )
    for looser in ({"near_duplicate": 0.8}, {"duplicates": 0.02}, {"sample_size": 100}):
        assert audit_was_loosened(Audit(**looser))
