"""A rank of a job that first takes some steps whose weights it keeps: `python rank_steps.py <job folder> <warehouse> <output folder> <steps>`."""

import dataclasses
import itertools
import os
import sys
from pathlib import Path

import keras
import numpy as np

from patent_spark.config import Model, Train, load_config
from patent_spark.core.store import Store
from patent_spark.stages.shard.feed import Feed
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.launch import worker
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.loop import Learner
from patent_spark.stages.train.model.heads import Head, only_head
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam

BATCH = 48
STEPS = 60
"""What a learning rate with warm-up and decay is planned for."""
ONE = (only_head(6),)
TWO = (
    Head(np.array([0, 0, 1, 1, 2, 2], np.int32), np.array([0.7, 1.2], np.float32), 0.6),  # 2 and 3: no label
    Head(np.array([0, 1, 2, 3, 0, 1], np.int32), np.array([2.0, 0.1, 1.0], np.float32), 0.4),
)
DEFAULT = load_config([Path(__file__).parents[2] / "conf" / "default.yaml"], ["model.units=12"])[0]
WAYS = {
    "frozen": (
        Model(units=12, embedding="frozen", pool="last"),
        Train(batch=BATCH, learning_rate=0.01, clip_norm=1.0),
        None,
        ONE,
    ),
    # Adam does not notice a wrong scale of the gradient, so the plain gradient step is compared as well.
    "tuned": (Model(units=12, embedding="tuned"), Train(batch=BATCH, clip_norm=0.0), 0.5, ONE),
    "default": (DEFAULT.model, dataclasses.replace(DEFAULT.train, batch=BATCH, warmup=1 / STEPS), None, ONE),
    "joint": (Model(units=12), Train(batch=BATCH, clip_norm=0.0, label_smoothing=0.1), 0.5, TWO),
}
"""How steps are taken: model, settings, the step size of plain gradient descent (None: Adam), heads."""


def take_steps(root: Path, output: Path, ranks: Ranks, steps: int) -> None:
    """That many steps in each of the WAYS; what a rank has after each step goes to <output>/<way>-<step>-rank<rank>.npz."""
    store = Store(root)
    layout = Layout.of(store.metadata("shard"), "technology", "train")
    for way, (model, settings, plain, heads) in WAYS.items():
        # Only rank 0 starts from the seed that all are to share.
        network = build_model(
            model,
            worker.read_vectors(store.directory("VECTORS")),
            [head.labels for head in heads],
            seed=1 + ranks.rank,
        )
        learner = Learner(
            network,
            settings,
            ranks,
            keras.optimizers.SGD(plain) if plain else adam(settings, STEPS),
            heads,
            layout.lanes,
        )
        feed = Feed(
            store.directory("EXAMPLES") / "technology" / "train", layout,
            world=ranks.size, rank=ranks.rank, batch=BATCH, seed=1, bucket_by_length=True,
        )  # fmt: skip
        batches = itertools.chain.from_iterable(map(feed.epoch, itertools.count(1)))
        for step, batch in enumerate(itertools.islice(batches, steps), start=1):
            sums = learner.step(batch.tokens, batch.label, batch.weight).numpy()
            weights = np.concatenate([weight.ravel() for weight in learner.network.get_weights()])
            np.savez(output / f"{way}-{step}-rank{ranks.rank}.npz", sums=sums, weights=weights)


def main(folder: Path, root: Path, output: Path, steps: int) -> int:
    """The rank's own program, with these steps before its training."""
    train = worker._train

    def steps_and_train(job, config, ranks, asked):
        take_steps(root, output, ranks, steps)
        return train(job, config, ranks, asked)

    worker._train = steps_and_train
    return worker.main(folder)


if __name__ == "__main__":
    os._exit(main(*map(Path, sys.argv[1:4]), int(sys.argv[4])))
