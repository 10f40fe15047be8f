"""What a back-test says: figures read from METRICS of small worlds, the decay by hand, and what a reader of the page sees."""

import json
import re

import pytest

from patent_spark.core.store import Store, write_json
from patent_spark.experiments.backtest.plan import AsOf
from patent_spark.experiments.backtest.report import write_page
from patent_spark.experiments.backtest.results import decay, model_found, tracked
from patent_spark.experiments.backtest.run import table
from tests.support.factories import publish, task_examples

BASELINES = ("majority", "class_prior", "tfidf_nearest", "tfidf_linear")


def figures(accuracy, pr_auc, lift=None, interval=0.05):
    return {
        "accuracy": accuracy,
        "intervals": {"accuracy": [accuracy - interval, accuracy + interval]},
        "top1": {
            "pr_auc": pr_auc,
            "lift_at_1_percent": lift,
            "intervals": {"pr_auc": [pr_auc / 2, pr_auc * 2]},
        },
    }


def year_of(accuracy, pr_auc, linear=(0.6, 0.1, 2.0), attainable=None):
    """A test year as METRICS has it; the linear baseline is the best one."""
    others = {name: figures(0.5, 0.02, 1.0) for name in BASELINES} | {"tfidf_linear": figures(*linear)}
    lead = {"baseline": "tfidf_linear", "interval": [-0.01, 0.3], "verdict": "better"}
    best = {
        "accuracy": lead | {"difference": accuracy - linear[0]},
        "top1.pr_auc": lead | {"difference": pr_auc - linear[1], "verdict": "worse"},
    }
    return figures(accuracy, pr_auc, 7.0) | {
        "examples": 1234,
        "baselines": others,
        "best_baseline": best,
        "attainable": attainable,
    }


def publish_model(root, years, failed=(), not_made=()):
    """A warehouse as train_and_judge leaves it, of one citation model."""
    store = Store(root)
    checks = [
        {"task": None, "name": "one", "verdict": "passed"},
        {"task": "citation_level", "name": "two", "verdict": "not_applicable"},
    ]
    checks += [{"task": "citation_level", "name": name, "verdict": "failed"} for name in failed]
    checks += [{"task": None, "name": name, "verdict": "not_made"} for name in not_made]
    publish(
        store,
        "shard",
        {},
        {"tasks": {"citation_level": task_examples(train=5000, development=500)}},
    )
    publish(store, "text", {}, {"vocabulary_size": 4321})
    result = {"run_id": "abc", "by_year": {str(year): each for year, each in years.items()}}
    publish(
        store,
        "evaluate",
        {},
        fill=lambda draft: write_json(draft.path("METRICS") / "citation_level.json", result),
    )
    found = {"verdict": "failed" if failed else "incomplete" if not_made else "passed", "checks": checks}
    publish(store, "audit", {}, fill=lambda draft: write_json(draft.path("AUDIT") / "audit.json", found))
    return store


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    home = tmp_path_factory.mktemp("models")
    old = {
        2007: year_of(0.70, 0.20),
        2008: year_of(0.68, 0.18, attainable={"accuracy": 0.9, "top1_average_precision": 0.5}),
    }
    new = {2008: year_of(0.72, 0.24), 2009: year_of(0.71, 0.22)}
    return [
        model_found(
            publish_model(home / "a", old), AsOf(2006, (2007, 2008, 2009), (2010,)), "citation_level"
        ),
        model_found(
            publish_model(home / "b", new, failed=["label mix"]),
            AsOf(2007, (2008, 2009), ()),
            "citation_level",
        ),
    ]


def test_an_audit_that_could_not_make_a_check_is_told_as_incomplete(tmp_path):
    store = publish_model(tmp_path / "a", {2008: year_of(0.7, 0.2)}, not_made=["recount"])
    found = model_found(store, AsOf(2006, (2008,), ()), "citation_level")
    assert found["audit"] == {"verdict": "incomplete", "judged": 1, "failed": []}


def test_a_model_is_told_by_what_its_warehouse_says(models):
    old, new = models
    assert (
        old["as_of"],
        old["training"],
        old["development"],
        old["vocabulary"],
        old["run_id"],
        old["left_out"],
    ) == (
        2006,
        5000,
        500,
        4321,
        "abc",
        [2010],
    )
    assert old["audit"] == {"verdict": "passed", "judged": 1, "failed": []}
    assert new["audit"] == {"verdict": "failed", "judged": 2, "failed": [["citation_level", "label mix"]]}
    assert [(year["year"], year["distance"], year["examples"]) for year in old["years"]] == [
        (2007, 1, 1234),
        (2008, 2, 1234),
    ]  # 2009 has no patent
    told = old["years"][1]["figures"]
    assert told["top1.pr_auc"] == {
        "model": 0.18, "interval": [0.09, 0.36], "best_baseline": "tfidf_linear", "baseline": 0.1, "linear": 0.1,
        "better_by": pytest.approx(0.08), "better_by_interval": [-0.01, 0.3], "verdict": "worse", "prior": 0.02, "attainable": 0.5,
    }  # fmt: skip
    assert (told["accuracy"]["attainable"], old["years"][0]["figures"]["accuracy"]["attainable"]) == (
        0.9,
        None,
    )
    lift = told["top1.lift_at_1_percent"]  # METRICS compares no lift; the best baseline is looked for here
    assert (lift["model"], lift["best_baseline"], lift["baseline"], lift["interval"], lift["better_by"]) == (
        7.0,
        "tfidf_linear",
        2.0,
        None,
        None,
    )


def test_a_year_of_distance_costs_what_models_on_the_same_year_differ_by(models):
    told = decay(
        models, "accuracy"
    )  # only 2008 has two models, one year apart, each with an interval of 0.05 to both sides
    assert told["per_year"] == pytest.approx(0.68 - 0.72)
    assert told["interval"] == pytest.approx([-0.04 - 0.05 * 2**0.5, -0.04 + 0.05 * 2**0.5])
    assert decay(models[:1], "accuracy") is None
    several = [  # 2011 is an easy year and 2009 a hard one; in each, a year of distance costs 0.02
        {"years": [point(2009, 3, 0.40), point(2011, 5, 0.80)]},
        {"years": [point(2009, 1, 0.44), point(2011, 3, 0.84), point(2010, 2, None)]},
        {"years": [point(2011, 1, 0.88)]},
    ]
    assert decay(several, "accuracy") == {"per_year": pytest.approx(-0.02), "interval": None}


def point(year, distance, value):
    return {"year": year, "distance": distance, "figures": {"accuracy": {"model": value, "interval": None}}}


def test_figures_for_mlflow_are_told_by_test_year(models):
    told = tracked("citation_level", models)
    assert [year for year, _ in told] == [2007, 2008, 2008, 2009]
    assert told[0][1] == {
        "citation_level_top1_pr_auc_as_of_2006": 0.20, "citation_level_top1_pr_auc_best_baseline_as_of_2006": 0.1,
        "citation_level_accuracy_as_of_2006": 0.70, "citation_level_accuracy_best_baseline_as_of_2006": 0.6,
        "citation_level_top1_lift_at_1_percent_as_of_2006": 7.0, "citation_level_top1_lift_at_1_percent_best_baseline_as_of_2006": 2.0,
    }  # fmt: skip


def test_the_table_on_a_terminal(models):
    lines = table("citation_level", models)
    assert lines[1] == "citation level (baseline: the best one)"
    assert (
        " ".join(lines[2].split())
        == "as of tested on patents PR-AUC of top1 baseline Accuracy baseline Lift in the first 1 % baseline"
    )
    assert lines[3].split() == ["2006", "2007", "1,234", "0.200", "0.100", "0.700", "0.600", "7.000", "2.000"]


def test_the_page_says_it_all_and_needs_nothing_beside_it(models, tmp_path):
    lost = {name: decay(models, name) for name in ("top1.pr_auc", "accuracy", "top1.lift_at_1_percent")}
    found = {
        "release_id": "r7", "data_to_date": "2014-12-31", "simulated": True, "horizon_months": 60, "last_closed_year": 2009,
        "settings_set": {"label.reference_set": "class_year"}, "tasks_left_out": ["technology"], "classes_at_issue": True,
        "tasks": {"citation_level": {"models": models, "decay": lost}},
    }  # fmt: skip
    write_page(tmp_path, found)
    page = (tmp_path / "report.html").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert (
        "0.220 PR-AUC of top1 in the first year after; −0.060 (−0.285 to +0.165) for each further year. Better"
        in text
    )
    assert "Better than the best baseline in 0 of 4 test years, worse in 4 ." in text
    assert (
        "71.0 % Accuracy in the first year after; −4.0 points (−11.1 to +3.1) for each further year" in text
    )
    assert "Citation level: the audit of one of these models or more failed: label mix." in text
    assert "as of 2006 70.0 % 65.0 to 75.0 % 68.0 % 63.0 to 73.0 % as of 2007" in text
    assert "end of 2006 5,000 500 4,321 2007 to 2008 2010 all 1 checks passed" in text
    assert "so the last 5 grant years train nothing" in text
    assert (
        "For this the back-test sets label.reference_set=class_year , whatever the configuration says."
        in text
    )
    assert "Technology is left out: it is split by class, not by year" in text
    assert "The release does have the classes at issue (g_cpc_at_issue); they are not used" in text
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        "citation_level_by_distance.png",
        "citation_level_by_year.png",
    ]
    assert 'src="data:image/png' in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert json.loads(json.dumps(found)) == found
