"""The network against oracles that are written differently: Keras's own layers, and NumPy."""

import numpy as np
import pytest

from patent_spark.config import Model
from patent_spark.stages.train.model.network import build_model

VECTORS = np.random.default_rng(3).normal(0, 1, (30, 6)).astype(np.float32)
TOKENS = np.array(
    [[7, 3, 9, 1, 2, 30, 4, 8], [5, 6, 0, 0, 0, 0, 0, 0], [9, 0, 0, 0, 0, 0, 0, 0], [1, 2, 3, 4, 5, 0, 0, 0]],
    np.int32,
)


LENGTHS = [8, 2, 1, 5]


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum()


@pytest.fixture(scope="module")
def network():
    return build_model(Model(units=5, layers=2, pool="last"), VECTORS, labels=3, seed=1)


@pytest.fixture(scope="module", params=["last", "max", "max_mean"])
def pool(request):
    return request.param


@pytest.fixture(scope="module", params=[False, True], ids=["forward", "bidirectional"])
def each(request, pool):
    model = Model(units=5, layers=2, pool=pool, bidirectional=request.param)
    return build_model(model, VECTORS, labels=3, seed=1)


def test_it_is_the_masked_lstm_of_the_paper(network):
    """An oracle written differently: Keras masks the padding itself."""
    from keras import Sequential, layers

    masked = Sequential(
        [
            layers.Embedding(31, 6, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.LSTM(5),
            layers.Dense(3, activation="softmax"),
        ]
    )
    masked.build((None, 8))
    masked.set_weights(network.get_weights())
    assert np.allclose(network(TOKENS).numpy(), masked(TOKENS).numpy(), atol=1e-6)


def test_padding_changes_nothing(each):
    whole = each(TOKENS).numpy()
    assert np.allclose(each(np.pad(TOKENS, ((0, 0), (0, 9)))).numpy(), whole, atol=1e-6)
    assert np.allclose(each(TOKENS[1:2, :2]).numpy(), whole[1:2], atol=1e-6)


def test_features_go_straight_into_the_last_layer():
    """Beside the text they add features @ kernel to its logits, and nothing else."""
    settings = Model(units=5, layers=1, pool="max", dropout=0.5)
    network = build_model(settings, VECTORS, labels=3, seed=1, features=2)
    features = np.array([[1, 0], [0, 0], [0, 2], [-1, 3]], np.float32)
    nothing = np.log(network([TOKENS, np.zeros_like(features)]).numpy())
    kernel = network.get_layer("logits").get_weights()[0]
    assert kernel.shape == (5 + 2, 3)
    expected = [softmax(row) for row in nothing + features @ kernel[5:]]
    assert np.allclose(network([TOKENS, features]).numpy(), expected, atol=1e-5)


def test_word_order_counts(each):
    assert not np.allclose(each(TOKENS[3:]).numpy(), each(TOKENS[3:, [1, 0, 2, 3, 4]]).numpy(), atol=1e-5)


def test_a_bidirectional_layer_reads_each_text_as_if_it_had_no_padding(pool):
    """Keras's own Bidirectional on one text at a time, cut to its words; the pool in NumPy."""
    from keras import Sequential, layers

    network = build_model(Model(units=5, layers=2, pool=pool, bidirectional=True), VECTORS, labels=3, seed=1)
    oracle = Sequential(
        [
            layers.Embedding(31, 6),
            *(layers.Bidirectional(layers.LSTM(5, return_sequences=True)) for _ in range(2)),
        ]
    )
    oracle.build((None, 8))
    *names, last = ["embedding", "lstm_1", "backward_lstm_1", "lstm_2", "backward_lstm_2", "logits"]
    oracle.set_weights([weight for name in names for weight in network.get_layer(name).get_weights()])
    kernel, bias = network.get_layer(last).get_weights()
    probabilities = network(TOKENS).numpy()
    for row, length in enumerate(LENGTHS):
        forward, backward = np.split(oracle(TOKENS[row : row + 1, :length]).numpy()[0], 2, axis=1)
        largest, means = (
            [kind(states, axis=0) for states in (forward, backward)] for kind in (np.max, np.mean)
        )
        state = {
            "last": [forward[-1], backward[0]],
            "max": largest,
            "max_mean": [largest[0], means[0], largest[1], means[1]],
        }[pool]
        assert np.allclose(probabilities[row], softmax(np.concatenate(state) @ kernel + bias), atol=1e-6)


def test_the_mean_vector_stands_beside_the_pool():
    network = build_model(Model(units=5, layers=1, pool="max", mean_vector=True), VECTORS, labels=3, seed=1)
    plain = build_model(Model(units=5, layers=1, pool="max"), VECTORS, labels=3, seed=1)
    kernel, bias = network.get_layer("logits").get_weights()
    plain.get_layer("lstm_1").set_weights(network.get_layer("lstm_1").get_weights())
    plain.get_layer("logits").set_weights([kernel[:5], bias])
    for tokens in (TOKENS, np.pad(TOKENS, ((0, 0), (0, 3)))):
        mean = [np.average(VECTORS[row[row > 0] - 1], axis=0, weights=np.log(row[row > 0])) for row in tokens]
        odds = plain(tokens).numpy() * np.exp(np.array(mean) @ kernel[5:])
        assert np.allclose(network(tokens).numpy(), odds / odds.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.isfinite(network(np.array([[1, 1], [0, 0]], np.int32)).numpy()).all()


def test_dropout_takes_whole_dimensions_of_vectors_and_units_of_the_pool_in_training_alone():
    from keras import Model as Network

    model = Model(units=40, layers=1, spatial_dropout=0.5, dropout=0.25)
    network = build_model(model, np.ones((30, 50), np.float32), labels=3, seed=1)
    dropouts = [network.get_layer(name).output for name in ("spatial_dropout", "dropout")]
    inner = Network(network.input, dropouts)
    many = np.repeat(TOKENS[:1], 200, axis=0)
    vectors, state = (values.numpy() for values in inner(many, training=True))
    assert set(np.unique(vectors)) == {0.0, 2.0}
    assert (vectors == vectors[:, :1]).all()
    assert abs((vectors == 0).mean() - 0.5) < 0.02
    assert abs((state == 0).mean() - 0.25) < 0.03
    vectors, state = (values.numpy() for values in inner(many, training=False))
    assert (vectors == 1).all()
    assert (state != 0).all()
    assert np.allclose(network(many).numpy(), network(many, training=False).numpy())


def test_the_largest_state_of_each_unit_is_pooled():
    from keras import Model as Network

    network = build_model(Model(units=5, layers=1, pool="max"), VECTORS, labels=3, seed=1)
    states = Network(network.input, network.get_layer("lstm_1").output)(TOKENS).numpy()
    kernel, bias = network.get_layer("logits").get_weights()
    for row, length in enumerate(LENGTHS):
        logits = states[row, :length].max(axis=0) @ kernel + bias
        assert np.allclose(network(TOKENS).numpy()[row], softmax(logits), atol=1e-6)


def test_forget_gates_start_with_the_horizon_that_is_set():
    """A forget gate of sigmoid(b) halves a cell's content in about exp(b) words."""
    network = build_model(Model(units=200, layers=2, forget_bias_horizon=50), VECTORS, labels=3, seed=1)
    for layer in ("lstm_1", "lstm_2"):
        bias = network.get_layer(layer).get_weights()[2].reshape(4, 200)
        assert 1 <= np.exp(bias[1]).min() < 3
        assert 45 < np.exp(bias[1]).max() <= 49
        assert (bias[0] == -bias[1]).all()
        assert not bias[2:].any()


def test_the_table_of_vectors(network):
    table = network.get_layer("embedding").get_weights()[0]
    assert (table[0] == 0).all()
    assert (table[1:] == VECTORS).all()
    assert not network.get_layer("embedding").trainable
    assert build_model(Model(units=2, embedding="tuned"), VECTORS, 3, seed=1).get_layer("embedding").trainable


def test_scaled_vectors_have_mean_0_and_standard_deviation_1():
    network = build_model(Model(units=2, scale_vectors=True), VECTORS * 3 + 5, 3, seed=1)
    table = network.get_layer("embedding").get_weights()[0]
    assert (table[0] == 0).all()
    assert np.allclose(table[1:].mean(axis=0), 0, atol=1e-5)
    assert abs(table[1:].std() - 1) < 1e-5
    distances = np.linalg.norm(table[1:, None] - table[None, 1:], axis=2)
    before = np.linalg.norm(VECTORS[:, None] - VECTORS[None], axis=2)
    assert np.allclose(distances * before.max(), before * distances.max(), rtol=1e-4)


def test_the_seed_decides_the_weights(network):
    def weights(network):
        return np.concatenate([weight.ravel() for weight in network.get_weights()])

    model = Model(units=5, layers=2, pool="last")
    assert (weights(build_model(model, VECTORS, 3, seed=1)) == weights(network)).all()
    assert (weights(build_model(model, VECTORS, 3, seed=2)) != weights(network)).any()


SETS = [VECTORS, np.random.default_rng(4).normal(0, 1, (30, 9)).astype(np.float32)]


def test_several_networks_give_the_mean_of_their_probabilities():
    model = Model(units=4, layers=1, bidirectional=True, pool="max_mean", mean_vector=True, dropout=0.2)
    both = build_model(model, SETS, labels=3, seed=1)
    answers = []
    for prefix, vectors in zip(("", "network_2_"), SETS, strict=True):
        alone = build_model(model, vectors, labels=3, seed=9)
        for name in ("embedding", "lstm_1", "backward_lstm_1", "logits"):
            alone.get_layer(name).set_weights(both.get_layer(prefix + name).get_weights())
        answers.append(alone(TOKENS).numpy())
    assert np.allclose(both(TOKENS).numpy(), np.mean(answers, axis=0), atol=1e-6)
    assert np.abs(answers[0] - answers[1]).max() > 0.01


def test_one_set_in_a_list_is_one_network():
    model = Model(units=4, layers=1, dropout=0.2)
    one, listed = build_model(model, VECTORS, 3, seed=1), build_model(model, [VECTORS], 3, seed=1)
    assert [layer.name for layer in one.layers] == [layer.name for layer in listed.layers]
    assert np.array_equal(one(TOKENS).numpy(), listed(TOKENS).numpy())
