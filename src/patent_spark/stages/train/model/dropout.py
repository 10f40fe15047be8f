"""Dropout that leaves out the same units of an example whatever the number of ranks.

Every rank draws the mask of the whole batch, lane by lane, from the same seed, and keeps the rows that are its own. What a
network is saved with are Keras's own layers, which whoever loads it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patent_spark.stages.train.launch.horovod import Ranks

if TYPE_CHECKING:
    import keras


def with_shared_dropout(network: keras.Model, ranks: Ranks, lanes: int) -> keras.Model:
    """The network, weights and seeds shared with it, with dropout for a rank's rows of a batch: as many of each of its lanes, lane by lane.

    lanes: of all ranks together; rank r has the lanes l with l % ranks.size == r.
    """
    import keras
    from keras import layers, ops

    class SharedDropout(layers.Layer):
        def __init__(self, own: layers.Dropout) -> None:
            super().__init__(dtype=own.dtype_policy, name=own.name)
            self.rate, self.seed_generator = own.rate, own.seed_generator
            self.all_words_alike = isinstance(own, layers.SpatialDropout1D)

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return inputs
            rows, *others = ops.shape(inputs)
            words_and_units = [1, others[-1]] if self.all_words_alike else others
            of_lane = rows * ranks.size // lanes
            ones = ops.ones([lanes * of_lane, *words_and_units], self.compute_dtype)
            mask = ops.reshape(
                keras.random.dropout(ones, self.rate, seed=self.seed_generator),
                [lanes, of_lane, *words_and_units],
            )
            return inputs * ops.reshape(mask[ranks.rank :: ranks.size], [rows, *words_and_units])

    def shared(layer: keras.Layer) -> keras.Layer:
        return SharedDropout(layer) if isinstance(layer, layers.Dropout | layers.SpatialDropout1D) else layer

    return keras.models.clone_model(network, clone_function=shared)
