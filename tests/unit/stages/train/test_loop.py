"""Trainings that diverge, are stopped or resumed: real steps of one rank on small examples."""

import copy
import dataclasses
import itertools

import numpy as np
import pytest

from patent_spark.config import Model, Train
from patent_spark.core.errors import StoppedError, WorkError
from patent_spark.core.metadata import ShardMetadata
from patent_spark.stages.shard.feed import Feed, FeedError
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.checkpoint import TrainingState
from patent_spark.stages.train.launch.horovod import join_job
from patent_spark.stages.train.loop import Callbacks, train
from patent_spark.stages.train.model.heads import Head, only_head
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam, is_over, reduction
from patent_spark.stages.train.trainer import Trainer
from patent_spark.stages.train.vectors import read_vectors
from tests.support.errors import raises
from tests.support.training_warehouse import publish_examples


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    root = tmp_path_factory.mktemp("loop")
    return publish_examples(root, train=96, development=40, virtual_shards=2, row_group_rows=48)


@pytest.fixture(scope="module")
def solo():
    with join_job() as ranks:
        yield ranks


def feed(store, split, batch):
    layout = Layout.of(store.metadata(ShardMetadata), "technology", split)
    examples = store.directory("EXAMPLES") / "technology" / split
    return Feed(examples, layout, world=1, rank=0, batch=batch, seed=1)


def train_on(store, trainer, state, callbacks):
    batch = trainer.settings.batch
    feeds = [feed(store, split, batch) for split in ("train", "development")]
    train(trainer, *feeds, state, callbacks)


@pytest.fixture
def vectors(store):
    return read_vectors(store.directory("VECTORS")).copy()


def fit(store, ranks, settings, vectors):
    """Train a small network for the technology classes."""
    network = build_model(Model(units=4), vectors, 6, seed=1)
    trainer = Trainer(network, settings, ranks, adam(settings, steps=9))
    train_on(store, trainer, TrainingState(), Callbacks())


NOT_FINITE = {"setting": "train.learning_rate", "epoch": 1}


def test_a_training_loss_that_is_not_finite_ends_the_job(store, solo, vectors):
    with raises(WorkError, split="train", **NOT_FINITE) as caught:
        fit(store, solo, Train(epochs=3, batch=32, learning_rate=1e38), vectors)
    assert "1e+38" in str(caught.value)


def test_a_development_loss_that_is_not_finite_ends_the_job(store, solo, vectors):
    """With one step per epoch the training loss is of the first weights, the development loss of the next."""
    with raises(WorkError, split="development", **NOT_FINITE) as caught:
        fit(store, solo, Train(epochs=1, batch=96, learning_rate=1e38), vectors)
    assert "1e+38" in str(caught.value)


def test_a_vector_that_is_not_finite_ends_the_job(store, solo, vectors):
    vectors[7] = np.nan
    with raises(WorkError, split="train", **NOT_FINITE) as caught:
        fit(store, solo, Train(epochs=1, batch=32), vectors)
    assert "nan" in str(caught.value)


SETTINGS = Train(epochs=3, batch=24, learning_rate=0.02)
"""An epoch has 4 steps of training and 2 of evaluation."""

TWO_HEADS = [
    Head(np.array([0, 0, 1, 1, 2, 2], np.int32), np.ones(2, np.float32), 0.7, "first_"),
    Head(np.array([0, 1, 2, 3, 3, 3], np.int32), np.ones(3, np.float32), 0.3, "second_"),
]
"""Two tasks that share the examples; each has no label for some of them."""


@pytest.fixture(scope="module")
def go(store, solo):
    return starter(store, solo, [only_head(6)])


def starter(store, ranks, heads, settings=SETTINGS):
    """A function that trains from a state and values of the variables, or from the start.

    It returns the state and the values that were saved last, the final weights, and the error that stopped
    it.
    """
    vectors = read_vectors(store.directory("VECTORS"))
    network = build_model(Model(units=4, dropout=0.3), vectors, [head.labels for head in heads], seed=1)
    trainer = Trainer(network, settings, ranks, adam(settings, steps=9), heads)
    start = trainer.values()

    def go(state=None, values=start, stop_at_look=0, on_save=lambda *_: None):
        trainer.restore(values)
        trainer._stop.assign(0.0)
        saved, looks = [], itertools.count(1)
        callbacks = Callbacks(
            lambda: next(looks) == stop_at_look,
            save=lambda state: saved.append((copy.deepcopy(state), trainer.values())),
        )
        error = None
        try:
            train_on(store, trainer, state or TrainingState(), callbacks)
        except StoppedError as stopped:
            error = stopped
        for each in saved:
            on_save(*each)
        return *saved[-1], trainer.network.get_weights(), error

    return go


@pytest.fixture(scope="module")
def undisturbed(go):
    state, _, weights, error = go()
    assert error is None
    return state, weights


def losses(state):
    return [
        {name: value for name, value in epoch.items() if name != "examples_per_second"}
        for epoch in state.history
    ]


def equal(weights, others):
    return all((own == other).all() for own, other in zip(weights, others, strict=True))


@pytest.mark.parametrize(
    ("look", "place"),
    [
        pytest.param(1, (1, 1), id="at the first step"),
        pytest.param(3, (1, 3), id="within an epoch"),
        pytest.param(4, (1, 4), id="at its last step"),
        pytest.param(6, (1, 4), id="at an evaluation"),
        pytest.param(7, (2, 1), id="in the second epoch"),
        pytest.param(17, (3, 4), id="at the last evaluation"),
    ],
)
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(go, undisturbed, look, place):
    state, values, _, error = go(stop_at_look=look)
    assert (state.epoch, state.step) == place
    assert error.facts == {"epoch": place[0], "step": place[1]}
    assert f"epoch {place[0]} of 3, after step {place[1]}" in str(error)
    assert "--resume" in str(error)
    whole, _, weights, _ = go(state, values)
    assert losses(whole) == losses(undisturbed[0])
    assert whole.kept_epoch == undisturbed[0].kept_epoch
    assert equal(weights, undisturbed[1])


def test_a_joint_training_goes_on_as_well(store, solo):
    go = starter(store, solo, TWO_HEADS)
    undisturbed, _, expected, _ = go()
    state, values, *_ = go(stop_at_look=3)
    whole, _, weights, _ = go(state, values)
    assert losses(whole) == losses(undisturbed)
    assert equal(weights, expected)
    for epoch in whole.history:
        mean = 0.7 * epoch["dev_first_loss"] + 0.3 * epoch["dev_second_loss"]
        assert epoch["dev_loss"] == pytest.approx(mean)
        assert 0 <= epoch["train_first_accuracy"] <= 1 and 0 <= epoch["train_second_accuracy"] <= 1
        assert "train_accuracy" not in epoch
    assert whole.kept_epoch == 1 + int(np.argmin([epoch["dev_loss"] for epoch in whole.history]))


@pytest.fixture(scope="module")
def with_plateaus(store, solo):
    """Steps so large that the loss soon stops falling."""
    settings = dataclasses.replace(SETTINGS, epochs=40, learning_rate=0.5, decay="plateau", patience=2)
    return settings, starter(store, solo, [only_head(6)], settings)


def test_a_training_ends_by_itself_with_its_best_weights(with_plateaus):
    settings, go = with_plateaus
    state, _, weights, _ = go()
    assert len(state.history) < settings.epochs and is_over(state.history, settings)
    assert not is_over(state.history[:-1], settings)
    assert state.kept_epoch == 1 + int(np.argmin([epoch["dev_loss"] for epoch in state.history]))
    assert equal(weights, state.kept)


def test_smaller_steps_start_from_the_best_weights_also_after_a_stop(with_plateaus):
    settings, go = with_plateaus
    undisturbed, _, expected, _ = go()
    first = next(n for n in range(40) if reduction(undisturbed.history[:n], settings) < 1)
    looks_of_an_epoch = 6
    for look in (looks_of_an_epoch * first + 1, looks_of_an_epoch * first + 3):
        state, values, _, error = go(stop_at_look=look)
        assert error.facts["epoch"] == first + 1
        whole, _, weights, _ = go(state, values)
        assert losses(whole) == losses(undisturbed)
        assert equal(weights, expected)
    saved = []
    go(on_save=lambda state, values: saved.append((state, values)))
    state, values = saved[first - 1]
    assert state.kept_epoch < first
    assert all(any(np.array_equal(kept, value) for value in values) for kept in state.kept)


def test_an_epoch_that_was_interrupted_is_still_counted(go):
    state, values, *_ = go(stop_at_look=3)
    assert state.delivered[0] == state.sums[1] == 72
    state.delivered -= [1, 0]
    with pytest.raises(FeedError) as caught:
        go(state, values)
    assert "95" in str(caught.value) and "96" in str(caught.value)


def test_the_best_epoch_of_an_earlier_attempt_is_kept(go):
    state, values, *_ = go(stop_at_look=7)
    state.history[0]["dev_loss"] = 0.0
    whole, _, weights, _ = go(state, values)
    assert whole.kept_epoch == 1
    assert equal(weights, state.kept)
