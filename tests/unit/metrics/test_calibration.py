"""Calibration: temperature, scales, when scales are used, and the calibrated network."""

import re
from pathlib import Path

import numpy as np
import pytest

from patent_spark.config import load_config
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.calibrated_network import calibrated_network
from patent_spark.metrics.calibration import Calibration, fit_scales, fit_temperature, scaled, tempered
from patent_spark.metrics.calibration_fit import fit_calibration
from patent_spark.metrics.combination import Combination
from patent_spark.stages.train.model.network import build_model
from tests.support.small_package import random_linear

STANDARD_ERROR = re.compile(r"standard error \d\.\d{4}")
CONF = Path(__file__).parents[3] / "conf"


def miscalibrated(count, temperature, seed=0, labels=4):
    """Probabilities that are overconfident (temperature above 1) or underconfident, true probabilities,
    labels."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(count, labels))
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(labels, p=row) for row in right])
    sure = np.exp(logits * temperature)
    return (sure / sure.sum(axis=1, keepdims=True)).astype(np.float32), right, truth


@pytest.mark.parametrize("temperature", [0.5, 2.0, 3.0])
def test_the_temperature_is_estimated(temperature):
    predicted, right, truth = miscalibrated(4000, temperature)
    actual = fit_temperature(predicted, truth)
    assert actual == pytest.approx(temperature, rel=0.1)
    calibrated = tempered(predicted, actual)
    assert np.abs(calibrated - right).mean() < 0.3 * np.abs(predicted - right).mean()
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(4000), abs=1e-5)
    assert (calibrated.argmax(axis=1) == predicted.argmax(axis=1)).all()


def test_a_temperature_that_does_not_differ_from_1_is_1():
    actual = [
        fit_temperature(predicted, truth)
        for predicted, _, truth in (miscalibrated(300, 1.0, seed) for seed in range(40))
    ]
    assert 0.8 < np.mean(np.array(actual) == 1) < 1
    assert fit_temperature(np.zeros((0, 4), np.float32), np.zeros(0, int)) == 1


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration(),
        Calibration(2.5),
        Calibration(20.0),
        Calibration(0.4),
        Calibration(1.5, (1.2, 0.7, 0.9), (-1.0, 0.3, 0.5)),
    ],
    ids=["none", "tempered", "the highest temperature", "sharpened", "scaled"],
)
def test_the_calibrated_network_gives_the_calibrated_probabilities(calibration, tmp_path):
    import keras

    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(90, 3),
            layers.GlobalMaxPooling1D(),
            layers.Softmax(),
        ]
    )
    # Some labels get probability 0 or 1.
    network.layers[0].set_weights([np.random.default_rng(0).normal(0, 40, (90, 3))])
    tokens = np.arange(1, 81).reshape(80, 1)
    raw = network(tokens).numpy()
    assert (raw.min(), raw.max()) == (0, 1)
    calibrated_network(network, calibration).save(tmp_path / "calibrated.keras")
    assert keras.models.load_model(tmp_path / "calibrated.keras")(tokens).numpy() == pytest.approx(
        calibration(raw), abs=1e-5
    )


def test_a_combined_network_gives_the_combined_probabilities(tmp_path):
    """Texts with repeated words, words that are not used, padding alone, and a label without texts."""
    import keras

    tokens = np.random.default_rng(3).integers(0, 12, (40, 9)).astype(np.int32)
    tokens[np.arange(9) > np.arange(40)[:, None] % 10] = 0
    network = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(12, 4),
            keras.layers.GlobalAveragePooling1D(),
            keras.layers.Softmax(),
        ]
    )
    network.layers[0].set_weights([np.random.default_rng(0).normal(0, 9, (12, 4))])
    linear = random_linear(12, 4)
    linear.intercepts[2] = -np.inf
    calibration = Calibration(1.3, combination=Combination(0.7, 0.7, linear.digest))
    calibrated_network(network, calibration, linear).save(tmp_path / "combined.keras")
    actual = keras.models.load_model(tmp_path / "combined.keras")(tokens).numpy()
    expected = calibration(network(tokens).numpy(), linear.probabilities(tokens))
    assert actual == pytest.approx(expected, abs=1e-5)


def test_the_network_of_the_default_configuration_is_calibrated_in_another_process(tmp_path):
    """Keras names operations by kind and number, and starts from 1 in each process."""
    import keras

    keras.utils.clear_session()
    config = load_config([CONF / "default.yaml"], ["model.units=4"])[0]
    network = build_model(
        config.model, np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32), 3, seed=1
    )
    network.save(tmp_path / "model.keras")
    calibration, tokens = Calibration(1.5, (1.2, 0.7, 0.9), (-1.0, 0.3, 0.5)), np.arange(24).reshape(4, 6)
    keras.utils.clear_session()
    calibrated_network(keras.models.load_model(tmp_path / "model.keras"), calibration).save(
        tmp_path / "calibrated.keras"
    )
    keras.utils.clear_session()
    actual = keras.models.load_model(tmp_path / "calibrated.keras")(tokens).numpy()
    assert actual == pytest.approx(calibration(network(tokens).numpy()), abs=1e-5)


def test_certain_and_impossible_labels():
    predicted = np.array([[1, 0, 0], [0, 0.5, 0.5], [0.9, 0.1, 0]], np.float32)
    assert tempered(predicted, 1.0) is predicted
    assert tempered(predicted, 2.0) == pytest.approx(np.array([[1, 0, 0], [0, 0.5, 0.5], [0.75, 0.25, 0]]))
    assert np.isfinite(tempered(predicted, 0.05)).all()
    assert (
        fit_temperature(np.tile(predicted[:1], (50, 1)), np.r_[np.zeros(49, int), 1]) > 0
    )  # one confident error


def test_a_high_temperature_with_a_single_label():
    assert tempered(np.ones((3, 1), np.float32), 3.0).tolist() == [[1], [1], [1]]


def smoothed_levels(count, smoothing, seed=0):
    """Predicted probabilities of a model with smoothed labels, true ones (the first level is rare), and
    labels."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.normal(size=(count, 4)) + np.log([0.004, 0.08, 0.6, 0.3])
    right = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (right.cumsum(axis=1) < rng.random((count, 1))).sum(axis=1)
    return ((1 - smoothing) * right + smoothing / 4).astype(np.float32), right, truth


def test_scales_correct_a_rare_level_that_smoothed_labels_overestimate():
    predicted, right, truth = smoothed_levels(8000, 0.1, seed=1)
    temperature = fit_temperature(predicted, truth)
    slopes, intercepts = fit_scales(predicted, truth, temperature)
    actual = Calibration(temperature, slopes, intercepts)(predicted)
    assert actual.dtype == np.float32 and actual.sum(axis=1) == pytest.approx(np.ones(8000), abs=1e-5)
    rare = np.array_split(np.argsort(actual[:, 0]), 10)
    assert max(abs(actual[part, 0].mean() - right[part, 0].mean()) for part in rare) < 0.02
    assert actual[:, 0].mean() == pytest.approx(right[:, 0].mean(), abs=0.003)
    assert (
        tempered(predicted, temperature)[:, 0].mean() > 1.5 * right[:, 0].mean()
    )  # a temperature cannot do that


def test_few_patents_move_the_scales_little_and_no_patents_not_at_all():
    predicted, _, truth = smoothed_levels(8000, 0.1)
    slopes, intercepts = fit_scales(predicted[:0], truth[:0], 2.0)
    assert slopes == pytest.approx([0.5] * 4) and intercepts == pytest.approx([0.0] * 4)
    off = [
        np.abs(np.concatenate(fit_scales(predicted[:n], truth[:n], 1.0)) - np.repeat([1, 0], 4)).max()
        for n in (5, 8000)
    ]
    assert off[0] < 0.5 < off[1]


def test_the_scales_have_the_least_penalised_cross_entropy():
    predicted, _, truth = smoothed_levels(400, 0.1, seed=3)
    best = np.concatenate(fit_scales(predicted, truth, 1.0))

    def cost(values):
        own = scaled(predicted, values[:4], values[4:])[np.arange(400), truth]
        return -np.log(own).sum() + ((values - np.repeat([1, 0], 4)) ** 2).sum()

    rng = np.random.default_rng(0)
    assert all(cost(best) < cost(best + step) for step in 0.02 * rng.normal(size=(50, 8)))


def test_a_level_without_patents_keeps_a_probability():
    predicted, _, truth = smoothed_levels(300, 0.1)
    slopes, intercepts = fit_scales(predicted[truth > 0], truth[truth > 0], 1.0)
    assert scaled(predicted, np.array(slopes), np.array(intercepts))[:, 0].min() > 0


def fitted(predicted, truth, families=None, levels=LEVELS):
    return fit_calibration(
        predicted, truth, np.arange(len(truth)) if families is None else families, levels, seed=1
    )


def test_levels_have_scales_if_they_are_better_in_cross_validation():
    predicted, _, truth = smoothed_levels(4000, 0.1)
    actual = fitted(predicted, truth)
    assert (actual.slopes, actual.intercepts) == fit_scales(
        predicted, truth, fit_temperature(predicted, truth)
    )
    assert (actual.learned_on, actual.patents) == ("development", 4000)
    assert STANDARD_ERROR.search(actual.why)


def test_a_temperature_is_used_alone_if_it_is_all_that_is_wrong():
    actual = [fitted(*[miscalibrated(600, 2.0, seed)[place] for place in (0, 2)]) for seed in range(4)]
    assert sum(bool(each.slopes) for each in actual) <= 1
    assert [each.temperature for each in actual] == pytest.approx([2.0] * 4, rel=0.3)
    assert all(STANDARD_ERROR.search(each.why) for each in actual)


def test_a_level_with_few_patents_has_no_scales():
    predicted, _, truth = smoothed_levels(8000, 0.1)
    rare, others = np.flatnonzero(truth == 0), np.flatnonzero(truth > 0)
    few, enough = (np.concatenate([rare[:count], others]) for count in (11, 12))
    actual = fitted(predicted[few], truth[few])
    assert actual.slopes == () and actual.temperature == fit_temperature(predicted[few], truth[few])
    assert all(fact in actual.why for fact in ("top1", "11", "12"))
    assert fitted(predicted[enough], truth[enough]).slopes


def test_families_are_held_out_as_a_whole():
    predicted, _, truth = (np.repeat(each, 20, axis=0) for each in miscalibrated(60, 1.0))
    assert fitted(predicted, truth).slopes  # a patent is held out, but not its copies
    assert not fitted(predicted, truth, np.arange(1200) // 20).slopes


def test_classes_share_a_temperature_and_without_patents_there_is_no_calibration():
    predicted, _, truth = smoothed_levels(4000, 0.1)
    actual = fitted(predicted, truth, levels=())
    assert (actual.slopes, actual.temperature) == ((), fit_temperature(predicted, truth))
    nothing = fitted(predicted[:0], truth[:0])
    assert (nothing.temperature, nothing.slopes, nothing.learned_on, nothing.patents) == (1.0, (), None, 0)
