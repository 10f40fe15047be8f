"""The results of an ablation: metrics read from METRICS, effects computed by hand, and the page."""

import html
import re

import pytest

from patent_spark.core.store import Store
from patent_spark.experiments.ablation.effects import MetricValue
from patent_spark.experiments.ablation.report import PaperComparison, paper_comparison, write_page
from patent_spark.experiments.ablation.report_schema import (
    AblationReport,
    SettingDifference,
    VariantResult,
)
from patent_spark.experiments.ablation.run import all_effects, mlflow_metrics, text_tables
from patent_spark.experiments.ablation.variants import task_result
from patent_spark.experiments.child_warehouse import AuditOutcome, FailedCheck
from patent_spark.metrics.report_schema import Metric, Metrics
from tests.support.factories import publish, task_examples

BASELINES = ("majority", "class_prior", "tfidf_nearest", "tfidf_linear")
YEARS = ("test_2011", "test_2012")
EMBARGO = "labels that closed after the first test day"


def metrics_of(accuracy, pr_auc, precision):
    """METRICS of some patents."""
    interval = None if precision is None else [precision - 0.3, precision + 0.3]
    top1 = {"share": 1 / 30, "pr_auc": pr_auc, "roc_auc": 0.8, "precision": precision, "recall": 0.1}
    return {
        "accuracy": accuracy,
        "intervals": {"accuracy": [accuracy - 0.01, accuracy + 0.01]},
        "top1": top1 | {"intervals": {"roc_auc": [0.8, 0.8], "precision": interval}},
    }


def variant(root, protocol, model, accuracy, pr_auc, failed=(), precision=0.5):
    """One of the four, as run._run leaves it."""
    store = Store(root / f"{protocol}-{model}")
    examples = task_examples(train=7000, test_2011=400)
    publish(store, "shard", {}, {"tasks": {"citation_level": examples}})
    difference = None if pr_auc is None else pr_auc - 0.365
    best = {"baseline": "tfidf_linear", "difference": 0.02, "interval": [0.01, 0.03], "verdict": "better"}
    pr_auc_best = best | {"difference": difference, "interval": [-0.2, 0.05], "verdict": "no better than"}
    metrics = metrics_of(accuracy, pr_auc, precision) | {
        "examples": 900,
        "headline": "test_years",
        "run_id": "abc",
        "best_baseline": {"accuracy": best, "top1.pr_auc": pr_auc_best},
        "baselines": {name: metrics_of(0.6, 0.1, 0.0) for name in BASELINES},
        "splits": {
            split: metrics_of(accuracy - i / 100, pr_auc, 0.5 - i / 10) for i, split in enumerate(YEARS)
        },
    }
    return VariantResult(
        protocol=protocol,
        model=model,
        warehouse=str(store.root),
        audit=AuditOutcome(
            status="failed" if failed else "passed",
            run=20,
            failed=tuple(FailedCheck(task="citation_level", name=name) for name in failed),
        ),
        tasks={"citation_level": task_result(store, Metrics.model_validate(metrics), "citation_level")},
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    home = tmp_path_factory.mktemp("ablation")
    variants = (
        variant(home, "base", "base", 0.80, 0.30),
        variant(home, "paper", "base", 0.70, 0.35, failed=[EMBARGO], precision=0.7),
        variant(home, "base", "paper", 0.78, 0.20),
        variant(home, "paper", "paper", 0.60, None, failed=[EMBARGO, "label mix"]),
    )
    setting = SettingDifference(
        name="label.reference_set", factor="protocol", base="class_year", against="class"
    )
    return AblationReport(
        release_id="r7",
        data_to_date="2025-09-30",
        simulated=True,
        base="base",
        against="paper",
        settings=(setting,),
        variants=variants,
        effects=all_effects(variants),
    )


def text_of(page):
    """What a reader sees."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def sentence_with(text, *words):
    """The only sentence that has all of these."""
    (sentence,) = [
        each for each in re.split(r"(?<=[.:]) (?=[A-Z])", text) if all(word in each for word in words)
    ]
    return sentence


def test_metrics_and_effects(report):
    task = report.variants[0].tasks["citation_level"]
    assert (task.training, task.development, task.examples) == (7000, 0, 900)
    assert task.metrics[Metric.ACCURACY].value == 0.80
    assert task.metrics[Metric.ACCURACY].interval == pytest.approx([0.79, 0.81])
    assert task.splits["test_2012"][Metric.TOP1_PRECISION] == pytest.approx(0.4)
    effects = report.effects["citation_level"]
    accuracy = effects[Metric.ACCURACY]
    assert [each.value for each in (accuracy.protocol, accuracy.model, accuracy.total)] == pytest.approx(
        [-0.14, -0.06, -0.20]
    )
    width = 0.01 * 2**0.5
    assert accuracy.model.interval == pytest.approx([-0.06 - width, -0.06 + width])
    assert effects[Metric.TOP1_ROC_AUC].total.interval is None  # the same in all resamples
    assert Metric.TOP1_PR_AUC not in effects  # one of the four has none
    assert AblationReport.model_validate_json(report.model_dump_json()) == report


def test_the_precision_of_a_label_that_was_never_predicted(tmp_path):
    result = variant(tmp_path, "paper", "base", 0.8, 0.3, precision=None)
    metrics = result.tasks["citation_level"].metrics
    assert metrics[Metric.TOP1_PRECISION] == MetricValue(value=None, interval=None)
    assert metrics[Metric.TOP1_RECALL].value == pytest.approx(0.1)
    assert paper_comparison([result]) == [PaperComparison(model="base", precision=None, recall=0.1)]


def test_mlflow_metrics_have_valid_names(report):
    renamed = report.variants[3].model_copy(update={"protocol": "demo+default"})
    assert mlflow_metrics(renamed) == {
        "citation_level_accuracy_demo-default_protocol_paper_model": 0.60,
        "citation_level_top1_roc_auc_demo-default_protocol_paper_model": 0.8,
        "citation_level_top1_precision_demo-default_protocol_paper_model": 0.5,
        "citation_level_top1_recall_demo-default_protocol_paper_model": 0.1,
    }


def test_the_table_on_a_terminal(report):
    rows = [line.split() for line in text_tables(report)]
    assert rows[1] == ["citation", "level"]
    share, lead = ["900", "3.3", "%"], ["+0.020", "−0.065"]
    assert rows[3] == ["base", "base", *share, "0.800", "0.500", "0.100", "0.300", "0.800", *lead, "passed"]
    last = ["0.600", "0.500", "0.100", "–", "0.800", "+0.020", "–", "2", "failed"]
    assert rows[6] == ["paper", "paper", *share, *last]
    precision = ["+0.100", "(−0.324", "to", "+0.524)"]
    assert rows[7][2:] == ["−0.140", "(−0.154", "to", "−0.126)", *precision, "0.000", "–", "0.000"]
    assert [row[0] for row in rows[7:]] == ["protocol", "model", "total"]


def test_the_page(report, tmp_path):
    write_page(tmp_path, report)
    page = (tmp_path / "report.html").read_text()
    text = text_of(page)
    values = (
        "−20.0",
        "(−21.4 to −18.6)",
        "80.0 %",
        "60.0 %",
        "−14.0",
        "(−15.4 to −12.6)",
        "−6.0",
        "(−7.4 to −4.6)",
    )
    assert "not significant" not in sentence_with(text, "accuracy", *values)
    sentence_with(text, "precision of top1", "(−0.424 to +0.424)", "+0.100", "(−0.324 to +0.524)", "−0.100")
    for words in (
        "protocol effect, the model effect and the total difference are not significant",
        "no interval",
        "paper base 900 all test years 70.0 % 69.0 to 71.0 % 0.700 0.400 to 1.000 0.100 0.350 0.800",
        "paper base 7,000 3.3 % 60.0 % +2.0 +1.0 to +3.0 TF-IDF + linear",
        "−0.015 −0.200 to +0.050 TF-IDF + linear",
        "70.0 % at 10.0 % (model base)",
        "50.0 % at 10.0 % (model paper)",
        f"protocol paper, model paper 2 of 20 failed label mix; {EMBARGO}",
        "protocol base, model base passed none",
        "precision of top1 2011 2012 protocol base, model base 0.500 0.400",
        "label.reference_set class_year class",
        "about 99 %, 83 %",
    ):
        assert words in text, words
    assert (tmp_path / "figures" / "citation_level_variants.png").exists()
    assert not re.search(r'(src|href)="(?!data:|#)', page)


def test_an_interaction_shows_both_simple_effects(report, tmp_path):
    """The protocol costs 10 points with one model and wins 4 with the other."""
    variants = []
    for each, accuracy in zip(report.variants, (0.80, 0.70, 0.66, 0.70), strict=True):
        task = each.tasks["citation_level"]
        value = MetricValue(value=accuracy, interval=(accuracy - 0.01, accuracy + 0.01))
        task = task.model_copy(update={"metrics": task.metrics | {Metric.ACCURACY: value}})
        variants.append(each.model_copy(update={"tasks": {"citation_level": task}}))
    changed = report.model_copy(update={"variants": tuple(variants), "effects": all_effects(variants)})
    write_page(tmp_path, changed)
    text = text_of((tmp_path / "report.html").read_text())
    sentence_with(text, "Interaction", "protocol effect", "−10.0", "base", "+4.0", "paper")
    assert text.count("Interaction") == 1  # not for precision, where one simple effect is 0
