"""The report of the stage: what it says, and what it says when an input is missing."""

import base64
import json

from patent_spark.core.metadata import IngestMetadata
from patent_spark.metrics.baselines import BASELINES, NAMES
from patent_spark.metrics.report_schema import read_metrics
from patent_spark.pipeline import run_stage
from patent_spark.stages.evaluate.mlflow_logging import logged_metrics
from tests.support.evaluation_warehouse import configured, republish_ingest
from tests.support.factories import publish
from tests.support.html_page import Page


def percent(value):
    return f"{100 * value:.1f} %"


def ends(interval):
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f} %"


def signed(value):
    return f"{100 * value:+.1f}".replace("-", "−")


def test_the_report_says_what_it_must(evaluated):
    page = Page((evaluated.directory("REPORT") / "report.html").read_text())
    technology, level = (
        evaluated.read_json("METRICS", "technology.json"),
        evaluated.read_json("METRICS", "citation_level.json"),
    )
    for metrics in (technology, level):
        assert f"{100 * metrics['accuracy']:.1f} %" in page.text
        assert metrics["warnings"], "so few test patents call for a warning"
        for warning in metrics["warnings"]:
            assert warning["message"] in page.text
    assert "Simulated release tiny, data to 2018-05-29" in " ".join(page.text.split())
    # The headline is the difference to the best baseline.
    best = technology["best_baseline"]["accuracy"]
    low, high = best["interval"]
    difference, span = signed(best["difference"]), f"{signed(low)} to {signed(high)}"
    values = f"{difference} points of accuracy ({span}): {best['verdict']}"
    assert values in " ".join(page.text.split())
    # Baselines and references beside the model, each with its interval.
    comparison = page.table("", "this model")
    assert comparison[0] == [
        "",
        "this model",
        *(NAMES[name] for name in reversed(BASELINES)),
        *(reference["title"] for reference in technology["references"].values()),
    ]
    columns = [technology, *(technology["baselines"][name] for name in reversed(BASELINES))]
    assert comparison[1] == [
        "accuracy",
        *(f"{percent(each['accuracy'])} {ends(each['accuracy_interval'])}" for each in columns),
        "92.0 %",
        "80.0 %",
    ]
    leads = comparison[comparison.index(["by how much this model is better"]) + 1]
    assert leads[2].startswith(
        signed(technology["baselines"]["tfidf_linear"]["model_better_by"]["accuracy"]["difference"])
    )
    # A column for each test year.
    years = page.table("", "2011")
    assert years[0] == ["", "2011", "2012", "all years"]
    rows = {row[0]: row[1:] for row in reversed(years)}
    parts = [*(level["by_year"][year] for year in ("2011", "2012")), level]
    assert rows["accuracy"] == [
        f"{percent(part['accuracy'])} {ends(part['accuracy_interval'])}" for part in parts
    ]
    # Each section, and each label as in Appendix B.
    sections = page.table("CPC section")
    assert [row[0] for row in sections[1:]] == ["A Human necessities", "H Electricity"]
    assert [row[1] for row in sections[1:]] == [
        str(part["examples"]) for part in technology["by_section"].values()
    ]
    classes = page.table("label", "test patents")
    assert len(classes) == 1 + 8
    first = technology["per_class"]["A01"]
    assert classes[1][:2] == ["A01", str(first["support"])]
    assert [cell.split()[0] for cell in classes[1][2:5]] == [
        f"{first[name]:.3f}" for name in ("precision", "recall", "f1")
    ]
    # Appendix A: the probes that the vocabulary has, then others.
    words = page.table("word", "count")
    assert [row[0] for row in words[1:3]] == ["brain", "network"]
    assert len(words) == 1 + 9
    # Rows of the release, and the paper.
    assert ["PATENTS", "1,200", "4", "unknown date 3, no id 1"] in page.table("table")
    assert "59 / 57 / 55 / 53 / 51 %" in page.text


def test_the_report_needs_nothing_beside_it(evaluated):
    page = Page((evaluated.directory("REPORT") / "report.html").read_text())
    files = sorted((evaluated.directory("REPORT") / "figures").glob("*.png"))
    assert {file.stem for file in files} == {
        "technology_confusion_by_row", "technology_confusion_by_column", "technology_training",
        "technology_reliability",
        "citation_level_confusion_by_row", "citation_level_confusion_by_column",
        "citation_level_training", "citation_level_reliability",
        "citation_level_by_year", "citation_level_top1_by_year",
    }  # fmt: skip
    assert {base64.b64decode(source.removeprefix("data:image/png;base64,")) for source in page.pictures} == {
        file.read_bytes() for file in files
    }
    for task in ("technology", "citation_level"):
        assert evaluated.read_json("REPORT", f"{task}.json") == evaluated.read_json("METRICS", f"{task}.json")
    assert all(
        link.startswith(("data:", "#")) and (link[0] != "#" or link[1:] in page.ids) for link in page.links
    )


def relabel(store, **settings):
    """Other settings in the manifest of the labels."""
    path = store.root / "label" / store.manifest("label").version / "manifest.json"
    path.write_text(
        json.dumps(
            json.loads(path.read_text())
            | {"settings": {f"label.{name}": value for name, value in settings.items()}}
        )
    )


def test_the_report_names_what_is_odd_about_the_data(copy):
    hole = "Patents granted 2012 to 2014 make hardly any citation"
    publish(copy, "quality", {}, {"warnings": [hole], "compared_with": None})
    run_stage("evaluate", configured(copy.root))
    page = Page((copy.directory("REPORT") / "report.html").read_text())
    assert f"Data: {hole}" in page.text
    assert "patent-spark quality" not in page.text


def test_a_report_without_a_look_at_the_data_says_so(evaluated):
    assert "patent-spark quality" in Page((evaluated.directory("REPORT") / "report.html").read_text()).text


def test_references_of_another_label_rule_are_not_shown(copy):
    rates = copy.metadata(IngestMetadata).generator_rates
    by_class = rates["citation_level"] | {"class_reference_set": {"accuracy": 0.625}}
    republish_ingest(
        copy,
        copy.metadata(IngestMetadata).model_copy(
            update={"generator_rates": rates | {"citation_level": by_class}}
        ),
    )
    for settings, accuracy in [
        ({"reference_set": "class", "horizon_months": 60}, 0.625),
        ({"reference_set": "class_year", "horizon_months": 36}, None),
    ]:
        relabel(copy, **settings)
        run_stage("evaluate", configured(copy.root, "tasks=citation_level"), force=True)
        metrics = read_metrics(copy, "citation_level")
        parts = [metrics, *metrics.splits.values(), *metrics.by_year.values()]
        expected = {} if accuracy is None else {"bayes_optimal": accuracy}
        for part in parts:
            assert {name: each.accuracy for name, each in part.references.items()} == expected
        assert any("bayes_optimal" in name for name in logged_metrics(metrics)) == bool(expected)
        page = Page((copy.directory("REPORT") / "report.html").read_text())
        titles = [each.title for each in metrics.references.values()]
        assert page.table("", "this model")[0][2 + len(BASELINES) :] == titles
        assert ("no reference classifier" in page.text) == (not expected)
