"""What a back-test says about an answer, from the file that `patent-spark backtest` writes."""

import datetime

import pytest

from patent_spark.core.errors import DataError
from patent_spark.core.store import Store
from patent_spark.inference.prediction.backtest import backtest_evidence, nearest
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.facts import LevelDefinition, PredictionFacts
from patent_spark.inference.prediction.predictor import Predictor
from tests.support.backtest_reports import model, publish_backtest, year
from tests.support.errors import raises
from tests.support.fake_models import fake_models

MODELS = (
    model(2006, year(2006, 1, 900, (0.2, 0.1), (0.7, 0.6)), year(2006, 2, 800, (0.1, 0.12), (0.6, 0.61))),
    model(2010, year(2010, 1, 700, (0.3, 0.15), (0.72, None)), year(2010, 3, 10, (None, None), (0.5, 0.4))),
)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "warehouse")


def test_evidence_is_gathered_by_distance_over_all_models(store):
    publish_backtest(store, *MODELS)
    found = {(each.distance, each.metric): each for each in backtest_evidence(store, "release-1")}
    assert list(found) == [
        (1, "top1.pr_auc"),
        (1, "accuracy"),
        (2, "top1.pr_auc"),
        (2, "accuracy"),
        (3, "accuracy"),
    ]
    pr_auc, accuracy = found[1, "top1.pr_auc"], found[1, "accuracy"]
    assert (pr_auc.models, pr_auc.patents, pr_auc.lowest, pr_auc.highest) == (2, 1600, 0.2, 0.3)
    assert (pr_auc.baseline_lowest, pr_auc.baseline_highest) == (0.1, 0.15)
    assert (accuracy.baseline_lowest, accuracy.baseline_highest) == (0.6, 0.6)
    assert (found[3, "accuracy"].models, found[3, "accuracy"].patents) == (1, 10)


def test_a_back_test_of_another_release_or_task_says_nothing(store):
    assert backtest_evidence(store, "release-1") is None
    publish_backtest(store, *MODELS)
    assert backtest_evidence(store, "release-2") is None
    publish_backtest(store, *MODELS, task="technology")
    assert backtest_evidence(store, "release-1") is None


def test_a_file_of_another_version_is_an_error_that_names_it(store):
    publish_backtest(store, *MODELS)
    path = store.directory("BACKTEST") / "backtest.json"
    path.write_text("{}")
    with raises(DataError, file=str(path)):
        backtest_evidence(store, "release-1")


def test_the_nearest_distance(store):
    publish_backtest(store, *MODELS)
    evidence = backtest_evidence(store, "release-1")
    assert {each.distance for each in nearest(evidence, 2)} == {2}
    assert {each.distance for each in nearest(evidence, 15)} == {3}
    assert nearest(None, 2) == ()


@pytest.fixture
def meaning(tmp_path, store):
    """The meaning of an answer, of a package whose labels know nothing after some year."""

    def meaning(known_until, warehouse=store, **facts):
        levels = LevelDefinition(horizon_months=60, reference_set="class", known_until=known_until)
        PredictionFacts(levels=levels, **facts).write(tmp_path)
        predictor = Predictor(fake_models(tmp_path), warehouse=warehouse)
        return predictor.predict([Document("A network", "of a network")])[0].citation_level.meaning

    return meaning


THIS_YEAR = datetime.date.today().year


def test_without_a_back_test_the_answer_says_so(meaning):
    found = meaning(THIS_YEAR - 2)
    assert found.backtest is None and "No back-test" in found.backtest_statement
    assert "within its CPC class." in found.statement


def test_a_back_test_at_the_same_distance(meaning, store):
    publish_backtest(store, *MODELS)
    found = meaning(THIS_YEAR - 1)
    assert {each.distance for each in found.backtest} == {found.distance} == {1}
    for fact in ("PR-AUC of top1 0.200 to 0.300", "best baseline 0.100 to 0.150", "accuracy 0.700 to 0.720"):
        assert fact in found.backtest_statement
    assert "nearest" not in found.backtest_statement


def test_a_greater_distance_than_was_tested_is_said(meaning, store):
    publish_backtest(store, *MODELS)
    found = meaning(THIS_YEAR - 15)
    assert (found.distance, {each.distance for each in found.backtest}) == (15, {3})
    assert "15 years" in found.backtest_statement and "nearest" in found.backtest_statement


def test_a_package_carries_its_back_test_where_there_is_no_warehouse(meaning, store):
    publish_backtest(store, *MODELS)
    evidence = backtest_evidence(store, "release-1")
    assert meaning(THIS_YEAR - 1, warehouse=None, backtest=evidence).backtest == nearest(evidence, 1)
