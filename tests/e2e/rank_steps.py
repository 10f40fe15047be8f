"""One rank that keeps the weights after every step: `python rank_steps.py <warehouse> <output folder>` in Horovod's environment."""

import sys
from pathlib import Path

import keras
import numpy as np

from patent_spark.config import Model, Train
from patent_spark.shards.feed import Feed
from patent_spark.shards.layout import Layout
from patent_spark.store import Store
from patent_spark.training.loop import Learner
from patent_spark.training.model import build_model
from patent_spark.training.rank import read_vectors
from patent_spark.training.ranks import joined

BATCH = 48
WAYS = {
    "frozen": (Model(units=12, embedding="frozen", pool="last"), Train(batch=BATCH, learning_rate=0.01, clip_norm=1.0), None),
    # Adam does not notice a wrong scale of the gradient, so the plain gradient step is compared as well.
    "tuned": (Model(units=12, embedding="tuned"), Train(batch=BATCH, clip_norm=0.0), 0.5),
}
"""How steps are taken: model, knobs, and the step size of plain gradient descent (None: Adam)."""


def main(root: Path, output: Path) -> None:
    store = Store(root)
    layout = Layout.of(store.facts("shard"), "technology", "train")
    with joined() as ranks:
        for way, (model, knobs, plain) in WAYS.items():
            # Only rank 0 starts from the seed that all are to share.
            network = build_model(model, read_vectors(store.directory("VECTORS")), 6, seed=1 + ranks.rank)
            learner = Learner(network, knobs, ranks, keras.optimizers.SGD(plain) if plain else None)
            feed = Feed(
                store.directory("EXAMPLES") / "technology" / "train", layout,
                world=ranks.size, rank=ranks.rank, batch=BATCH, seed=1, bucket_by_length=True,
            )  # fmt: skip
            for step, batch in enumerate(feed.epoch(1), start=1):
                sums = learner.step(batch.tokens, batch.label, batch.weight).numpy()
                weights = np.concatenate([weight.ravel() for weight in learner.network.get_weights()])
                np.savez(output / f"{way}-{step}-rank{ranks.rank}.npz", sums=sums, weights=weights)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
