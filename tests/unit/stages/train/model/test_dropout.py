"""Masks of dropout: the same for an example on one rank as on many."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers

from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.dropout import with_shared_dropout

LANES, OF_LANE, WORDS, UNITS = 4, 3, 5, 400
ALONE = Ranks(rank=0, size=1, local_rank=0, local_size=1)


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
    """float32 [calls, lanes, rows, words, units]: what is left of a rank's rows, all of them ones."""
    shared, lanes = with_shared_dropout(network, ranks, LANES), LANES // ranks.size
    ones = np.ones((lanes * OF_LANE, WORDS, UNITS), np.float32)
    return np.stack(
        [np.reshape(shared(ones, training=True), (lanes, OF_LANE, WORDS, UNITS)) for _ in range(calls)]
    )


@pytest.mark.parametrize("size", [2, 4])
def test_an_example_loses_the_same_units_on_any_number_of_ranks(built, size):
    whole = drawn(built(), ALONE, calls=2)
    for rank in range(size):
        own = drawn(built(), dataclasses.replace(ALONE, rank=rank, size=size), calls=2)
        assert (own == whole[:, rank::size]).all()


def test_a_mask_is_keras_own_but_for_the_rows_of_other_ranks(built):
    ones = np.ones((LANES * OF_LANE, WORDS, UNITS), np.float32)
    expected = np.reshape(built()(ones, training=True), (LANES, OF_LANE, WORDS, UNITS))
    found = drawn(built(), ALONE)[0]
    assert (found == expected).all()
    assert sorted(np.unique(found)) == pytest.approx([0, 1 / 0.75])
    assert (found == 0).mean() == pytest.approx(0.25, abs=0.03)


def test_every_example_and_every_step_has_a_mask_of_its_own(built):
    first, second = drawn(built(), ALONE, calls=2)
    assert (first != second).mean() > 0.3
    rows = first.reshape(LANES * OF_LANE, -1)
    assert all((rows[one] != rows[other]).mean() > 0.3 for one in range(len(rows)) for other in range(one))
    assert (first[:, :, 1:] == first[:, :, :1]).all() == (built is spatial)


def test_a_judgement_loses_nothing_and_draws_nothing(built):
    network = built()
    before = network.get_layer("dropout").seed_generator.state.numpy()
    ones = np.ones((2, WORDS, UNITS), np.float32)
    assert (np.asarray(with_shared_dropout(network, ALONE, LANES)(ones)) == 1).all()
    assert (network.get_layer("dropout").seed_generator.state.numpy() == before).all()


def test_a_step_counts_in_the_variables_of_the_network_that_is_kept(built):
    """So a checkpoint of them goes on with the masks that would have come."""
    network = built()
    drawn(network, ALONE)
    before = [variable.numpy() for variable in network.variables]
    (expected,), again = drawn(network, ALONE), built()
    for variable, value in zip(again.variables, before, strict=True):
        variable.assign(value)
    assert (drawn(again, ALONE)[0] == expected).all()
