"""The audit's own arithmetic, against values by hand or another way of working them out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from patent_spark.config import Label, flatten, load_config, recorded
from patent_spark.core.store import Store
from patent_spark.stages.audit.check_spec import CheckSpec
from patent_spark.stages.audit.checks.lookahead import closing_days
from patent_spark.stages.audit.checks.recount import recount
from patent_spark.stages.audit.checks.shortcuts import area_under_curve
from patent_spark.stages.audit.minhash import ReferenceTexts
from patent_spark.stages.audit.raw_release import find_release
from patent_spark.stages.audit.report_schema import FAILED, PASSED
from tests.support.factories import publish
from tests.support.releases import write_release


def test_near_duplicates_are_those_of_comparing_all_with_all():
    rng = np.random.default_rng(4)
    texts = np.zeros((60, 40), np.int32)
    for row, length in enumerate(rng.integers(0, 41, 60)):
        texts[row, :length] = rng.integers(1, 500, length)
    others = texts[::-1].copy()
    # None, one or two words are changed in each text. The longer texts then share 1, 0.85 and 0.73.
    for row in range(len(others)):
        length = np.count_nonzero(others[row])
        others[row, rng.integers(0, max(1, length), row % 3)] = 7
        others[row, length:] = 0
    shingles = [
        [{tuple(row[i : i + 3]) for i in range(np.count_nonzero(row) - 2)} for row in side]
        for side in (texts, others)
    ]
    expected = {
        (i, j): len(one & two) / len(one | two)
        for j, two in enumerate(shingles[1])
        for i, one in enumerate(shingles[0])
        if one and two and len(one & two) / len(one | two) >= 0.7
    }
    actual = {(i, j): share for i, j, share in ReferenceTexts(others).near(texts, 0.7)}
    assert len(expected) > 20
    assert actual == pytest.approx(expected)


def test_a_label_closes_on_the_same_day_of_the_month_or_on_its_last():
    days = pd.Series(pd.to_datetime(["2000-02-29", "1999-08-31", "2005-01-04", None]))
    examples = pd.DataFrame({"grant_date": days, "year": days.dt.year, "follow_up": np.nan})
    assert closing_days(examples, 60)[:3].astype(str).tolist() == ["2005-02-28", "2004-08-31", "2010-01-04"]
    assert closing_days(examples, 6)[1] == pd.Timestamp(2000, 2, 29)
    assert pd.isna(closing_days(examples, 6)[3])
    assert closing_days(examples, 0)[:3].equals(days[:3])


def test_an_interim_level_closes_for_its_whole_grant_year():
    days = pd.Series(pd.to_datetime(["2000-02-29", "1999-08-31", "2005-01-04", None]))
    follow_ups = [12.0, 18.0, np.nan, 24.0]
    examples = pd.DataFrame({"grant_date": days, "year": days.dt.year, "follow_up": follow_ups})
    closing = closing_days(examples, 60)
    assert closing[:3].astype(str).tolist() == ["2001-12-31", "2001-06-30", "2010-01-04"]
    assert pd.isna(closing[3])


def test_area_under_curve_with_ties():
    rng = np.random.default_rng(0)
    truth, scores = rng.random(200) < 0.2, rng.integers(0, 5, 200)
    assert area_under_curve(truth, scores) == pytest.approx(roc_auc_score(truth, scores))
    assert area_under_curve(np.zeros(3, bool), np.arange(3)) == 0.5


def test_a_value_that_is_no_number_fails():
    spec = CheckSpec("code", "name", "unit", "number", "interpretation")
    statuses = [spec.measured(value, 1.0, "").status for value in (1.0, 1.1, float("nan"))]
    assert statuses == [PASSED, FAILED, FAILED]


PATENTS = [
    ("7000001", "2000-02-29", 0),
    ("7000002", "2005-02-28", 0),  # the last day of 7000001's window
    ("7000003", "2005-03-01", 0),
    ("7000004", "2001-01-02", 1),
    ("7000005", "2001-01-02", 0),
    ("7000006", "9178-12-11", 0),  # cites from a day that ingest refuses, far behind any window
    ("7000007", "1999-01-05", 0),  # cites what was granted after it
]
CITATIONS = [
    ("7000002", "7000001", "cited by applicant"),
    ("7000002", "7000001", "cited by applicant"),
    ("7000003", "7000001", ""),
    ("7000004", "7000001", ""),
    ("7000005", "7000001", "cited by examiner"),
    ("7000006", "7000001", ""),
    ("7000007", "7000001", ""),
    ("7000001", "7000001", ""),
    ("6999999", "7000001", ""),
]
CLASSES = [
    ("7000001", 0, "A01", "additional", "A01B"),
    ("7000001", 4, "H04", "inventional", "H04L"),
    ("7000001", 2, "G06", "inventional", "G06"),  # no subclass: behind the others of its sequence
    ("7000001", 2, "G06", "inventional", "G06N"),
    ("7000002", 0, "G06", "inventional", "H04L"),  # of another class
]


@pytest.fixture(scope="module", params=["current", "old"])
def release(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("release")
    if request.param == "current":
        tables = {
            "g_patent": [
                {
                    "patent_id": id_,
                    "patent_date": day,
                    "withdrawn": gone,
                    "patent_title": 'A "lamp"\nof two lines',
                }
                for id_, day, gone in PATENTS
            ],
            "g_us_patent_citation": [
                {"patent_id": a, "citation_patent_id": b, "citation_category": c} for a, b, c in CITATIONS
            ],
            "g_cpc_current": [
                {"patent_id": a, "cpc_sequence": b, "cpc_class": c, "cpc_type": d, "cpc_subclass": e}
                for a, b, c, d, e in CLASSES
            ],
        }
    else:
        tables = {
            "patent": [{"id": id_, "date": day, "withdrawn": gone} for id_, day, gone in PATENTS] + ["torn"],
            "uspatentcitation": [{"patent_id": a, "citation_id": b, "category": c} for a, b, c in CITATIONS],
            "cpc_current": [
                {"patent_id": a, "sequence": b, "subsection_id": c, "category": d, "group_id": e}
                for a, b, c, d, e in CLASSES
            ],
        }
    write_release(folder / "release", tables)
    store = Store(folder / "w")
    publish(store, "ingest", {})
    return find_release(store, load_config(sets=[f"source.path={folder / 'release'}"])[0])


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({}, 3),  # 7000002, 7000005 and itself
        ({"self_citations": False}, 2),
        ({"citing": "examiner"}, 1),
        ({"citing": "not_examiner"}, 2),
        ({"horizon_months": 11}, 2),
        ({"horizon_months": 61}, 4),
    ],
)
def test_labels_by_hand(release, settings, count):
    rule = Label(**settings)
    actual = recount(release, [("7000001", rule.horizon_months), ("7000005", 12)], rule)
    assert actual == {
        ("7000001", rule.horizon_months): ("G06", count, "G06N"),
        ("7000005", 12): (None, 0, None),
    }


def test_a_subclass_of_another_class_is_none(release):
    code = recount(release, [("7000002", 12)], Label())["7000002", 12]
    assert [code.at(level) for level in ("section", "class", "subclass")] == ["G", "G06", None]


def test_a_downloaded_release_is_looked_for_where_it_was_read(tmp_path):
    store, downloaded = Store(tmp_path / "w"), load_config(sets=["source.kind=odp"])[0]
    for name in ("g_patent", "g_us_patent_citation", "g_cpc_current"):
        (tmp_path / f"{name}.tsv.zip").touch()
    publish(store, "ingest", {}, {"folder": str(tmp_path)})
    assert find_release(store, downloaded) is not None
    publish(store, "ingest", {}, {"folder": str(tmp_path / "gone")})
    assert find_release(store, downloaded) is None


def test_a_release_that_is_gone_is_not_found(tmp_path):
    store = Store(tmp_path / "w")
    publish(store, "ingest", {})
    assert find_release(store, load_config(sets=[f"source.path={tmp_path}"])[0]) is None
    assert find_release(store, load_config()[0]) is None


def test_the_settings_of_a_manifest_are_read_back():
    made, _ = load_config(
        sets=[
            "label.reference_set=class",
            "split.test_years=[2012, 2013]",
            "simulate.data_to_date=2020-01-31",
        ]
    )
    assert recorded(flatten(made)) == made
    assert (
        recorded({"label.reference_set": "class", "label.no_longer_there": 1, "gone.setting": 2}).label
        == made.label
    )
