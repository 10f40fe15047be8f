"""Two classifiers on the same patents; expected values by scikit-learn."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from patent_spark.config import Evaluate
from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.paired import ALL, paired_comparison, why_not_paired
from patent_spark.metrics.prediction_records import Predictions
from patent_spark.metrics.report_schema import Metric
from tests.support.predictions import patents_of

CONFIG = Evaluate(resamples=200)
COUNT = 400
SPLITS = ("test_2011", "test_2012")


def classifier(seed=1, labels=LEVELS, skill=0.5, keys=None):
    """Predictions and the probabilities behind them; labels depend on the patent alone."""
    keys = np.arange(COUNT) if keys is None else np.asarray(keys)
    patents = patents_of(
        keys % len(labels), labels, keys=keys, family=keys // 2, split=keys >= COUNT // 2, splits=SPLITS
    )
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(labels)), len(keys)).astype(np.float32)
    probabilities = (1 - skill) * probabilities + skill * np.eye(len(labels), dtype=np.float32)[patents.truth]
    return Predictions.from_probabilities(patents, probabilities), probabilities


def test_the_difference_is_that_of_the_metrics_on_the_same_patents():
    (baseline, before), (candidate, after) = classifier(1, skill=0.2), classifier(2, skill=0.5)
    order = np.random.default_rng(4).permutation(COUNT)
    compared = paired_comparison(baseline, candidate.take(order), CONFIG)
    assert set(compared) == {ALL, *SPLITS}
    truth = baseline.patents.truth
    for name, rows in ((ALL, slice(None)), (SPLITS[0], baseline.patents.rows_of(SPLITS[0]))):
        part = compared[name]
        accuracy = [(each[rows].argmax(axis=1) == truth[rows]).mean() for each in (before, after)]
        precision = [average_precision_score(truth[rows] == 0, each[rows][:, 0]) for each in (before, after)]
        difference = part.differences[Metric.ACCURACY]
        assert difference.difference == pytest.approx(accuracy[1] - accuracy[0])
        assert part.differences[Metric.TOP1_PR_AUC].difference == pytest.approx(precision[1] - precision[0])
        values = [each[Metric.ACCURACY] for each in (part.baseline, part.candidate)]
        assert values == pytest.approx(accuracy)
        assert difference.interval[0] < accuracy[1] - accuracy[0] < difference.interval[1]
        assert difference.verdict == "better"
    scores = [f1_score(truth, each.argmax(axis=1), average=None) for each in (before, after)]
    by_label = compared[ALL].per_class
    assert [by_label[label].difference for label in LEVELS] == pytest.approx(scores[1] - scores[0])
    assert all(each.interval[0] <= each.difference <= each.interval[1] for each in by_label.values())
    assert compared[ALL].patents == 2 * compared[SPLITS[0]].patents == COUNT
    assert compared[SPLITS[0]].per_class == {}


def test_a_model_does_not_differ_from_itself():
    differences = paired_comparison(classifier()[0], classifier()[0], CONFIG)[ALL].differences
    assert {(each.difference, *each.interval) for each in differences.values()} == {(0.0, 0.0, 0.0)}


def test_labels_in_another_order_or_in_one_model_alone():
    one, _ = classifier(labels=("A01", "B01", "C01"))
    turned = one.with_labels(["X01", "C01", "B01", "A01"])
    assert why_not_paired(one, turned, (COUNT, COUNT)) == ""
    assert paired_comparison(one, turned, CONFIG)[ALL].differences[Metric.MACRO_F1].difference == 0


def test_other_test_sets_cannot_be_compared():
    one = classifier()[0]
    assert why_not_paired(one, one, (COUNT, COUNT)) == ""
    reason = why_not_paired(one, classifier(keys=range(100, 600))[0], (400, 500))
    assert all(fact in reason for fact in ("400", "500", "300"))
    truth = np.where(np.arange(COUNT) < 7, 3 - one.patents.truth, one.patents.truth)
    relabelled = dataclasses.replace(one, patents=dataclasses.replace(one.patents, truth=truth))
    reason = why_not_paired(one, relabelled, (400, 400))
    assert all(fact in reason for fact in ("7 of 400", "labels"))
    none = one.take(np.zeros(0, int))
    assert why_not_paired(none, none, (0, 0))


def test_a_sample_of_the_same_test_set_is_named_as_such():
    one, part = classifier()[0], classifier()[0].take(np.arange(101))
    assert why_not_paired(part, part, (400, 400)) == ""
    reason = why_not_paired(part, one, (400, 400))
    facts = ("101 of 400", "400 of 400", "evaluate --force", "evaluate.logged_predictions=400")
    assert all(fact in reason for fact in facts)
