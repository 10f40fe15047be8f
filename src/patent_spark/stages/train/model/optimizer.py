"""How long a training goes on, and how large its steps are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from patent_spark.config import Train

if TYPE_CHECKING:
    import keras

    from patent_spark.stages.train.checkpoint import EpochMetrics


def with_enough_epochs(settings: Train, steps_per_epoch: int) -> Train:
    """The settings with as many epochs as train.min_steps asks for."""
    enough = math.ceil(settings.min_steps / steps_per_epoch)
    return dataclasses.replace(settings, epochs=max(settings.epochs, enough))


def patience_is_over(history: Sequence[EpochMetrics], patience: int) -> bool:
    """Whether the last `patience` epochs (0 = never stop) brought no lower development loss."""
    losses = [epoch["dev_loss"] for epoch in history if "dev_loss" in epoch]
    return 0 < patience < len(losses) and min(losses[-patience:]) >= min(losses[:-patience])


def adam(settings: Train, steps: int) -> keras.optimizers.Optimizer:
    """Adam with weight decay on all but biases and word vectors and a learning rate planned for `steps`.

    In float16 small gradients would be 0, so it scales the loss, and leaves out a step whose gradients
    overflow.
    """
    import keras

    optimizer = keras.optimizers.Adam(
        _learning_rate(settings, steps),
        weight_decay=settings.weight_decay or None,
        global_clipnorm=settings.clip_norm or None,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "embeddings"])
    if settings.precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def _learning_rate(settings: Train, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """A function of the number of steps taken, which the optimizer counts and a checkpoint holds."""
    import keras
    from keras import ops

    warm_up = settings.warmup * steps

    class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc, unused-ignore]
        def __call__(self, step: object) -> object:
            taken = ops.cast(step, "float32")
            rise = ops.minimum((taken + 1.0) / max(warm_up, 1.0), 1.0)
            left = 1.0 - ops.clip((taken - warm_up) / max(steps - warm_up, 1.0), 0.0, 1.0)
            falls = {"none": 1.0, "linear": left, "cosine": 0.5 - 0.5 * ops.cos(math.pi * left)}
            return settings.learning_rate * rise * falls[settings.decay]

    return WarmUpAndDecay()
