import numpy as np
import pytest

from patent_spark.serving.calibration import fit_temperature, tempered


def foretold(count, temperature, seed=0, labels=4):
    """Probabilities that are right, made too sure (temperature above 1) or too unsure of themselves; and what came true."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(count, labels))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(labels, p=row) for row in right])
    sure = np.exp(logits * temperature)
    return (sure / sure.sum(axis=1, keepdims=True)).astype(np.float32), right, truth


@pytest.mark.parametrize("temperature", [0.5, 2.0, 3.0])
def test_the_temperature_is_found(temperature):
    said, right, truth = foretold(4000, temperature)
    found = fit_temperature(said, truth)
    assert found == pytest.approx(temperature, rel=0.1)
    calibrated = tempered(said, found)
    assert np.abs(calibrated - right).mean() < 0.3 * np.abs(said - right).mean()
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(4000), abs=1e-5)
    assert (calibrated.argmax(axis=1) == said.argmax(axis=1)).all()


def test_one_that_cannot_be_told_from_1_is_1():
    found = [fit_temperature(said, truth) for said, _, truth in (foretold(300, 1.0, seed) for seed in range(40))]
    assert 0.8 < np.mean(np.array(found) == 1) < 1
    assert fit_temperature(np.zeros((0, 4), np.float32), np.zeros(0, int)) == 1


def test_certain_and_impossible_labels():
    said = np.array([[1, 0, 0], [0, 0.5, 0.5], [0.9, 0.1, 0]], np.float32)
    assert tempered(said, 1.0) is said
    assert tempered(said, 2.0) == pytest.approx(np.array([[1, 0, 0], [0, 0.5, 0.5], [0.75, 0.25, 0]]))
    assert np.isfinite(tempered(said, 0.05)).all()
    assert fit_temperature(np.tile(said[:1], (50, 1)), np.r_[np.zeros(49, int), 1]) > 0  # one certain error


def test_a_hot_model_of_one_label_alone():
    assert tempered(np.ones((3, 1), np.float32), 3.0).tolist() == [[1], [1], [1]]
