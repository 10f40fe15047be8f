"""Dropout that drops the same units of an example whatever the number of ranks.

Every rank draws the mask of the whole batch, one virtual shard after the other, from the same seed, and keeps
the rows that are its own. A saved network holds Keras's own layers, which whoever loads it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patent_spark.stages.train.launch.horovod import Ranks

if TYPE_CHECKING:
    import keras


def with_shared_dropout(network: keras.Model, ranks: Ranks, virtual_shards: int) -> keras.Model:
    """The network, sharing its weights and seeds, with dropout for one rank's rows of a batch.

    A batch holds the same number of rows of each of the rank's virtual shards, one shard after the other.
    virtual_shards: of all ranks together; rank r has the virtual shards s with s % ranks.size == r.
    """
    import keras
    from keras import layers, ops

    class SharedDropout(layers.Layer):  # type: ignore[misc, unused-ignore]
        def __init__(self, own: layers.Dropout) -> None:
            super().__init__(dtype=own.dtype_policy, name=own.name)
            self.rate, self.seed_generator = own.rate, own.seed_generator
            self.same_for_all_words = isinstance(own, layers.SpatialDropout1D)

        def call(self, inputs: Any, training: bool = False) -> Any:
            if not training:
                return inputs
            rows, *others = ops.shape(inputs)
            words_and_units = [1, others[-1]] if self.same_for_all_words else others
            rows_per_shard = rows * ranks.size // virtual_shards
            ones = ops.ones([virtual_shards * rows_per_shard, *words_and_units], self.compute_dtype)
            mask = ops.reshape(
                keras.random.dropout(ones, self.rate, seed=self.seed_generator),
                [virtual_shards, rows_per_shard, *words_and_units],
            )
            return inputs * ops.reshape(mask[ranks.rank :: ranks.size], [rows, *words_and_units])

    def shared(layer: keras.Layer) -> keras.Layer:
        return SharedDropout(layer) if isinstance(layer, layers.Dropout | layers.SpatialDropout1D) else layer

    return keras.models.clone_model(network, clone_function=shared)
