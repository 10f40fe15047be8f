"""Step sizes, patience and weight decay, by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from patent_spark.config import Train
from patent_spark.stages.train.model.optimizer import (
    adam,
    is_over,
    reduce_learning_rate,
    reduction,
    with_enough_epochs,
    without_development,
)


def step_sizes(settings, steps):
    """The optimizer's step size before each step."""
    optimizer = adam(settings, steps)
    optimizer.build([weight := keras.Variable([1.0])])
    sizes = []
    for _ in range(steps):
        sizes.append(float(optimizer.learning_rate))
        optimizer.apply([keras.ops.ones(1)], [weight])
    return sizes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"learning_rate": 0.5}, [0.5, 0.5, 0.5]),
        ({"learning_rate": 1.0, "decay": "linear"}, [1, 0.75, 0.5, 0.25]),
        ({"learning_rate": 1.0, "decay": "cosine"}, [1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2]),
        ({"learning_rate": 1.0, "warmup": 0.5}, [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]),
        (
            {"learning_rate": 2.0, "warmup": 0.2, "decay": "linear"},
            [1, 2, 2, 1.75, 1.5, 1.25, 1, 0.75, 0.5, 0.25],
        ),
    ],
)
def test_the_step_size_rises_and_falls_as_planned(settings, expected):
    assert np.allclose(step_sizes(Train(**settings), len(expected)), expected)


def test_weights_decay_but_not_biases_and_word_vectors():
    decayed, still, vectors = (keras.Variable([2.0], name=name) for name in ("kernel", "bias", "embeddings"))
    optimizer = adam(Train(learning_rate=0.1, weight_decay=0.5), 1)
    optimizer.apply([keras.ops.zeros(1)] * 3, [decayed, still, vectors])
    assert float(decayed[0]) == pytest.approx(2 * (1 - 0.1 * 0.5))
    assert float(still[0]) == float(vectors[0]) == 2


def test_few_examples_are_trained_on_for_more_epochs():
    assert with_enough_epochs(Train(epochs=3), 1).epochs == 3
    assert with_enough_epochs(Train(epochs=3, min_steps=1000), 60).epochs == 17
    assert with_enough_epochs(Train(epochs=3, min_steps=1000), 500).epochs == 3


def test_the_patience_is_longer_with_few_examples():
    settings = Train(patience=2, patience_steps=200)
    assert [with_enough_epochs(settings, steps).patience for steps in (16, 90, 150, 5000)] == [13, 3, 2, 2]


def history(*losses):
    return [{"epoch": float(number), "dev_loss": loss} for number, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("losses", "patience", "ends"),
    [
        ((3, 2, 2.5, 2.4), 2, True),
        ((3, 2, 2.5), 2, False),
        ((3, 2, 2.5, 1.9), 2, False),
        # No better is not better.
        ((3, 2, 2.0, 2.0), 2, True),
        ((3, 4), 1, True),
        ((3, 4, 5, 6), 0, False),
        ((), 1, False),
    ],
)
def test_patience_ends_after_so_many_epochs_without_a_lower_loss(losses, patience, ends):
    assert is_over(history(*losses), Train(patience=patience)) is ends


def test_without_a_development_split_there_is_nothing_to_be_patient_about():
    without = [{"epoch": 1.0, "train_loss": 1.0}, {"epoch": 2.0, "train_loss": 9.0}]
    assert not is_over(without, Train(patience=1))


def test_each_plateau_lowers_the_learning_rate_and_the_fourth_ends_the_training():
    settings = Train(decay="plateau", patience=2)
    losses = [5, 4, 4, 4.5, 3, 3, 3, 2.9, 3, 3.1, 2.9, 2.9]
    plateaus_after = [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4]
    for epochs, count in enumerate(plateaus_after, start=1):
        seen = history(*losses[:epochs])
        assert reduction(seen, settings) == pytest.approx(0.3**count)
        assert is_over(seen, settings) is (count == 4)
    assert reduction(history(*losses), Train(patience=2)) == 1.0


def test_losses_that_are_lower_by_next_to_nothing_are_a_plateau():
    """Several small steps count once they are a thousandth together; plain patience takes each of them."""
    settings, plain = Train(decay="plateau", patience=2), Train(patience=2)
    small = [2.0, 1.9991, 1.9982, 1.9979]
    assert [reduction(history(*small[:epochs]), settings) for epochs in (2, 3, 4)] == [1, 0.3, 0.3]
    assert reduction(history(2.0, 1.9991, 1.9979, 1.997), settings) == 1
    assert not is_over(history(*small), plain)


def test_where_no_plateau_can_be_seen_the_learning_rate_falls_linearly():
    assert without_development(Train(decay="plateau", patience=2)).decay == "linear"
    assert without_development(Train(decay="cosine")).decay == "cosine"


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_reduced_learning_rate_is_a_share_of_the_planned_one(precision):
    """Within a compiled step, too, which is traced once."""
    settings = Train(learning_rate=0.5, warmup_steps=2, decay="plateau", precision=precision)
    optimizer = adam(settings, 100)
    optimizer.build([weight := keras.Variable([1.0])])
    inner = getattr(optimizer, "inner_optimizer", optimizer)

    @tf.function
    def step():
        optimizer.apply([optimizer.scale_loss(tf.ones(1))], [weight.value])
        return inner.learning_rate

    before = float(weight.numpy()[0])
    step()
    assert before - float(weight.numpy()[0]) == pytest.approx(0.25, rel=1e-3)  # of a warm-up of two steps
    reduce_learning_rate(optimizer, 0.3)
    assert float(step()) == pytest.approx(0.15)
