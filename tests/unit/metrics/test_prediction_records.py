"""Answers of two models on the same patents: kept in a file, paired, and told apart; expected figures by hand or by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from patent_spark.config import Evaluate
from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.estimator import said
from patent_spark.metrics.prediction_records import (
    Answers,
    paired,
    read_answers,
    why_not_paired,
    write_answers,
)

CONFIG = Evaluate(resamples=200)
COUNT = 400


def answers(seed=1, labels=LEVELS, skill=0.5, keys=None):
    """Truths that depend on the patent alone, and probabilities that know them more or less."""
    keys = np.arange(COUNT) if keys is None else np.asarray(keys)
    rng = np.random.default_rng(seed)
    truth = keys % len(labels)
    probabilities = rng.dirichlet(np.ones(len(labels)), len(keys)).astype(np.float32)
    probabilities = (1 - skill) * probabilities + skill * np.eye(len(labels), dtype=np.float32)[truth]
    split = np.where(keys < COUNT // 2, "test_2011", "test_2012").astype(object)
    return Answers(
        keys, keys // 2, split, list(labels), truth, said(truth, probabilities, list(labels))
    ), probabilities


@pytest.mark.parametrize("labels", [LEVELS, tuple(f"A{i:02d}" for i in range(9))])
def test_what_is_written_is_read(tmp_path, labels):
    kept, _ = answers(labels=labels)
    write_answers(tmp_path / "a.parquet", kept, 10**6)
    back, of = read_answers(tmp_path / "a.parquet")
    assert of == COUNT
    assert back.labels == kept.labels
    for name in ("keys", "family", "truth"):
        assert (getattr(back, name) == getattr(kept, name)).all(), name
    assert back.split.tolist() == kept.split.tolist()
    for name in ("predicted", "top5", "squares", "confidence", "top1"):
        assert getattr(back.says, name).tolist() == getattr(kept.says, name).tolist(), name


def test_of_many_the_same_patents_are_kept_in_every_run(tmp_path):
    for number, order in enumerate((np.arange(COUNT), np.random.default_rng(3).permutation(COUNT))):
        write_answers(tmp_path / f"{number}.parquet", answers(seed=number)[0].of(order), 101)
    (one, of), (other, _) = (read_answers(tmp_path / f"{number}.parquet") for number in (0, 1))
    assert of == COUNT
    assert len(one.keys) == 101
    assert sorted(one.keys) == sorted(other.keys) != list(range(101))
    assert len(np.unique(one.family)) == 51  # whole families, but for the last one


def test_the_difference_is_that_of_the_figures_on_the_same_patents():
    (one, before), (other, after) = answers(1, skill=0.2), answers(2, skill=0.5)
    order = np.random.default_rng(4).permutation(COUNT)
    told = paired(one, other.of(order), CONFIG)
    assert set(told) == {"all", "test_2011", "test_2012"}
    truth = one.truth
    for part, rows in (("all", slice(None)), ("test_2011", one.split == "test_2011")):
        found = told[part]
        right = [(each[rows].argmax(axis=1) == truth[rows]).mean() for each in (before, after)]
        precision = [average_precision_score(truth[rows] == 0, each[rows][:, 0]) for each in (before, after)]
        assert found["differences"]["accuracy"]["difference"] == pytest.approx(right[1] - right[0])
        assert found["differences"]["top1.pr_auc"]["difference"] == pytest.approx(precision[1] - precision[0])
        assert [found["figures"][name]["accuracy"] for name in ("one", "other")] == pytest.approx(right)
        low, high = found["differences"]["accuracy"]["interval"]
        assert low < right[1] - right[0] < high
        assert found["differences"]["accuracy"]["verdict"] == "better"
    scores = [f1_score(truth, each.argmax(axis=1), average=None) for each in (before, after)]
    by_label = told["all"]["per_class"]
    assert [by_label[label]["difference"] for label in LEVELS] == pytest.approx(scores[1] - scores[0])
    assert all(each["interval"][0] <= each["difference"] <= each["interval"][1] for each in by_label.values())
    assert told["all"]["patents"] == 2 * told["test_2011"]["patents"] == COUNT


def test_a_model_beside_itself_differs_by_nothing():
    told = paired(answers()[0], answers()[0], CONFIG)["all"]["differences"]
    assert {(each["difference"], *each["interval"]) for each in told.values()} == {(0.0, 0.0, 0.0)}


def test_labels_in_another_order_or_in_one_model_alone():
    one, _ = answers(labels=("A01", "B01", "C01"))
    other, _ = answers(labels=("A01", "B01", "C01"))
    turned = other.with_labels(["X01", "C01", "B01", "A01"])
    assert why_not_paired(one, turned, (COUNT, COUNT)) == ""
    assert paired(one, turned, CONFIG)["all"]["differences"]["macro_f1"]["difference"] == 0


def test_other_test_sets_are_named():
    one = answers()[0]
    assert why_not_paired(one, one, (COUNT, COUNT)) == ""
    assert (
        why_not_paired(one, answers(keys=range(100, 600))[0], (400, 500))
        == "the test sets differ: 400 and 500 patents, of which 300 are in both"
    )
    relabelled = Answers(
        one.keys,
        one.family,
        one.split,
        one.labels,
        np.where(one.keys < 7, 3 - one.truth, one.truth),
        one.says,
    )
    assert (
        why_not_paired(one, relabelled, (400, 400))
        == "the test patents are the same, but 7 of 400 have other labels"
    )
    none = one.of(np.zeros(0, int))
    assert why_not_paired(none, none, (0, 0)) == "there are no test patents"


def test_answers_that_were_kept_in_part_are_no_other_test_set():
    one, part = answers()[0], answers()[0].of(np.arange(101))
    assert why_not_paired(part, part, (400, 400)) == ""
    assert why_not_paired(part, one, (400, 400)) == (
        "the answers on 101 of 400 and 400 of 400 test patents were kept, of which 101 are in both; "
        "run `patent-spark evaluate --force` for both with the same evaluate.logged_predictions, 400 for all"
    )
