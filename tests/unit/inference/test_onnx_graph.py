"""The ONNX graph gives Keras's numbers, for every variant of the network."""

import itertools

import keras
import numpy as np
import onnxruntime
import pytest

from patent_spark.config import Model
from patent_spark.core.errors import DataError
from patent_spark.inference.keras_network import in_float32
from patent_spark.inference.network_structure import structures_of
from patent_spark.inference.onnx_graph import onnx_bytes
from patent_spark.stages.train.model.network import build_model, with_one_head
from tests.support.errors import raises

WORDS, DIMENSIONS, LONGEST = 40, 6, 23
RNG = np.random.default_rng(7)
VECTORS = RNG.normal(2, 1, (WORDS, DIMENSIONS)).astype(np.float32)


def texts():
    """Texts of 0 words, 1 word, ... up to LONGEST, with 0 to the right."""
    tokens = RNG.integers(1, WORDS + 1, (LONGEST + 1, LONGEST)).astype(np.int32)
    return np.where(np.arange(LONGEST) < np.arange(LONGEST + 1)[:, None], tokens, 0).astype(np.int32)


def trained(settings, labels=5, precision="float32", vectors=VECTORS):
    """A network whose biases and padding are not 0, as they are before training; like one from a file."""
    network = build_model(settings, vectors, labels, 1, precision)
    for weights in network.weights:
        if weights.name != "seed_generator_state":
            weights.assign(RNG.normal(0, 0.7, weights.shape))
    return network


def answers(network, tokens):
    session = onnxruntime.InferenceSession(onnx_bytes(network))
    return session.run(["probabilities", "document_vector"], {"tokens": tokens})


def assert_equal(network, tokens):
    probabilities, _ = answers(network, tokens)
    expected = network(tokens, training=False).numpy()
    assert np.abs(probabilities - expected).max() <= 1e-5
    assert (probabilities.argmax(axis=1) == expected.argmax(axis=1)).all()
    assert np.ptp(expected, axis=0).max() > 0.01  # the texts do matter


@pytest.mark.parametrize(
    ("layers", "bidirectional", "pool", "mean_vector"),
    itertools.product((1, 2, 3), (False, True), ("last", "max", "max_mean"), (False, True)),
)
def test_every_network_gives_the_probabilities_of_keras(layers, bidirectional, pool, mean_vector):
    settings = Model(units=4, layers=layers, bidirectional=bidirectional, pool=pool, mean_vector=mean_vector)
    assert_equal(trained(settings), texts())


@pytest.mark.parametrize(
    "settings",
    [
        Model(units=4, layers=1, embedding="tuned", scale_vectors=True),
        Model(units=4, layers=2, bidirectional=True, scale_vectors=True, forget_bias_horizon=20),
        Model(units=DIMENSIONS, layers=1, pool="max", mean_vector=True, dropout=0.2, spatial_dropout=0.3),
        Model(units=3, layers=1, bidirectional=True, pool="max_mean", spatial_dropout=0.3),
    ],
)
def test_embedding_scaling_and_dropout(settings, tmp_path):
    trained(settings).save(tmp_path / "model.keras")
    assert_equal(keras.models.load_model(tmp_path / "model.keras", compile=False), texts())


@pytest.mark.parametrize("pool", ["last", "max", "max_mean"])
@pytest.mark.parametrize("mean_vector", [False, True])
def test_several_networks_are_one_graph(pool, mean_vector, tmp_path):
    settings = Model(units=4, layers=2, bidirectional=True, pool=pool, mean_vector=mean_vector)
    sets = [VECTORS, VECTORS[:, :4] * 2, np.concatenate([VECTORS, VECTORS], axis=1)]
    network = trained(settings, vectors=sets)
    assert [each.embedding.shape[1] for each in structures_of(network)] == [DIMENSIONS, 4, 2 * DIMENSIONS]
    assert_equal(network, texts())
    _, documents = answers(network, texts())
    assert documents.shape[1] == sum(each.state_size for each in structures_of(network))
    joint = trained(settings, labels=[3, 5], vectors=sets[:2])
    assert_equal(with_one_head(joint, 1), texts())


def test_each_head_of_a_joint_network_is_a_graph_of_its_own(tmp_path):
    network = trained(Model(units=4, layers=1, bidirectional=True), labels=[3, 5])
    vectors = []
    for number, labels in enumerate((3, 5)):
        with_one_head(network, number).save(tmp_path / f"{number}.keras")
        head = keras.models.load_model(tmp_path / f"{number}.keras", compile=False)
        assert_equal(head, texts())
        probabilities, vector = answers(head, texts())
        assert probabilities.shape == (LONGEST + 1, labels)
        vectors.append(vector)
    assert vectors[0].shape == vectors[1].shape == (LONGEST + 1, 8)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_is_written_as_float32(precision, tmp_path):
    settings = Model(units=4, layers=2, bidirectional=True, pool="max_mean", mean_vector=True, dropout=0.1)
    trained(settings, precision=precision).save(tmp_path / "model.keras")
    network, tokens = keras.models.load_model(tmp_path / "model.keras", compile=False), texts()
    probabilities, _ = answers(network, tokens)
    in_full = in_float32(network)(tokens, training=False).numpy()
    assert np.abs(probabilities - in_full).max() <= 1e-5
    assert 1e-5 < np.abs(network(tokens, training=False).numpy() - in_full).max() < 0.1


def test_the_document_vector_is_what_the_last_layer_reads():
    network, tokens = trained(Model(units=4, layers=1, pool="max_mean", mean_vector=True)), texts()
    _, vectors = answers(network, tokens)
    state = keras.Model(network.input, network.get_layer("logits").input)
    assert vectors.shape == (LONGEST + 1, 2 * 4 + DIMENSIONS)
    assert np.abs(vectors - state(tokens, training=False).numpy()).max() <= 1e-5


def test_features_are_a_second_input_and_no_part_of_the_document_vector(tmp_path):
    settings = Model(units=4, layers=1, bidirectional=True, pool="max_mean", mean_vector=True, dropout=0.2)
    network = build_model(settings, VECTORS, 5, 1, features=3)
    for weights in network.weights:
        if weights.name != "seed_generator_state":
            weights.assign(RNG.normal(0, 0.7, weights.shape))
    network.save(tmp_path / "model.keras")
    network, tokens = keras.models.load_model(tmp_path / "model.keras", compile=False), texts()
    session = onnxruntime.InferenceSession(onnx_bytes(network))
    known = [RNG.normal(0, 1, (len(tokens), 3)).astype(np.float32) for _ in range(2)]
    vectors = []
    for features in known:
        outputs = ["probabilities", "document_vector"]
        probabilities, vector = session.run(outputs, {"tokens": tokens, "features": features})
        expected = network([tokens, features], training=False).numpy()
        assert np.abs(probabilities - expected).max() <= 1e-5
        vectors.append(vector)
    assert vectors[0].shape == (LONGEST + 1, 4 * 4 + DIMENSIONS)
    assert (vectors[0] == vectors[1]).all()
    assert structures_of(network)[0].features == 3


def test_padding_and_neighbours_change_nothing():
    network, tokens = trained(Model(units=4, layers=2, bidirectional=True)), texts()
    alone = answers(network, tokens[3:4, :3])[0]
    assert answers(network, tokens)[0][3] == pytest.approx(alone[0], abs=1e-6)


def test_another_keras_model_is_refused():
    network = trained(Model(units=4, layers=1), labels=[2, 3])
    with raises(DataError, heads=2):
        structures_of(network)
    plain = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="logits")])
    with raises(DataError, heads=1):
        structures_of(plain)
