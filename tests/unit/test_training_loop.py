"""A training that leaves the numbers: real steps of one rank on the toy world."""

import numpy as np
import pytest

from patent_spark.checks import WorkError
from patent_spark.config import Model, Train
from patent_spark.shards.feed import Feed
from patent_spark.shards.layout import Layout
from patent_spark.training.loop import Learner, train
from patent_spark.training.model import build_model
from patent_spark.training.rank import read_vectors
from patent_spark.training.ranks import joined
from tests.training_world import publish_examples


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return publish_examples(tmp_path_factory.mktemp("loop"), train=96, development=40, lanes=2, row_group_rows=48)


@pytest.fixture(scope="module")
def alone():
    with joined() as ranks:
        yield ranks


def fit(store, ranks, knobs, vectors):
    """Train a small network for the technology classes."""

    def feed(split):
        layout = Layout.of(store.facts("shard"), "technology", split)
        return Feed(store.directory("EXAMPLES") / "technology" / split, layout, world=1, rank=0, batch=knobs.batch, seed=1)

    learner = Learner(build_model(Model(units=4), vectors, 6, seed=1), knobs, ranks)
    return train(learner, feed("train"), feed("development"), knobs, ranks, lambda *_: None, lambda _: None)


def test_a_training_loss_that_is_no_number_ends_the_job(store, alone):
    knobs = Train(epochs=3, batch=32, learning_rate=1e38)
    with pytest.raises(WorkError, match=r"^the training loss is (nan|inf) in epoch 1: .* lower train\.learning_rate \(now 1e\+38\)"):
        fit(store, alone, knobs, read_vectors(store.directory("VECTORS")))


def test_a_development_loss_that_is_no_number_ends_the_job(store, alone):
    """A single step an epoch: its loss is of the first weights, so the development split is the first to see what it did."""
    with pytest.raises(WorkError, match=r"^the development loss is (nan|inf) in epoch 1: .* lower train\.learning_rate \(now 1e\+38\)"):
        fit(store, alone, Train(epochs=1, batch=96, learning_rate=1e38), read_vectors(store.directory("VECTORS")))


def test_a_poisoned_vector_ends_the_job(store, alone):
    vectors = read_vectors(store.directory("VECTORS")).copy()
    vectors[7] = np.nan
    with pytest.raises(WorkError, match=r"^the training loss is nan in epoch 1"):
        fit(store, alone, Train(epochs=1, batch=32), vectors)
