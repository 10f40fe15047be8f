"""The card of a registered model."""

import html
import re

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.register.card_schema import CalibrationSummary
from tests.support.registration_warehouse import card_of


def words_of(text):
    """A text with single spaces."""
    return " ".join(text.split())


def test_the_card_of_a_calibrated_model_has_its_calibration(champions):
    metrics = champions.read_json("METRICS", "technology.json")["calibration"]
    content, card = card_of(champions, "technology")
    assert content.tasks[0].calibration == CalibrationSummary(
        fitted=True,
        patents=50,
        temperature=metrics["temperature"],
        ece_before=metrics["before"]["ece"],
        ece_after=metrics["after"]["ece"],
        reason=metrics["why"],
    )
    (line,) = [line for line in card.splitlines() if "temperature" in line and line.startswith("- ")]
    errors = [f"{100 * metrics[time]['ece']:.1f} %" for time in ("before", "after")]
    for words in ("Technology class", f"{metrics['temperature']:.2f}", "50", *errors, metrics["why"]):
        assert words in line, words


def test_a_card_has_what_a_user_must_know(champions):
    content, card = card_of(champions, "citation_level")
    (task,) = content.tasks
    metrics = champions.read_json("METRICS", "citation_level.json")
    assert (content.decision.verdict, content.previous_champion) == ("first", None)
    assert [check.status for check in content.checks] == ["passed", "passed"]
    assert task.test_patents == 80
    assert (task.headline.metric, task.headline.value) == ("top1.pr_auc", metrics["top1"]["pr_auc"])
    assert task.labels == tuple(LEVELS)
    assert not task.calibration.fitted
    split = task.split
    assert (split.protocol, split.train_until, split.embargo) == ("temporal", 2010, True)
    assert split.test_years[:2] == (2011, 2012)
    assert task.warnings == tuple(warning["message"] for warning in metrics["warnings"]) != ()
    for words in (
        f"{metrics['top1']['pr_auc']:.3f} on 80 test patents",
        f"{100 * metrics['top1']['precision_at_1_percent']:.1f} %",
        f"{metrics['top1']['roc_auc']:.3f}",
        "simulated",
        "2010",
        "2011, 2012",
        ", ".join(LEVELS),
        'load_model("models:/patent_spark_citation_level@champion")',
        "calibration.json",
        *(warning["message"] for warning in metrics["warnings"]),
    ):
        assert words in card, words


def test_the_page_of_a_card_is_its_markdown_and_needs_nothing_beside_it(champions):
    _, card = card_of(champions, "citation_level")
    page = (champions.directory("MODEL_CARD") / "citation_level" / "card.html").read_text()
    assert "<h1>Citation level of US patents</h1>" in page
    assert "src=" not in page and "http" not in page
    shown = words_of(html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])))
    sentences = [line.removeprefix("- ") for line in card.splitlines() if line and line[0] not in "#|`*M"]
    assert len(sentences) > 25
    assert [sentence for sentence in map(words_of, sentences) if sentence not in shown] == []
