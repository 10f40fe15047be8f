"""What the comparison of two configurations says: figures read from METRICS, the steps by hand, and what a reader of the page sees."""

import html
import re

import pytest

from patent_spark.core.store import Store
from patent_spark.experiments.ablation.report import _beside_paper, write_page
from patent_spark.experiments.ablation.run import _effects, table, tracked
from patent_spark.experiments.ablation.variants import task_found
from tests.support.factories import publish, task_examples

BASELINES = ("majority", "class_prior", "tfidf_nearest", "tfidf_linear")
YEARS = ("test_2011", "test_2012")


def figures(accuracy, pr_auc, precision):
    """METRICS of some patents."""
    apart = None if precision is None else [precision - 0.3, precision + 0.3]
    return {
        "accuracy": accuracy,
        "intervals": {"accuracy": [accuracy - 0.01, accuracy + 0.01]},
        "top1": {"share": 1 / 30, "pr_auc": pr_auc, "roc_auc": 0.8, "intervals": {"roc_auc": [0.8, 0.8]}},
        "per_class": {"top1": {"precision": precision, "recall": 0.1, "intervals": {"precision": apart}}},
    }


def mixture(root, protocol, model, accuracy, pr_auc, failed=(), precision=0.5):
    """One of the four, as protocols._run leaves it."""
    store = Store(root / f"{protocol}-{model}")
    publish(
        store,
        "shard",
        {},
        {"tasks": {"citation_level": task_examples(train=7000, test_2011=400)}},
    )
    lead = {"baseline": "tfidf_linear", "difference": 0.02, "interval": [0.01, 0.03], "verdict": "better"}
    apart = None if pr_auc is None else pr_auc - 0.365
    less = {
        "baseline": "tfidf_linear",
        "difference": apart,
        "interval": [-0.2, 0.05],
        "verdict": "no better than",
    }
    result = figures(accuracy, pr_auc, precision) | {
        "examples": 900, "headline": "test_years", "run_id": "abc", "attainable": None, "best_baseline": {"accuracy": lead, "top1.pr_auc": less},
        "baselines": {name: figures(0.6, 0.1, 0.0) for name in BASELINES},
        "splits": {split: figures(accuracy - i / 100, pr_auc, 0.5 - i / 10) for i, split in enumerate(YEARS)},
    }  # fmt: skip
    audit = {
        "verdict": "failed" if failed else "passed",
        "judged": 20,
        "failed": [["citation_level", name] for name in failed],
    }
    task = task_found(store, result, "citation_level")
    return {
        "protocol": protocol,
        "model": model,
        "warehouse": str(store.root),
        "audit": audit,
        "tasks": {"citation_level": task},
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    home = tmp_path_factory.mktemp("protocols")
    rows = [
        mixture(home, "ours", "ours", 0.80, 0.30),
        mixture(
            home,
            "paper",
            "ours",
            0.70,
            0.35,
            failed=["labels that closed after the first test day"],
            precision=0.7,
        ),
        mixture(home, "ours", "paper", 0.78, 0.20),
        mixture(
            home,
            "paper",
            "paper",
            0.60,
            None,
            failed=["labels that closed after the first test day", "label mix"],
        ),
    ]
    settings = [{"name": "label.reference_set", "part": "protocol", "ours": "class_year", "theirs": "class"}]
    about = {
        "release_id": "r7",
        "data_to_date": "2025-09-30",
        "simulated": True,
        "ours": "ours",
        "theirs": "paper",
        "settings": settings,
    }
    return about | {"mixtures": rows, "effects": _effects(rows)}


def words_of(page):
    """What a reader sees."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def test_figures_and_whose_the_steps_are(found):
    task = found["mixtures"][0]["tasks"]["citation_level"]
    assert (task["training"], task["development"], task["examples"]) == (7000, 0, 900)
    assert task["figures"]["accuracy"] == {
        "value": 0.80,
        "interval": [pytest.approx(0.79), pytest.approx(0.81)],
    }
    assert task["splits"]["test_2012"]["per_class.top1.precision"] == pytest.approx(0.4)
    told = found["effects"]["citation_level"]
    assert {part: told["accuracy"][part]["value"] for part in told["accuracy"]} == pytest.approx(
        {"protocol": -0.14, "model": -0.06, "both": -0.20}
    )
    width = 0.01 * 2**0.5
    assert told["accuracy"]["model"]["interval"] == pytest.approx([-0.06 - width, -0.06 + width])
    assert told["top1.roc_auc"]["both"]["interval"] is None  # the same in all resamples says nothing
    assert "top1.pr_auc" not in told  # one of the four has none


def test_a_precision_of_what_was_never_called(tmp_path):
    task = mixture(tmp_path, "ours", "ours", 0.8, 0.3, precision=None)["tasks"]["citation_level"]
    assert task["figures"]["per_class.top1.precision"] == {"value": None, "interval": None}
    assert task["figures"]["per_class.top1.recall"]["value"] == pytest.approx(0.1)
    assert "no patent is called top1 at all (model ours)" in _beside_paper(
        [{"protocol": "paper", "model": "ours", "tasks": {"citation_level": task}}],
    )  # fmt: skip


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
    assert lines[3].split() == [
        "ours",
        "ours",
        "900",
        "3.3",
        "%",
        "0.800",
        "0.500",
        "0.100",
        "0.300",
        "0.800",
        "+0.020",
        "−0.065",
        "passed",
    ]
    assert lines[6].split() == [
        "paper",
        "paper",
        "900",
        "3.3",
        "%",
        "0.600",
        "0.500",
        "0.100",
        "–",
        "0.800",
        "+0.020",
        "–",
        "2",
        "failed",
    ]
    assert lines[7].split() == [
        "step", "by", "protocol", "−0.140", "(−0.154", "to", "−0.126)", "+0.100", "(−0.324", "to", "+0.524)", "0.000", "–", "0.000",
    ]  # fmt: skip


def test_the_page(found, tmp_path):
    write_page(tmp_path, found)
    page = (tmp_path / "report.html").read_text()
    text = words_of(page)
    assert (
        "−20.0 points of accuracy (−21.4 to −18.6) from ours (80.0 %) to paper (60.0 %): "
        "−14.0 points (−15.4 to −12.6) by the protocol, −6.0 points (−7.4 to −4.6) by the model. 0.000 precision of top1"
    ) in text
    assert (
        "0.000 precision of top1 (−0.424 to +0.424) from ours (0.500) to paper (0.500): +0.100 (−0.324 to +0.524) by the protocol, "
        "−0.100 (−0.524 to +0.324) by the model. The protocol's part, the model's part and the whole cannot be told from nothing."
    ) in text
    assert (
        "The protocol's part, the model's part and the whole cannot be given an interval, for one of the figures has none."
        in text
    )
    assert (
        "paper ours 900 all test years 70.0 % 69.0 to 71.0 % 0.700 0.400 to 1.000 0.100 0.350 0.800" in text
    )
    assert (
        "paper ours 7,000 3.3 % 60.0 % +2.0 +1.0 to +3.0 TF-IDF + linear −0.015 −0.200 to +0.050 TF-IDF + linear 1 of 20 failed"
        in text
    )
    assert (
        "Of top1 the paper prints a precision of about 99 % at a recall of 83 % in every year. "
        "Its own protocol gives here 70.0 % at 10.0 % (model ours); 50.0 % at 10.0 % (model paper)."
    ) in text
    assert "paper, model paper label mix; labels that closed after the first test day" in text
    assert "ours, model ours none" in text
    assert "precision of top1 2011 2012 ours, model ours 0.500 0.400" in text
    assert "label.reference_set class_year class" in text
    assert "top1 precision, recall in every year about 99 %, 83 %" in text
    assert (tmp_path / "figures" / "citation_level_protocols.png").exists()
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_steps_that_differ_in_sign_are_both_told(found, tmp_path):
    """Ours loses 10 points by the protocol where theirs wins 4."""
    rows = [
        dict(row, tasks={"citation_level": dict(row["tasks"]["citation_level"])}) for row in found["mixtures"]
    ]
    for row, accuracy in zip(rows, (0.80, 0.70, 0.66, 0.70), strict=True):
        told = row["tasks"]["citation_level"]
        told["figures"] = told["figures"] | {
            "accuracy": {"value": accuracy, "interval": [accuracy - 0.01, accuracy + 0.01]}
        }
    write_page(tmp_path, found | {"mixtures": rows, "effects": _effects(rows)})
    text = words_of((tmp_path / "report.html").read_text())
    assert (
        "The protocol's part is the mean of two that differ in sign: −10.0 with the model of ours, +4.0 with the model of paper."
        in text
    )
    assert text.count("differ in sign") == 1  # not of precision, where one of the two is 0
