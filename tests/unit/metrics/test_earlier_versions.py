"""METRICS of earlier versions, which MLflow may still hold, are read as those of today."""

import json

from patent_spark.metrics.report_schema import Metric, Metrics, WarningCode, read_metrics_file

SPLIT = {"examples": 3, "accuracy": 0.5, "attainable": {"accuracy": 0.75, "top1_average_precision": 0.25}}
OLD = SPLIT | {
    "task": "citation_level",
    "headline": "test_years",
    "splits": {"test_2011": SPLIT},
    "by_year": {"2011": SPLIT},
    "warnings": ["Only 3 test patents."],
    "audit": {"verdict": "failed", "failed": ["joins"], "checks": []},
}


def read(tmp_path, values):
    path = tmp_path / "citation_level.json"
    path.write_text(json.dumps(values))
    return read_metrics_file(path)


def test_the_bayes_rates_of_each_split_become_references(tmp_path):
    metrics = read(tmp_path, OLD)
    for part in (metrics, metrics.splits["test_2011"], metrics.by_year["2011"]):
        assert part.accuracy == 0.5
        assert list(part.references) == ["bayes_optimal"]
        reference = part.references["bayes_optimal"]
        assert (reference.value(Metric.ACCURACY), reference.value(Metric.TOP1_PR_AUC)) == (0.75, 0.25)
        assert reference.upper_bound


def test_the_rate_of_a_bag_of_words_is_no_upper_bound(tmp_path):
    rates = {"accuracy": 0.9, "bag_of_words_accuracy": 0.8}
    references = read(tmp_path, {"accuracy": 0.5, "attainable": rates}).references
    assert {name: (each.accuracy, each.upper_bound) for name, each in references.items()} == {
        "bayes_optimal": (0.9, True),
        "bayes_optimal_bag_of_words": (0.8, False),
    }


def test_references_win_where_a_file_has_both(tmp_path):
    references = {"prior": {"title": "Prior", "about": "", "upper_bound": False, "accuracy": 0.1}}
    metrics = read(tmp_path, SPLIT | {"references": references})
    assert {name: each.accuracy for name, each in metrics.references.items()} == {"prior": 0.1}


def test_a_file_without_rates_has_no_references(tmp_path):
    for values in ({"accuracy": 0.5}, {"accuracy": 0.5, "attainable": None}):
        assert read(tmp_path, values).references == {}


def test_a_warning_that_is_a_sentence_keeps_its_message(tmp_path):
    (warning,) = read(tmp_path, OLD).warnings
    assert (warning.code, warning.message) == (WarningCode.EARLIER_VERSION, "Only 3 test patents.")


def test_the_verdict_of_an_audit_is_its_status(tmp_path):
    audit = read(tmp_path, OLD).audit
    assert (audit.status, audit.failed) == ("failed", ["joins"])


def test_metrics_of_today_are_left_alone():
    values = {"accuracy": 0.5, "warnings": [{"code": "drift", "message": "m"}], "audit": {"status": "passed"}}
    assert Metrics.model_validate(values).as_json() == values


def test_the_rule_of_labels_by_class_has_the_name_of_today():
    metrics = Metrics.model_validate({"accuracy": 0.5, "label_rule": "pool_class"})
    assert metrics.label_rule == "class_reference_set"
