"""All stratified test patents as one headline: against the figures of the patents themselves."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from patent_spark.experiments.ablation.combined_test_sets import stratified

LABELS = ["A01", "B02", "C03"]
SIZES = {"test": 50, "large_test": 450}


@pytest.fixture(scope="module")
def said():
    """Truth, what the model says, and what two baselines say, by split; the model is better on the large one."""
    rng = np.random.default_rng(5)
    found = {}
    for split, size in SIZES.items():
        truth = rng.integers(0, 3, size)
        wrong = {"model": 0.3 if split == "test" else 0.1, "majority": 0.6, "tfidf_linear": 0.2}
        found[split] = (
            truth,
            {name: np.where(rng.random(size) < rate, (truth + 1) % 3, truth) for name, rate in wrong.items()},
        )
    return found


def metrics_of(truth, calls):
    """METRICS of a split, with intervals of +-0.1 about the model's figures and of -0.02 to +0.03 about the differences."""
    accuracy = {name: accuracy_score(truth, called) for name, called in calls.items()}
    figures = {"accuracy": accuracy.pop("model")}
    figures |= {f"{mean}_f1": f1_score(truth, calls["model"], average=mean) for mean in ("macro", "weighted")}
    baselines = {}
    for name, value in accuracy.items():
        apart = figures["accuracy"] - value
        told = {"difference": apart, "interval": [apart - 0.02, apart + 0.03], "verdict": "better"}
        baselines[name] = {"accuracy": value, "model_better_by": {"accuracy": told}}
    return figures | {
        "intervals": {name: [value - 0.1, value + 0.1] for name, value in figures.items()},
        "examples": len(truth), "baselines": baselines,
        "confusion": {"labels": LABELS, "matrix": confusion_matrix(truth, calls["model"], labels=range(3)).tolist()},
    }  # fmt: skip


def result_of(said, *splits):
    parts = {split: metrics_of(*said[split]) for split in splits}
    return parts[splits[0]] | {"labels": LABELS, "headline": splits[0], "splits": parts, "run_id": "abc"}


def test_both_are_the_headline(said):
    found = stratified(result_of(said, "test", "large_test"))
    truth = np.concatenate([said[split][0] for split in SIZES])
    calls = {
        name: np.concatenate([said[split][1][name] for split in SIZES])
        for name in ("model", "majority", "tfidf_linear")
    }
    whole = metrics_of(truth, calls)
    assert (found["headline"], found["examples"], found["run_id"]) == ("test+large_test", 500, "abc")
    assert {name: found[name] for name in ("accuracy", "macro_f1", "weighted_f1")} == pytest.approx(
        {name: whole[name] for name in ("accuracy", "macro_f1", "weighted_f1")}
    )
    assert found["baselines"]["majority"]["accuracy"] == pytest.approx(
        whole["baselines"]["majority"]["accuracy"]
    )
    width = 0.1 * (0.1**2 + 0.9**2) ** 0.5  # a tenth of the patents and nine
    assert found["intervals"]["accuracy"] == pytest.approx(
        [whole["accuracy"] - width, whole["accuracy"] + width]
    )
    best, apart = (
        found["best_baseline"]["accuracy"],
        whole["baselines"]["tfidf_linear"]["model_better_by"]["accuracy"]["difference"],
    )
    assert (best["baseline"], best["verdict"]) == ("tfidf_linear", "better")
    assert best["difference"] == pytest.approx(apart)
    assert best["interval"] == pytest.approx([apart - width / 5, apart + width * 0.3])


def test_without_a_large_test_set_nothing_changes(said):
    result = result_of(said, "test")
    assert stratified(result) is result


def test_a_part_without_an_interval_leaves_the_whole_without(said):
    result = result_of(said, "test", "large_test")
    result["splits"]["test"]["intervals"]["macro_f1"] = None
    found = stratified(result)["intervals"]
    assert found["macro_f1"] is None
    assert found["accuracy"] is not None
