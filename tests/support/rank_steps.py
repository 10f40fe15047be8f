"""A rank of a job that first takes some steps and keeps the weights after each.

`python rank_steps.py <job folder> <warehouse> <output folder> <steps>`
"""

import dataclasses
import itertools
import os
import sys
from pathlib import Path

import keras
import numpy as np

from patent_spark.config import Model, Train, load_config
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.store import Store
from patent_spark.stages.shard.feed import Feed
from patent_spark.stages.shard.layout import Layout
from patent_spark.stages.train.launch import worker
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.model.heads import Head, only_head
from patent_spark.stages.train.model.network import build_model
from patent_spark.stages.train.model.optimizer import adam
from patent_spark.stages.train.trainer import Trainer
from patent_spark.stages.train.vectors import read_vectors

BATCH = 48
STEPS = 60
"""What a learning rate with warm-up and decay is planned for."""
ONE_HEAD = (only_head(6),)
# Labels 2 and 3 stand for no label.
TWO_HEADS = (
    Head(np.array([0, 0, 1, 1, 2, 2], np.int32), np.array([0.7, 1.2], np.float32), 0.6),
    Head(np.array([0, 1, 2, 3, 0, 1], np.int32), np.array([2.0, 0.1, 1.0], np.float32), 0.4),
)
DEFAULT = load_config([Path(__file__).parents[2] / "conf" / "default.yaml"], ["model.units=12"])[0]


@dataclasses.dataclass(frozen=True)
class Variant:
    """How steps are taken."""

    model: Model
    settings: Train
    plain_step_size: float | None = None
    """Of plain gradient descent; without it the optimizer is Adam, which does not notice a wrong scale of
    the gradient."""
    heads: tuple[Head, ...] = ONE_HEAD


VARIANTS = {
    "frozen": Variant(
        Model(units=12, embedding="frozen", pool="last"),
        Train(batch=BATCH, learning_rate=0.01, clip_norm=1.0),
    ),
    "tuned": Variant(Model(units=12, embedding="tuned"), Train(batch=BATCH, clip_norm=0.0), 0.5),
    "default": Variant(DEFAULT.model, dataclasses.replace(DEFAULT.train, batch=BATCH, warmup_steps=1)),
    "joint": Variant(Model(units=12), Train(batch=BATCH, clip_norm=0.0, label_smoothing=0.1), 0.5, TWO_HEADS),
}


def take_steps(root: Path, output: Path, ranks: Ranks, steps: int) -> None:
    """That many steps of each variant; after each, its sums and weights go to
    <output>/<variant>-<step>-rank<rank>.npz."""
    store = Store(root)
    layout = Layout.of(store.metadata(ShardMetadata), "technology", "train")
    examples = store.directory("EXAMPLES") / "technology" / "train"
    for name, variant in VARIANTS.items():
        trainer = _trainer(store, variant, ranks, layout.virtual_shards)
        feed = Feed(
            examples, layout, world=ranks.size, rank=ranks.rank, batch=BATCH, seed=1, bucket_by_length=True
        )
        batches = itertools.chain.from_iterable(map(feed.epoch, itertools.count(1)))
        for step, batch in enumerate(itertools.islice(batches, steps), start=1):
            sums = trainer.train_step(batch.tokens, batch.label, batch.weight, batch.features).numpy()
            weights = np.concatenate([weight.ravel() for weight in trainer.network.get_weights()])
            np.savez(output / f"{name}-{step}-rank{ranks.rank}.npz", sums=sums, weights=weights)


def _trainer(store: Store, variant: Variant, ranks: Ranks, virtual_shards: int) -> Trainer:
    """Only rank 0 starts from the seed that all are to share."""
    vectors = read_vectors(store.directory("VECTORS"))
    labels = [head.labels for head in variant.heads]
    network = build_model(variant.model, vectors, labels, seed=1 + ranks.rank)
    step_size = variant.plain_step_size
    optimizer = keras.optimizers.SGD(step_size) if step_size else adam(variant.settings, STEPS)
    return Trainer(network, variant.settings, ranks, optimizer, variant.heads, virtual_shards)


def main(folder: Path, root: Path, output: Path, steps: int) -> int:
    """The rank's own program, with these steps before its training."""
    fit_model = worker.fit

    def steps_and_fit(job, config, ranks, stop_requested):
        take_steps(root, output, ranks, steps)
        return fit_model(job, config, ranks, stop_requested)

    worker.fit = steps_and_fit
    return worker.main(folder)


if __name__ == "__main__":
    os._exit(main(*map(Path, sys.argv[1:4]), int(sys.argv[4])))
