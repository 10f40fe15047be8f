"""What the comparison of two configurations says: figures read from METRICS, the steps by hand, and what a reader of the page sees."""

import re

import pytest

from patent_spark.backtest.mixtures import task_found
from patent_spark.backtest.protocols import _effects, table, tracked
from patent_spark.backtest.protocols_page import write_page
from patent_spark.store import Store
from tests.worlds import publish

BASELINES = ("majority", "class_prior", "tfidf_nearest", "tfidf_linear")
YEARS = ("test_2011", "test_2012")


def figures(accuracy, pr_auc, precision):
    return {
        "accuracy": accuracy,
        "intervals": {"accuracy": [accuracy - 0.01, accuracy + 0.01]},
        "top1": {"pr_auc": pr_auc, "roc_auc": 0.8, "intervals": {}},
        "per_class": {"top1": {"precision": precision, "recall": 0.1}},
    }


def mixture(root, protocol, model, accuracy, pr_auc, failed=()):
    """One of the four, as protocols._run leaves it."""
    store = Store(root / f"{protocol}-{model}")
    publish(store, "shard", {}, {"tasks": {"citation_level": {"splits": {"train": {"rows": 7000}, "test_2011": {"rows": 400}}}}})
    lead = {"baseline": "tfidf_linear", "difference": 0.02, "interval": [0.01, 0.03], "verdict": "better"}
    result = figures(accuracy, pr_auc, 0.5) | {
        "examples": 900, "headline": "test_years", "run_id": "abc", "attainable": None, "best_baseline": {"accuracy": lead},
        "baselines": {name: figures(0.6, 0.1, 0.0) for name in BASELINES},
        "splits": {split: figures(accuracy - i / 100, pr_auc, 0.5 - i / 10) for i, split in enumerate(YEARS)},
    }  # fmt: skip
    audit = {"verdict": "failed" if failed else "passed", "judged": 20, "failed": [["citation_level", name] for name in failed]}
    task = task_found(store, result, "citation_level")
    return {"protocol": protocol, "model": model, "warehouse": str(store.root), "audit": audit, "tasks": {"citation_level": task}}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    home = tmp_path_factory.mktemp("protocols")
    rows = [
        mixture(home, "ours", "ours", 0.80, 0.30),
        mixture(home, "paper", "ours", 0.70, 0.35, failed=["labels that closed after the first test day"]),
        mixture(home, "ours", "paper", 0.78, 0.20),
        mixture(home, "paper", "paper", 0.60, None, failed=["labels that closed after the first test day", "label mix"]),
    ]
    knobs = [{"name": "label.pool", "part": "protocol", "ours": "class_year", "theirs": "class"}]
    about = {"release_id": "r7", "data_to_date": "2025-09-30", "simulated": True, "ours": "ours", "theirs": "paper", "knobs": knobs}
    return about | {"mixtures": rows, "effects": _effects(rows)}


def test_figures_and_whose_the_steps_are(found):
    task = found["mixtures"][0]["tasks"]["citation_level"]
    assert (task["training"], task["development"], task["examples"]) == (7000, 0, 900)
    assert task["figures"]["accuracy"] == {"value": 0.80, "interval": [pytest.approx(0.79), pytest.approx(0.81)]}
    assert task["splits"]["test_2012"]["per_class.top1.precision"] == pytest.approx(0.4)
    told = found["effects"]["citation_level"]
    assert told["accuracy"] == pytest.approx({"protocol": -0.14, "model": -0.06, "both": -0.20})
    assert "top1.pr_auc" not in told  # one of the four has none


def test_figures_for_mlflow_have_names_that_it_takes(found):
    row = found["mixtures"][3] | {"protocol": "demo+default"}
    assert tracked(row) == {
        "citation_level_accuracy_demo-default_protocol_paper_model": 0.60, "citation_level_top1_roc_auc_demo-default_protocol_paper_model": 0.8,
        "citation_level_per_class_top1_precision_demo-default_protocol_paper_model": 0.5,
        "citation_level_per_class_top1_recall_demo-default_protocol_paper_model": 0.1,
    }  # fmt: skip


def test_the_table_on_a_terminal(found):
    lines = table(found)
    assert lines[1] == "citation level"
    assert lines[3].split() == ["ours", "ours", "900", "0.800", "0.500", "0.100", "0.300", "0.800", "passed"]
    assert lines[6].split() == ["paper", "paper", "900", "0.600", "0.500", "0.100", "–", "0.800", "2", "failed"]
    assert lines[7].split() == ["step", "by", "protocol", "-0.140", "+0.000", "+0.000", "–", "+0.000"]


def test_the_page(found, tmp_path):
    write_page(tmp_path, found)
    page = (tmp_path / "report.html").read_text()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "−20.0 points of accuracy from ours (80.0 %) to paper (60.0 %): −14.0 points by the protocol, −6.0 points by the model." in text
    assert "paper ours 7,000 900 70.0 % 69.0 to 71.0 % 0.500 0.100 0.350 0.800 60.0 % +2.0 TF-IDF + linear 1 of 20 failed" in text
    assert "paper, model paper label mix; labels that closed after the first test day" in text
    assert "ours, model ours none" in text
    assert "precision of top1 2011 2012 ours, model ours 0.500 0.400" in text
    assert "label.pool class_year class" in text
    assert "top1 precision, recall in every year about 99 %, 83 %" in text
    assert (tmp_path / "figures" / "citation_level_protocols.png").exists()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
