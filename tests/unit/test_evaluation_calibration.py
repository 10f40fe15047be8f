import numpy as np
import pytest

from patent_spark.serving.calibration import Calibration, fit_scales, fit_temperature, scaled, tempered


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


def levels_foretold(count, smoothing, seed=0):
    """Right probabilities of four levels, the first of a hundredth, and what a model of smoothed labels makes of them; and what came true."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(count, 4)) + np.log([0.004, 0.08, 0.6, 0.3])
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (right.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return ((1 - smoothing) * right + smoothing / 4).astype(np.float32), right, truth


def test_a_rare_level_that_smoothed_labels_promise_too_often_is_brought_to_its_size():
    said, right, truth = levels_foretold(8000, 0.1, seed=1)
    temperature = fit_temperature(said, truth)
    slopes, intercepts = fit_scales(said, truth, temperature)
    found = Calibration(temperature, slopes, intercepts)(said)
    assert found.dtype == np.float32 and found.sum(axis=1) == pytest.approx(np.ones(8000), abs=1e-5)
    rare = np.array_split(np.argsort(found[:, 0]), 10)
    assert max(abs(found[part, 0].mean() - right[part, 0].mean()) for part in rare) < 0.02
    assert found[:, 0].mean() == pytest.approx(right[:, 0].mean(), abs=0.003)
    assert tempered(said, temperature)[:, 0].mean() > 1.5 * right[:, 0].mean()  # which a temperature does not


def test_few_patents_move_the_scales_little_and_none_not_at_all():
    said, _, truth = levels_foretold(8000, 0.1)
    slopes, intercepts = fit_scales(said[:0], truth[:0], 2.0)
    assert slopes == pytest.approx([0.5] * 4) and intercepts == pytest.approx([0.0] * 4)
    off = [np.abs(np.concatenate(fit_scales(said[:n], truth[:n], 1.0)) - np.repeat([1, 0], 4)).max() for n in (5, 8000)]
    assert off[0] < 0.5 < off[1]


def test_the_scales_have_the_least_penalised_cross_entropy():
    said, _, truth = levels_foretold(400, 0.1, seed=3)
    best = np.concatenate(fit_scales(said, truth, 1.0))

    def cost(values):
        own = scaled(said, values[:4], values[4:])[np.arange(400), truth]
        return -np.log(own).sum() + ((values - np.repeat([1, 0], 4)) ** 2).sum()

    rng = np.random.default_rng(0)
    assert all(cost(best) < cost(best + step) for step in 0.02 * rng.normal(size=(50, 8)))


def test_a_level_that_never_came_true_keeps_a_probability():
    said, _, truth = levels_foretold(300, 0.1)
    slopes, intercepts = fit_scales(said[truth > 0], truth[truth > 0], 1.0)
    assert scaled(said, np.array(slopes), np.array(intercepts))[:, 0].min() > 0
