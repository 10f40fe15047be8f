"""Two heads on one network: what each example counts to each, by hand and against a step written differently."""

import keras
import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf

from patent_spark.config import Model, Train, load_config
from patent_spark.stages.shard.row_groups import write_groups
from patent_spark.stages.train.launch.horovod import joined
from patent_spark.stages.train.loop import Learner
from patent_spark.stages.train.model.heads import Head, figures, heads_of, only_head
from patent_spark.stages.train.model.network import build_model, with_one_head

TASKS = ["technology", "citation_level"]
LABELS = [0] * 4 + [2] * 2 + [3] * 2 + [7] * 4
"""Of two tasks with two labels each: (0, 0) four times, (0, -) twice, (1, 0) twice, (-, 1) four times."""


@pytest.fixture
def examples(tmp_path):
    columns = {
        "patent_key": range(12),
        "label": pa.array(LABELS, pa.int32()),
        "length": pa.array([1] * 12, pa.int32()),
    }
    write_groups(tmp_path, [pa.table({**columns, "tokens": [bytes(8)] * 12})], 12, 5, 3, max_tokens=2)
    return tmp_path


def test_what_an_example_counts_to_each_head(examples):
    """8 of 12 examples have a class, 10 a level: so that each task's mean counts what the setting says, they count 12/8 and 12/10 of it."""

    def weights(*sets):
        config, _ = load_config(sets=["tasks=joint", "technology.max_tokens=200", *sets])
        heads = heads_of(config, TASKS, [2, 2], examples)
        assert [head.answers.tolist() for head in heads] == [[0, 0, 0, 1, 1, 1, 2, 2, 2], [0, 1, 2] * 3]
        assert [head.prefix for head in heads] == ["technology_", "citation_level_"]
        return [head.share for head in heads], [head.weights.tolist() for head in heads]

    assert weights() == ([0.5, 0.5], [pytest.approx([0.75] * 2), pytest.approx([0.6] * 2)])
    assert weights("train.citation_level_weight=3") == (
        [0.25, 0.75],
        [pytest.approx([0.375] * 2), pytest.approx([0.9] * 2)],
    )
    balanced = [
        pytest.approx([0.5, 1.5]),
        pytest.approx([0.5, 0.75]),
    ]  # 6 and 2 with a class, 6 and 4 with a level
    assert weights("train.class_weights=balanced", "train.level_weights=balanced")[1] == balanced
    assert weights("train.level_weights=balanced")[1] == [pytest.approx([0.75] * 2), balanced[1]]


def test_a_model_of_one_task_has_plain_weights(examples):
    config, _ = load_config(sets=["tasks=technology"])
    (head,) = heads_of(config, TASKS[:1], [8], examples)
    assert (head.share, head.prefix, head.answers.tolist()) == (1.0, "", list(range(9)))
    assert [head.weights[label] for label in (0, 2, 3, 7)] == [1.0] * 4


EARLY = [{"likelihood": [0.9, 0.2, 0.1]}, {"likelihood": [0.1, 0.8, 0.9]}]


def test_interim_levels_count_like_labels_and_play_no_part_in_the_figures(tmp_path):
    """Numbers 3 and 4 are early levels of a task with three labels; the step against the gradient written out, the sums of whole labels alone."""
    labels = np.array([0, 1, 2, 0, 3, 4, 4, 3], np.int32)
    columns = {"patent_key": range(8), "label": pa.array(labels), "length": pa.array([1] * 8, pa.int32())}
    write_groups(tmp_path, [pa.table({**columns, "tokens": [bytes(8)] * 8})], 8, 2, 4, max_tokens=2)
    (head,) = heads_of(load_config(sets=["tasks=citation_level"])[0], TASKS[1:], [3], tmp_path, EARLY)
    assert (head.answers.tolist(), head.weights.tolist()) == ([0, 1, 2, 3, 3], [1.0] * 3)
    plain = network_of(3)
    with joined() as ranks:
        learner = Learner(network_of(3), Train(clip_norm=0.0), ranks, keras.optimizers.SGD(0.3), [head])
        sums = learner.step(TOKENS[:8], labels, np.ones(8, np.float32)).numpy()
    with tf.GradientTape() as tape:
        said = plain(TOKENS[:8])
        own = tf.gather(said[:4], labels[:4], batch_dims=1)
        seen = tf.reduce_sum(
            said[4:] * np.array([EARLY[label - 3]["likelihood"] for label in labels[4:]], np.float32), axis=1
        )
        loss = -(tf.reduce_sum(tf.math.log(own)) + tf.reduce_sum(tf.math.log(seen))) / 8
    for variable, gradient in zip(
        plain.trainable_variables,
        tape.gradient(loss, [v.value for v in plain.trainable_variables]),
        strict=True,
    ):
        variable.assign_sub(0.3 * gradient)
    assert all(
        np.allclose(ours, theirs, atol=1e-6)
        for ours, theirs in zip(learner.network.get_weights(), plain.get_weights(), strict=True)
    )
    hits = np.sum(said.numpy()[:4].argmax(axis=1) == labels[:4])
    assert sums == pytest.approx([-np.log(own).sum(), 4, hits, 8, 0], rel=1e-5)


def test_figures_by_hand():
    heads = [
        Head(np.zeros(1, np.int32), np.ones(3, np.float32), 0.25, "technology_"),
        Head(np.zeros(1, np.int32), np.ones(2, np.float32), 0.75, "x_"),
    ]
    assert figures("dev", heads, np.array([6.0, 4.0, 1.0, 5.0, 10.0, 5.0])) == {
        "dev_loss": 0.25 * 1.5 + 0.75 * 0.5,
        "dev_technology_loss": 1.5,
        "dev_technology_accuracy": 0.25,
        "dev_x_loss": 0.5,
        "dev_x_accuracy": 0.5,
    }
    assert figures("train", [only_head(3)], np.array([6.0, 4.0, 1.0])) == {
        "train_loss": 1.5,
        "train_accuracy": 0.25,
    }
    assert figures("train", [only_head(3)], np.zeros(3)) == {"train_loss": 0.0, "train_accuracy": 0.0}


NUMBERS = np.random.default_rng(4)
VECTORS = NUMBERS.normal(0, 1, (30, 6)).astype(np.float32)
TOKENS = NUMBERS.integers(1, 31, (12, 7)).astype(np.int32)


def network_of(labels):
    return build_model(Model(units=5), VECTORS, labels, seed=1)


def test_the_step_goes_down_the_weighted_mean_of_both_losses(examples):
    """All 12 examples in one step, against the gradient of the two means as Keras computes them, each over its own examples."""
    config, _ = load_config(
        sets=["tasks=joint", "technology.max_tokens=200", "train.citation_level_weight=3"]
    )
    heads, plain = heads_of(config, TASKS, [2, 2], examples), network_of([2, 2])
    with joined() as ranks:
        learner = Learner(network_of([2, 2]), Train(clip_norm=0.0), ranks, keras.optimizers.SGD(0.3), heads)
        sums = learner.step(TOKENS, np.array(LABELS, np.int32), np.ones(12, np.float32)).numpy()
    classes = np.array([0] * 6 + [1] * 2)
    levels, with_level = np.array([0] * 6 + [1] * 4), [0, 1, 2, 3, 6, 7, 8, 9, 10, 11]
    with tf.GradientTape() as tape:
        technology, level = plain(TOKENS)
        losses = [
            tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(classes, technology[:8])),
            tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(levels, tf.gather(level, with_level))
            ),
        ]
        loss = 0.25 * losses[0] + 0.75 * losses[1]
    for variable, gradient in zip(
        plain.trainable_variables,
        tape.gradient(loss, [v.value for v in plain.trainable_variables]),
        strict=True,
    ):
        variable.assign_sub(0.3 * gradient)
    assert all(
        np.allclose(ours, theirs, atol=1e-6)
        for ours, theirs in zip(learner.network.get_weights(), plain.get_weights(), strict=True)
    )
    hits = [
        np.sum(technology[:8].numpy().argmax(axis=1) == classes),
        np.sum(level.numpy()[with_level].argmax(axis=1) == levels),
    ]
    assert sums == pytest.approx([8 * losses[0], 8, hits[0], 10 * losses[1], 10, hits[1], 12, 0], rel=1e-5)


def test_an_example_without_a_label_leaves_that_head_as_it_is(examples):
    heads = [
        Head(np.array([0, 1], np.int32), np.ones(2, np.float32), 0.5),
        Head(np.array([2, 2], np.int32), np.ones(2, np.float32), 0.5),
    ]
    network = network_of([2, 2])
    before = [network.get_layer(name).get_weights() for name in ("logits", "logits_2", "lstm_1")]
    with joined() as ranks:
        Learner(network, Train(), ranks, keras.optimizers.SGD(0.3), heads).step(
            TOKENS[:2], np.array([0, 1], np.int32), np.ones(2, np.float32)
        )
    after = [network.get_layer(name).get_weights() for name in ("logits", "logits_2", "lstm_1")]
    assert [all(map(np.array_equal, old, new)) for old, new in zip(before, after, strict=True)] == [
        False,
        True,
        False,
    ]


def test_a_head_alone_is_the_network_of_its_task(tmp_path):
    network = network_of([3, 2])
    both = [each.numpy() for each in network(TOKENS)]
    for number, expected in enumerate(both):
        with_one_head(network, number).save(tmp_path / "model.keras")
        alone = keras.saving.load_model(tmp_path / "model.keras")
        assert np.allclose(alone(TOKENS).numpy(), expected, atol=1e-6)
    assert with_one_head(network, 1).count_params() == network_of(2).count_params()
