"""Step sizes, patience and weight decay, by hand."""

import keras
import numpy as np
import pytest

from patent_spark.config import Train
from patent_spark.stages.train.model.optimizer import adam, patience_is_over, with_enough_epochs


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
    assert patience_is_over(history(*losses), patience) is ends


def test_without_a_development_split_there_is_nothing_to_be_patient_about():
    assert not patience_is_over([{"epoch": 1.0, "train_loss": 1.0}, {"epoch": 2.0, "train_loss": 9.0}], 1)
