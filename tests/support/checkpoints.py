"""A checkpoint with something in every place."""

import numpy as np

from patent_spark.stages.train.checkpoint import Checkpoint, TrainingState


def checkpoint(step, rows=3):
    """Of a training in its second epoch, with variables of some types; `rows` makes it large."""
    numbers = np.random.default_rng(step)
    state = TrainingState(
        epoch=2,
        step=step,
        sums=np.array([1.5, 1 / 3, 2.0]),
        delivered=np.array([96, -(2**62)]),
        seconds=7.25,
        history=[{"epoch": 1, "train_loss": 0.1}],
        kept_epoch=1,
        kept=[numbers.normal(size=(2, 2)).astype(np.float32)],
    )
    variables = [numbers.normal(size=(rows, 4)).astype(np.float32) for _ in range(11)]
    variables += [np.array(7, np.int64), np.array([1, 2], np.uint32)]
    return Checkpoint(state, variables, "run-7")
