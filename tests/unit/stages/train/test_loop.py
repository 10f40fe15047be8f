"""A training that leaves the numbers: real steps of one rank on the toy world."""

import copy
import itertools

import numpy as np
import pytest

from patent_spark.config import Model, Train
from patent_spark.core.errors import StoppedError, WorkError
from patent_spark.stages.shard.feed import Feed, FeedError
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.checkpoint import State
from patent_spark.stages.train.launch.horovod import joined
from patent_spark.stages.train.launch.worker import read_vectors
from patent_spark.stages.train.loop import Learner, Watch, train
from patent_spark.stages.train.model.heads import Head, only_head
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam
from tests.support.training_warehouse import publish_examples


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return publish_examples(
        tmp_path_factory.mktemp("loop"), train=96, development=40, lanes=2, row_group_rows=48
    )


@pytest.fixture(scope="module")
def alone():
    with joined() as ranks:
        yield ranks


def feed(store, split, batch):
    layout = Layout.of(store.metadata("shard"), "technology", split)
    return Feed(
        store.directory("EXAMPLES") / "technology" / split, layout, world=1, rank=0, batch=batch, seed=1
    )


def fit(store, ranks, settings, vectors):
    """Train a small network for the technology classes."""
    learner = Learner(
        build_model(Model(units=4), vectors, 6, seed=1), settings, ranks, adam(settings, steps=9)
    )
    train(
        learner,
        feed(store, "train", settings.batch),
        feed(store, "development", settings.batch),
        settings,
        ranks,
        State(),
        Watch(),
    )


def test_a_training_loss_that_is_no_number_ends_the_job(store, alone):
    settings = Train(epochs=3, batch=32, learning_rate=1e38)
    with pytest.raises(
        WorkError,
        match=r"^the training loss is (nan|inf) in epoch 1: .* lower train\.learning_rate \(now 1e\+38\)",
    ):
        fit(store, alone, settings, read_vectors(store.directory("VECTORS")))


def test_a_development_loss_that_is_no_number_ends_the_job(store, alone):
    """A single step an epoch: its loss is of the first weights, so the development split is the first to see what it did."""
    with pytest.raises(
        WorkError,
        match=r"^the development loss is (nan|inf) in epoch 1: .* lower train\.learning_rate \(now 1e\+38\)",
    ):
        fit(
            store,
            alone,
            Train(epochs=1, batch=96, learning_rate=1e38),
            read_vectors(store.directory("VECTORS")),
        )


def test_a_poisoned_vector_ends_the_job(store, alone):
    vectors = read_vectors(store.directory("VECTORS")).copy()
    vectors[7] = np.nan
    with pytest.raises(WorkError, match=r"^the training loss is nan in epoch 1"):
        fit(store, alone, Train(epochs=1, batch=32), vectors)


SETTINGS = Train(epochs=3, batch=24, learning_rate=0.02)  # 4 steps and 2 judgements an epoch


TWO = [
    Head(np.array([0, 0, 1, 1, 2, 2], np.int32), np.ones(2, np.float32), 0.7, "first_"),
    Head(np.array([0, 1, 2, 3, 3, 3], np.int32), np.ones(3, np.float32), 0.3, "second_"),
]
"""Two tasks that share the examples; each has no label for some of them."""


@pytest.fixture(scope="module")
def go(store, alone):
    return trainer(store, alone, [only_head(6)])


def trainer(store, alone, heads):
    """Trains from a state and the values of the variables, or from the start; returns what was saved last, the final weights, and why it stopped."""
    network = build_model(
        Model(units=4, dropout=0.3),
        read_vectors(store.directory("VECTORS")),
        [head.labels for head in heads],
        seed=1,
    )
    learner = Learner(network, SETTINGS, alone, adam(SETTINGS, steps=9), heads)
    start = learner.values()

    def go(state=None, values=start, stop_at_look=0):
        learner.restore(values)
        learner._stop.assign(0.0)
        saved, looks = [], itertools.count(1)
        watch = Watch(
            lambda: next(looks) == stop_at_look,
            save=lambda state: saved.append((copy.deepcopy(state), learner.values())),
        )
        message = ""
        try:
            train(
                learner,
                feed(store, "train", 24),
                feed(store, "development", 24),
                SETTINGS,
                alone,
                state or State(),
                watch,
            )
        except StoppedError as stopped:
            message = str(stopped)
        return *saved[-1], learner.network.get_weights(), message

    return go


@pytest.fixture(scope="module")
def undisturbed(go):
    state, _, weights, message = go()
    assert message == ""
    return state, weights


def losses(state):
    return [
        {name: value for name, value in epoch.items() if name != "examples_per_second"}
        for epoch in state.history
    ]


@pytest.mark.parametrize(
    ("look", "place"),
    [(1, (1, 1)), (3, (1, 3)), (4, (1, 4)), (6, (1, 4)), (7, (2, 1)), (17, (3, 4))],
    ids=[
        "at the first step",
        "within an epoch",
        "at its last step",
        "at a judgement",
        "in the second epoch",
        "at the last judgement",
    ],
)
def test_a_training_that_was_stopped_goes_on_as_if_it_had_not_been(go, undisturbed, look, place):
    state, values, _, message = go(stop_at_look=look)
    assert (state.epoch, state.step) == place
    assert (
        message
        == f"stopped in epoch {place[0]} of 3, after step {place[1]}; the same command with --resume goes on from there"
    )
    whole, _, weights, _ = go(state, values)
    assert losses(whole) == losses(undisturbed[0])
    assert whole.kept_epoch == undisturbed[0].kept_epoch
    assert all((ours == theirs).all() for ours, theirs in zip(weights, undisturbed[1], strict=True))


def test_a_joint_training_goes_on_as_well(store, alone):
    go = trainer(store, alone, TWO)
    undisturbed, _, expected, _ = go()
    state, values, *_ = go(stop_at_look=3)
    whole, _, weights, _ = go(state, values)
    assert losses(whole) == losses(undisturbed)
    assert all((ours == theirs).all() for ours, theirs in zip(weights, expected, strict=True))
    for epoch in whole.history:
        assert epoch["dev_loss"] == pytest.approx(
            0.7 * epoch["dev_first_loss"] + 0.3 * epoch["dev_second_loss"]
        )
        assert 0 <= epoch["train_first_accuracy"] <= 1 and 0 <= epoch["train_second_accuracy"] <= 1
        assert "train_accuracy" not in epoch
    assert whole.kept_epoch == 1 + int(np.argmin([epoch["dev_loss"] for epoch in whole.history]))


def test_an_epoch_that_was_broken_off_is_still_counted(go):
    state, values, *_ = go(stop_at_look=3)
    assert state.delivered[0] == state.sums[1] == 72
    state.delivered -= [1, 0]
    with pytest.raises(FeedError, match=r"delivered 95 examples .* the manifest says 96"):
        go(state, values)


def test_the_best_epoch_of_an_earlier_attempt_is_kept(go):
    state, values, *_ = go(stop_at_look=7)
    state.history[0]["dev_loss"] = 0.0
    whole, _, weights, _ = go(state, values)
    assert whole.kept_epoch == 1
    assert all((ours == theirs).all() for ours, theirs in zip(weights, state.kept, strict=True))
