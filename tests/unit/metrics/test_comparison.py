import dataclasses

import numpy as np
import pytest

from patent_spark.config import Evaluate
from patent_spark.core.schemas import LEVELS
from patent_spark.metrics.comparison import COMPARED, best_baselines, differences, measure, written
from patent_spark.metrics.estimator import Measure, said

COUNT = 300
LABELS = {"technology": [f"A{i:02d}" for i in range(7)], "citation_level": list(LEVELS)}


def world(labels, seed, skill=3.0):
    """Truth, and a predictor that favours it by `skill`."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(labels), COUNT, p=np.arange(1, len(labels) + 1) / sum(range(1, len(labels) + 1)))
    return truth, predictor(truth, labels, skill, seed + 100)


def predictor(truth, labels, skill, seed):
    scores = (
        np.random.default_rng(seed).normal(size=(COUNT, len(labels))) + skill * np.eye(len(labels))[truth]
    )
    return said(
        truth, (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32), labels
    )


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("drawn", [False, True], ids=["says", "is drawn"])
def test_a_weight_is_a_number_of_copies(labels, drawn):
    """Every figure under weights is the figure of the patents written down as often as they weigh."""
    truth, words = world(labels, 1)
    if drawn:
        words = dataclasses.replace(
            words, drawn_from=np.arange(1, len(labels) + 1) / sum(range(1, len(labels) + 1))
        )
    chosen = np.arange(40, 240)
    weights = np.random.default_rng(2).poisson(1.0, (COUNT, 3))
    found = Measure(words, truth, labels, chosen, 0.6)(weights)
    for i in range(3):
        copies = np.repeat(chosen, weights[chosen, i])
        alone = Measure(words.of(copies), truth[copies], labels, np.arange(len(copies)), 0.6)(
            np.ones((len(copies), 1))
        )
        assert set(alone) == set(found)
        for name, values in alone.items():
            assert found[name][..., i] == pytest.approx(values[..., 0], rel=1e-5, abs=1e-7), name


def contest(resamples=400, labels=LABELS["citation_level"], **skills):
    truth, _ = world(labels, 1)
    predictors = {
        name: predictor(truth, labels, skill, seed) for seed, (name, skill) in enumerate(skills.items())
    }
    groups = {"all": np.arange(COUNT), "first": np.arange(100), "none": np.arange(0)}
    found = measure(
        predictors, truth, np.arange(COUNT), labels, groups, Evaluate(resamples=resamples), [("all", "model")]
    )
    told = differences(
        found["all"]["model"], {name: found["all"][name] for name in skills if name != "model"}
    )
    return found, told


def test_differences_are_paired():
    """Two that say nearly the same: each alone is known no better than to some points, their difference far better."""
    labels = LABELS["citation_level"]
    truth, words = world(labels, 1, skill=1.0)
    better = words.predicted.copy()
    better[np.flatnonzero(words.predicted != truth)[:12]] = truth[words.predicted != truth][:12]
    predictors = {"model": dataclasses.replace(words, predicted=better), "other": words}
    found = measure(
        predictors, truth, np.arange(COUNT), labels, {"all": np.arange(COUNT)}, Evaluate(resamples=500)
    )["all"]
    told = differences(found["model"], {"other": found["other"]})["other"]["accuracy"]
    assert told["difference"] == pytest.approx(12 / COUNT)
    assert told["verdict"] == "better"
    low, high = written(found["model"], labels)["accuracy_interval"]
    assert told["interval"][1] - told["interval"][0] < 0.5 * (high - low)


def test_the_best_baseline_is_the_best_in_that_figure():
    found, told = contest(model=2.0, weak=0.5, strong=5.0)
    best = best_baselines({name: found["all"][name] for name in ("weak", "strong")}, told)
    assert set(best) == set(COMPARED) - {"top5_accuracy"}  # four labels are too few for it
    assert best["accuracy"] == {"baseline": "strong"} | told["strong"]["accuracy"]
    assert (best["accuracy"]["verdict"], told["weak"]["accuracy"]["verdict"]) == ("worse", "better")
    accuracy = {name: found["all"][name].points["accuracy"] for name in ("model", "strong")}
    assert best["accuracy"]["difference"] == accuracy["model"] - accuracy["strong"]


def test_what_is_written():
    found, _ = contest(model=2.0)
    whole = written(found["all"]["model"], LABELS["citation_level"])
    assert whole["accuracy_interval"] == whole["intervals"]["accuracy"]
    assert whole["accuracy_interval"][0] < whole["accuracy"] < whole["accuracy_interval"][1]
    assert set(whole["top1"]["intervals"]) == set(whole["top1"]) - {"intervals", "share"}
    assert set(whole["per_class"]["top1"]) == {"precision", "recall", "f1", "support", "intervals"}
    assert sum(each["support"] for each in whole["per_class"].values()) == whole["examples"] == COUNT
    part = written(found["first"]["model"], LABELS["citation_level"])
    assert "intervals" not in part["per_class"]["top1"]  # not asked for
    nothing = written(found["none"]["model"], LABELS["citation_level"], by_label=False)
    assert (
        nothing["examples"],
        nothing["accuracy"],
        nothing["top1"]["pr_auc"],
        nothing["top1"]["intervals"]["pr_auc"],
    ) == (0, 0, None, None)
    assert "per_class" not in nothing


def test_no_resamples_no_intervals():
    found, told = contest(resamples=0, model=2.0, other=1.0)
    assert written(found["all"]["model"], LABELS["citation_level"])["accuracy_interval"] is None
    assert told["other"]["accuracy"]["interval"] is None
    assert told["other"]["accuracy"]["verdict"] == "no better than"
