"""Gates: each says no beyond its limit, and not at it."""

import pyarrow as pa
import pytest

from patent_spark.config import Refresh
from patent_spark.core.metadata import JoinMetadata
from patent_spark.refresh.gates import accepted, release_gates, vocabulary_gate
from patent_spark.refresh.messages import gate_message
from patent_spark.stages.quality.comparison_schema import PatentChanges, ReleaseComparison, ReleaseSummary
from patent_spark.stages.quality.report_schema import Hole, QualityReport, ReleaseInfo, TableRows
from tests.support.factories import stage_metadata

LEVELS = {"top1": 1, "top10": 9, "btm90": 70, "zerocite": 20}


def report(*, day="2020-06-30", rows=1000, unmatched=1, holes=(), levels=None, rules=None, changes=None):
    """QUALITY of a release of 1,000 patents that is sound but for these values."""
    summary = ReleaseSummary.model_construct(levels=LEVELS | (levels or {}), rules=rules or {})
    compared = ReleaseComparison.model_construct(patents=changes) if changes else None
    return QualityReport.model_construct(
        release=ReleaseInfo.model_construct(data_to_date=day),
        tables={"PATENTS": TableRows(rows=rows, rows_in=rows, rejected=0)},
        joins={"CPC": JoinMetadata(rows=100, unmatched=unmatched)},
        holes=holes,
        summary=summary,
        compared=compared,
    )


def hole(first, last):
    return Hole(what="citing", first_year=first, last_year=last, patents=50, having=0, expected_share=0.9)


def refused(now, before, rejected=0):
    """The gates that say no: subject, value and limit by gate."""
    ingest = stage_metadata("ingest", rows_in={"CPC": 1000}, rejected={"CPC": {"bad": rejected}})
    results = release_gates(now, before, ingest, Refresh())
    for result in results:
        assert result.subject in gate_message(result)
    return {each.gate: (each.subject, each.value, each.limit) for each in results if each.stops}


def test_the_same_release_passes_all():
    assert refused(report(), report()) == {}


def test_a_first_release_has_nothing_to_be_compared_with():
    assert refused(report(rows=1, unmatched=99), None) == {}


@pytest.mark.parametrize(
    ("now", "gate", "expected"),
    [
        ({"day": "2020-06-29"}, "age", ("release", None, None)),
        ({"rows": 949}, "rows", ("PATENTS", 0.949, 0.95)),
        ({"unmatched": 4}, "joins", ("CPC", 0.04, 0.03)),
        ({"holes": (hole(2001, 2002),)}, "holes", ("grant years", 1, 0)),
        ({"changes": PatentChanges(both=100, added=0, missing=0, class_changed=11, level_changed=0)},
         "classes", ("LABELS", 0.11, 0.1)),
    ],
)  # fmt: skip
def test_a_value_beyond_its_limit_is_refused(now, gate, expected):
    assert refused(report(**now), report()) == {gate: expected}


@pytest.mark.parametrize(
    "now",
    [
        {"day": "2020-07-01"},
        {"rows": 950},
        {"unmatched": 3},
        {"changes": PatentChanges(both=100, added=0, missing=0, class_changed=10, level_changed=0)},
    ],
)
def test_a_value_at_its_limit_passes(now):
    assert refused(report(**now), report()) == {}


def test_a_hole_that_the_release_before_had_is_no_news():
    assert refused(report(holes=(hole(2001, 2002),)), report(holes=(hole(2001, 2002),))) == {}


def test_rejected_and_lost_rows():
    assert refused(report(), None, rejected=5) == {}
    assert refused(report(), None, rejected=6) == {"rejects": ("CPC", 0.006, 0.005)}


def test_levels_are_compared_by_their_shares_and_only_under_the_same_rules():
    shifted = report(levels={"btm90": 60, "zerocite": 30})
    assert refused(shifted, report())["labels"] == ("LABELS", pytest.approx(0.1), 0.05)
    assert (
        refused(report(levels={"btm90": 60, "zerocite": 30}, rules={"label.horizon_months": 36}), report())
        == {}
    )


def words(**counts):
    return pa.table({"word": list(counts), "count": list(counts.values())})


def test_words_that_the_vocabulary_before_lacks_count_by_how_often_they_occur():
    (result,) = vocabulary_gate(words(a=90, b=6, c=4), words(a=1, x=1), 0.05)
    assert (result.value, result.stops) == (0.1, True)
    (result,) = vocabulary_gate(words(a=95, b=5), words(a=1), 0.05)
    assert (result.value, result.stops) == (0.05, False)


def test_a_person_can_accept_what_one_gate_says():
    results = vocabulary_gate(words(b=1), words(a=1), 0.05)
    assert [each.stops for each in accepted(results, {"vocabulary": "new field"})] == [False]
    assert [each.accepted for each in accepted(results, {"vocabulary": "new field"})] == ["new field"]
    assert [each.stops for each in accepted(results, {"rows": "known"})] == [True]
