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


_FACTOR = 0.3
"""By which a plateau lowers the learning rate."""
_REDUCTIONS = 3
"""After so many, the learning rate is below 3 % of its peak, and another plateau ends the training."""
_MIN_IMPROVEMENT = 0.001
"""A loss that is lower by a smaller share is part of a plateau: otherwise a small step size would find one
loss after another that is lower by next to nothing."""


def with_enough_epochs(settings: Train, steps_per_epoch: int) -> Train:
    """The settings with as many epochs as train.min_steps asks for, and a patience of as many as
    train.patience_steps asks for."""
    enough = math.ceil(settings.min_steps / steps_per_epoch)
    patience = math.ceil(settings.patience_steps / steps_per_epoch)
    return dataclasses.replace(
        settings, epochs=max(settings.epochs, enough), patience=max(settings.patience, patience)
    )


def without_development(settings: Train) -> Train:
    """The settings for a training without development examples, where no plateau can be seen: the learning
    rate falls linearly until the last epoch."""
    return dataclasses.replace(settings, decay="linear") if settings.decay == "plateau" else settings


def is_over(history: Sequence[EpochMetrics], settings: Train) -> bool:
    """Whether the development loss has stopped falling, so that the training ends before its last epoch."""
    return _plateaus(history, settings) > (_REDUCTIONS if settings.decay == "plateau" else 0)


def _plateaus(history: Sequence[EpochMetrics], settings: Train) -> int:
    """How often `patience` epochs (0 = never) in a row brought no lower development loss than any before.

    With decay=plateau, a loss must be lower by _MIN_IMPROVEMENT to count as such.
    """
    patience, min_improvement = settings.patience, _MIN_IMPROVEMENT if settings.decay == "plateau" else 0.0
    least, waited, count = math.inf, 0, 0
    for loss in (epoch["dev_loss"] for epoch in history if "dev_loss" in epoch):
        lower = loss < least * (1 - min_improvement)
        waited, least = (0, loss) if lower else (waited + 1, least)
        if patience and waited == patience:
            waited, count = 0, count + 1
    return count


def reduction(history: Sequence[EpochMetrics], settings: Train) -> float:
    """The factor of the learning rate that follows from the plateaus so far; 1 with another decay.

    A function of the history alone, so that all ranks, and a training that is resumed, have the same.
    """
    return _FACTOR ** _plateaus(history, settings) if settings.decay == "plateau" else 1.0


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


def reduce_learning_rate(optimizer: keras.optimizers.Optimizer, factor: float) -> None:
    """Have an optimizer of adam() take the following steps with this share of its planned learning rate."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of a LossScaleOptimizer
    inner._learning_rate.reduction.assign(factor)


def _learning_rate(settings: Train, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """A function of the number of steps taken, which the optimizer counts and a checkpoint holds."""
    import keras
    from keras import ops

    warm_up = max(settings.warmup * steps, settings.warmup_steps)

    class WarmUpAndDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc, unused-ignore]
        def __init__(self) -> None:
            self.reduction = keras.Variable(1.0, trainable=False, name="reduction")

        def __call__(self, step: object) -> object:
            taken = ops.cast(step, "float32")
            rise = ops.minimum((taken + 1.0) / max(warm_up, 1.0), 1.0)
            left = 1.0 - ops.clip((taken - warm_up) / max(steps - warm_up, 1.0), 0.0, 1.0)
            falls = {
                "none": 1.0,
                "plateau": self.reduction,
                "linear": left,
                "cosine": 0.5 - 0.5 * ops.cos(math.pi * left),
            }
            return settings.learning_rate * rise * falls[settings.decay]

    return WarmUpAndDecay()
