"""Two heads on one network, by hand and against a step that is written differently."""

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from patent_spark.config import Model, Train, load_config
from patent_spark.core.metadata import InterimLabel
from patent_spark.stages.shard.row_groups import write_groups
from patent_spark.stages.train.launch.horovod import join_job
from patent_spark.stages.train.model.heads import Head, heads_of, metrics_of, only_head
from patent_spark.stages.train.model.network import build_model, with_one_head
from patent_spark.stages.train.trainer import Trainer

TASKS = ["technology", "citation_level"]
JOINT = ["tasks=joint", "technology.max_tokens=200"]
LABELS = [0] * 4 + [2] * 2 + [3] * 2 + [7] * 4
"""Of two tasks with two labels each: (0, 0) four times, (0, -) twice, (1, 0) twice, (-, 1) four times."""


def write_examples(folder, labels):
    columns = {
        "patent_key": range(len(labels)),
        "label": pa.array(labels, pa.int32()),
        "length": pa.array([1] * len(labels), pa.int32()),
        "tokens": [bytes(8)] * len(labels),
    }
    write_groups(folder, [pa.table(columns)], len(labels), 5, 3, max_tokens=2)


@pytest.fixture
def examples(tmp_path):
    write_examples(tmp_path, LABELS)
    return tmp_path


def heads_with(examples, *settings):
    return heads_of(load_config(sets=[*JOINT, *settings])[0], TASKS, [2, 2], examples)


def test_heads_map_the_labels_of_the_examples_to_those_of_their_task(examples):
    heads = heads_with(examples)
    assert [head.label_map.tolist() for head in heads] == [[0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2] * 3]
    assert [head.prefix for head in heads] == ["technology_", "citation_level_"]


def test_only_the_levels_are_in_order(examples):
    assert [head.ordinal for head in heads_with(examples)] == [False, False]
    assert [head.ordinal for head in heads_with(examples, "train.level_loss=ordinal")] == [False, True]


@pytest.mark.parametrize(
    ("settings", "shares", "weights"),
    [
        ([], [0.5, 0.5], [[0.75] * 2, [0.6] * 2]),
        (["train.citation_level_weight=3"], [0.25, 0.75], [[0.375] * 2, [0.9] * 2]),
        # 6 and 2 examples have a class, 6 and 4 a level.
        (
            ["train.class_weights=balanced", "train.level_weights=balanced"],
            [0.5, 0.5],
            [[0.5, 1.5], [0.5, 0.75]],
        ),
        (["train.level_weights=balanced"], [0.5, 0.5], [[0.75] * 2, [0.5, 0.75]]),
    ],
)
def test_the_weight_of_an_example_in_each_head(examples, settings, shares, weights):
    """8 of 12 examples have a class, 10 a level: for the tasks' shares to hold they weigh 12/8 and 12/10."""
    heads = heads_with(examples, *settings)
    assert [head.share for head in heads] == shares
    assert [head.weights.tolist() for head in heads] == [pytest.approx(each) for each in weights]


def test_a_model_of_one_task_has_plain_weights(examples):
    config, _ = load_config(sets=["tasks=technology"])
    (head,) = heads_of(config, TASKS[:1], [8], examples)
    assert (head.share, head.prefix, head.label_map.tolist()) == (1.0, "", list(range(9)))
    assert [head.weights[label] for label in (0, 2, 3, 7)] == [1.0] * 4


def test_metrics_by_hand():
    heads = [
        Head(np.zeros(1, np.int32), np.ones(3, np.float32), 0.25, "technology_"),
        Head(np.zeros(1, np.int32), np.ones(2, np.float32), 0.75, "x_"),
    ]
    assert metrics_of("dev", heads, np.array([6.0, 4.0, 1.0, 5.0, 10.0, 5.0])) == {
        "dev_loss": 0.25 * 1.5 + 0.75 * 0.5,
        "dev_technology_loss": 1.5,
        "dev_technology_accuracy": 0.25,
        "dev_x_loss": 0.5,
        "dev_x_accuracy": 0.5,
    }
    one = [only_head(3)]
    assert metrics_of("train", one, np.array([6.0, 4.0, 1.0])) == {"train_loss": 1.5, "train_accuracy": 0.25}
    assert metrics_of("train", one, np.zeros(3)) == {"train_loss": 0.0, "train_accuracy": 0.0}


NUMBERS = np.random.default_rng(4)
VECTORS = NUMBERS.normal(0, 1, (30, 6)).astype(np.float32)
TOKENS = NUMBERS.integers(1, 31, (12, 7)).astype(np.int32)


def network_of(labels):
    return build_model(Model(units=5), VECTORS, labels, seed=1)


def trained_one_step(network, heads, tokens, labels, settings=Train(clip_norm=0.0)):
    """Train the network by one step of gradient descent; returns the step's sums."""
    with join_job() as ranks:
        trainer = Trainer(network, settings, ranks, keras.optimizers.SGD(0.3), heads)
        weight, features = np.ones(len(labels), np.float32), np.zeros((len(labels), 0), np.float32)
        sums = trainer.train_step(tokens, np.array(labels, np.int32), weight, features)
        return sums.numpy()


def descend(network, tape, loss):
    """The same step by hand: Keras's own gradient of a loss."""
    variables = network.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(0.3 * gradient)


def same_weights(network, other):
    pairs = zip(network.get_weights(), other.get_weights(), strict=True)
    return all(np.allclose(own, others, atol=1e-6) for own, others in pairs)


INTERIM = [
    InterimLabel(label=f"{level}@12", follow_up_months=12, level=level, likelihood=likelihood)
    for level, likelihood in [("top1", (0.9, 0.2, 0.1)), ("btm90", (0.1, 0.8, 0.9))]
]


def test_interim_levels_weigh_like_labels_and_play_no_part_in_the_metrics(tmp_path):
    """Labels 3 and 4 are interim levels of a task with three labels.

    The step is compared with the gradient written out, its sums with those of the examples that have a label.
    """
    labels = np.array([0, 1, 2, 0, 3, 4, 4, 3], np.int32)
    write_examples(tmp_path, labels)
    config, _ = load_config(sets=["tasks=citation_level"])
    (head,) = heads_of(config, TASKS[1:], [3], tmp_path, INTERIM)
    assert (head.label_map.tolist(), head.weights.tolist()) == ([0, 1, 2, 3, 3], [1.0] * 3)
    network, plain = network_of(3), network_of(3)
    sums = trained_one_step(network, [head], TOKENS[:8], labels)
    likelihoods = np.array([INTERIM[label - 3].likelihood for label in labels[4:]], np.float32)
    with tf.GradientTape() as tape:
        probabilities = plain(TOKENS[:8])
        own = tf.gather(probabilities[:4], labels[:4], batch_dims=1)
        observed = tf.reduce_sum(probabilities[4:] * likelihoods, axis=1)
        loss = -(tf.reduce_sum(tf.math.log(own)) + tf.reduce_sum(tf.math.log(observed))) / 8
    descend(plain, tape, loss)
    assert same_weights(network, plain)
    n_correct = np.sum(probabilities.numpy()[:4].argmax(axis=1) == labels[:4])
    assert sums == pytest.approx([-np.log(own).sum(), 4, n_correct, 8, 0], rel=1e-5)


def test_the_step_descends_the_weighted_mean_of_both_losses(examples):
    """All 12 examples in one step, against Keras's gradient of the two means, each over its own examples."""
    heads = heads_with(examples, "train.citation_level_weight=3")
    network, plain = network_of([2, 2]), network_of([2, 2])
    sums = trained_one_step(network, heads, TOKENS, LABELS)
    classes = np.array([0] * 6 + [1] * 2)
    levels, with_level = np.array([0] * 6 + [1] * 4), [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    cross_entropy = keras.losses.sparse_categorical_crossentropy
    with tf.GradientTape() as tape:
        technology, level = plain(TOKENS)
        losses = [
            tf.reduce_mean(cross_entropy(classes, technology[:8])),
            tf.reduce_mean(cross_entropy(levels, tf.gather(level, with_level))),
        ]
        loss = 0.25 * losses[0] + 0.75 * losses[1]
    descend(plain, tape, loss)
    assert same_weights(network, plain)
    n_correct = [
        np.sum(technology[:8].numpy().argmax(axis=1) == classes),
        np.sum(level.numpy()[with_level].argmax(axis=1) == levels),
    ]
    expected = [8 * losses[0], 8, n_correct[0], 10 * losses[1], 10, n_correct[1], 12, 0]
    assert sums == pytest.approx(expected, rel=1e-5)


def test_the_step_of_ordered_labels_descends_the_loss_of_each_step_between_them():
    """Each example's loss is that of "label 0" against the rest and of "label 2" against the rest."""
    labels = np.array([0, 1, 2, 1, 2, 0], np.int32)
    head = Head(np.arange(3, dtype=np.int32), np.ones(3, np.float32), ordinal=True)
    network, plain = network_of(3), network_of(3)
    trained_one_step(network, [head], TOKENS[:6], labels)
    with tf.GradientTape() as tape:
        first, _, last = tf.unstack(plain(TOKENS[:6]), axis=1)
        own = tf.where(labels == 0, first, 1 - first) * tf.where(labels == 2, last, 1 - last)
        loss = -tf.reduce_mean(tf.math.log(own))
    descend(plain, tape, loss)
    assert same_weights(network, plain)


def test_an_example_without_a_label_leaves_that_head_as_it_is():
    heads = [
        Head(np.array([0, 1], np.int32), np.ones(2, np.float32), 0.5),
        Head(np.array([2, 2], np.int32), np.ones(2, np.float32), 0.5),
    ]
    network, names = network_of([2, 2]), ("logits", "logits_2", "lstm_1")
    before = [network.get_layer(name).get_weights() for name in names]
    trained_one_step(network, heads, TOKENS[:2], [0, 1], Train())
    after = [network.get_layer(name).get_weights() for name in names]
    unchanged = [all(map(np.array_equal, old, new)) for old, new in zip(before, after, strict=True)]
    assert unchanged == [False, True, False]


def test_a_head_alone_is_the_network_of_its_task(tmp_path):
    network = network_of([3, 2])
    both = [each.numpy() for each in network(TOKENS)]
    for number, expected in enumerate(both):
        with_one_head(network, number).save(tmp_path / "model.keras")
        alone = keras.saving.load_model(tmp_path / "model.keras")
        assert np.allclose(alone(TOKENS).numpy(), expected, atol=1e-6)
    assert with_one_head(network, 1).count_params() == network_of(2).count_params()


def test_several_networks_learn_each_by_itself_and_are_judged_together():
    """The step of each is that of its own loss alone, divided by their number; the sums are of the mean."""
    sets, labels = [VECTORS, VECTORS[::-1].copy()], [int(each) for each in NUMBERS.integers(0, 3, 12)]
    network, expected = (build_model(Model(units=5), sets, 3, seed=1) for _ in range(2))
    probabilities = expected(TOKENS).numpy()
    sums = trained_one_step(network, [only_head(3)], TOKENS, labels)
    prefixes = ("", "network_2_")
    outputs = [expected.get_layer(f"{prefix}probabilities").output for prefix in prefixes]
    with tf.GradientTape() as tape:
        answers = keras.Model(expected.input, outputs)(TOKENS)
        losses = [-tf.reduce_mean(tf.math.log(tf.gather(each, labels, batch_dims=1))) for each in answers]
        loss = tf.add_n(losses) / 2
    descend(expected, tape, loss)
    assert same_weights(network, expected)
    own = probabilities[np.arange(12), labels]
    correct = (probabilities.argmax(axis=1) == labels).sum()
    assert sums[:4] == pytest.approx([-np.log(own).sum(), 12, correct, 12], rel=1e-5)
