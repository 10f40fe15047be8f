"""Masks of dropout: the same for an example on one rank as on many."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.dropout import with_shared_dropout

VIRTUAL_SHARDS, ROWS_PER_SHARD, WORDS, UNITS = 4, 3, 5, 400
SOLO = Ranks(rank=0, size=1, local_rank=0, local_size=1)


def network(dropout):
    tokens = keras.Input((WORDS, UNITS))
    return keras.Model(tokens, dropout(tokens))


def spatial():
    return network(layers.SpatialDropout1D(0.25, seed=7, name="dropout"))


def of_units():
    return network(layers.Dropout(0.25, seed=7, name="dropout"))


@pytest.fixture(params=[spatial, of_units])
def built(request):
    return request.param


def drawn(network, ranks, calls=1):
    """float32 [calls, virtual shards, rows, words, units]: what dropout leaves of a rank's ones."""
    shared, virtual_shards = with_shared_dropout(network, ranks, VIRTUAL_SHARDS), VIRTUAL_SHARDS // ranks.size
    ones = np.ones((virtual_shards * ROWS_PER_SHARD, WORDS, UNITS), np.float32)
    shape = (virtual_shards, ROWS_PER_SHARD, WORDS, UNITS)
    return np.stack([np.reshape(shared(ones, training=True), shape) for _ in range(calls)])


@pytest.mark.parametrize("size", [2, 4])
def test_an_example_loses_the_same_units_on_any_number_of_ranks(built, size):
    whole = drawn(built(), SOLO, calls=2)
    for rank in range(size):
        own = drawn(built(), dataclasses.replace(SOLO, rank=rank, size=size), calls=2)
        assert (own == whole[:, rank::size]).all()


def test_a_mask_is_that_of_keras_itself_without_the_rows_of_other_ranks(built):
    ones = np.ones((VIRTUAL_SHARDS * ROWS_PER_SHARD, WORDS, UNITS), np.float32)
    expected = np.reshape(built()(ones, training=True), (VIRTUAL_SHARDS, ROWS_PER_SHARD, WORDS, UNITS))
    mask = drawn(built(), SOLO)[0]
    assert (mask == expected).all()
    assert sorted(np.unique(mask)) == pytest.approx([0, 1 / 0.75])
    assert (mask == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_every_example_and_every_step_has_a_mask_of_its_own(built):
    first, second = drawn(built(), SOLO, calls=2)
    assert (first != second).mean() > 0.3
    rows = first.reshape(VIRTUAL_SHARDS * ROWS_PER_SHARD, -1)
    assert all((rows[one] != rows[other]).mean() > 0.3 for one in range(len(rows)) for other in range(one))
    assert (first[:, :, 1:] == first[:, :, :1]).all() == (built is spatial)


def test_an_evaluation_drops_nothing_and_draws_nothing(built):
    network = built()
    before = network.get_layer("dropout").seed_generator.state.numpy()
    ones = np.ones((2, WORDS, UNITS), np.float32)
    assert (np.asarray(with_shared_dropout(network, SOLO, VIRTUAL_SHARDS)(ones)) == 1).all()
    assert (network.get_layer("dropout").seed_generator.state.numpy() == before).all()


def test_a_step_advances_the_variables_of_the_network_that_is_saved(built):
    """So a checkpoint of them goes on with the masks that would have come next."""
    network = built()
    drawn(network, SOLO)
    before = [variable.numpy() for variable in network.variables]
    (expected,), again = drawn(network, SOLO), built()
    for variable, value in zip(again.variables, before, strict=True):
        variable.assign(value)
    assert (drawn(again, SOLO)[0] == expected).all()
