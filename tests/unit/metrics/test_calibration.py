from pathlib import Path

import numpy as np
import pytest

from patent_spark.config import load_config
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.calibrated_network import calibrated_network
from patent_spark.metrics.calibration import Calibration, fit_scales, fit_temperature, scaled, tempered
from patent_spark.metrics.calibration_fit import calibration_of
from patent_spark.stages.train.model.network import build_model

CONF = Path(__file__).parents[3] / "conf"


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
    found = [
        fit_temperature(said, truth) for said, _, truth in (foretold(300, 1.0, seed) for seed in range(40))
    ]
    assert 0.8 < np.mean(np.array(found) == 1) < 1
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
    ids=["none", "tempered", "the hottest", "sharpened", "scaled"],
)
def test_the_calibrated_network_says_what_the_calibration_makes_of_the_network(calibration, tmp_path):
    import keras

    network = keras.Sequential([keras.Input((None,), dtype="int32"), keras.layers.Embedding(90, 3), keras.layers.GlobalMaxPooling1D(),
                                keras.layers.Softmax()])  # fmt: skip
    network.layers[0].set_weights(
        [np.random.default_rng(0).normal(0, 40, (90, 3))]
    )  # certain and impossible labels among them
    tokens = np.arange(1, 81).reshape(80, 1)
    raw = network(tokens).numpy()
    assert (raw.min(), raw.max()) == (0, 1)
    calibrated_network(network, calibration).save(tmp_path / "calibrated.keras")
    assert keras.models.load_model(tmp_path / "calibrated.keras")(tokens).numpy() == pytest.approx(
        calibration(raw), abs=1e-5
    )


def test_the_network_of_the_default_configuration_is_calibrated_in_another_process(tmp_path):
    """Keras names operations by kind and number, and begins anew in each process."""
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
    found = keras.models.load_model(tmp_path / "calibrated.keras")(tokens).numpy()
    assert found == pytest.approx(calibration(network(tokens).numpy()), abs=1e-5)


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
    off = [
        np.abs(np.concatenate(fit_scales(said[:n], truth[:n], 1.0)) - np.repeat([1, 0], 4)).max()
        for n in (5, 8000)
    ]
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


def learned_from(said, truth, families=None, levels=LEVELS):
    return calibration_of(
        said, truth, np.arange(len(truth)) if families is None else families, levels, seed=1
    )


def test_levels_are_scaled_where_patents_that_were_left_out_say_that_it_is_better():
    said, _, truth = levels_foretold(4000, 0.1)
    found = learned_from(said, truth)
    assert (found.slopes, found.intercepts) == fit_scales(said, truth, fit_temperature(said, truth))
    assert (found.learned_on, found.patents) == ("development", 4000)
    assert ", more than 2 standard errors better" in found.why


def test_where_a_temperature_is_all_that_is_wrong_it_is_all_that_is_used():
    found = [learned_from(*[foretold(600, 2.0, seed)[place] for place in (0, 2)]) for seed in range(4)]
    assert sum(bool(each.slopes) for each in found) <= 1
    assert [each.temperature for each in found] == pytest.approx([2.0] * 4, rel=0.3)
    assert any(", not more than 2 standard errors better" in each.why for each in found)


def test_a_level_of_few_patents_is_not_scaled():
    said, _, truth = levels_foretold(8000, 0.1)
    rare, others = np.flatnonzero(truth == 0), np.flatnonzero(truth > 0)
    few, enough = (np.concatenate([rare[:count], others]) for count in (11, 12))
    found = learned_from(said[few], truth[few])
    assert found.slopes == () and found.temperature == fit_temperature(said[few], truth[few])
    assert (
        found.why
        == "top1 has 11 development patents, fewer than the 12 from which a level is scaled by itself"
    )
    assert learned_from(said[enough], truth[enough]).slopes


def test_what_is_left_out_is_left_out_with_its_family():
    said, _, truth = (np.repeat(each, 20, axis=0) for each in foretold(60, 1.0))
    assert learned_from(said, truth).slopes  # each patent learned from itself
    assert not learned_from(said, truth, np.arange(1200) // 20).slopes


def test_classes_share_a_temperature_and_of_no_patents_nothing_is_learned():
    said, _, truth = levels_foretold(4000, 0.1)
    found = learned_from(said, truth, levels=())
    assert (found.slopes, found.temperature, found.why) == (
        (),
        fit_temperature(said, truth),
        "classes share a temperature",
    )
    assert learned_from(said[:0], truth[:0]) == Calibration(why="there are no development patents")
