"""One rank that keeps the weights after every step: `python rank_steps.py <warehouse> <output folder>` in Horovod's environment."""

import sys
from pathlib import Path

import numpy as np

from patent_spark.config import Model, Train
from patent_spark.shards.feed import Feed
from patent_spark.shards.layout import Layout
from patent_spark.store import Store
from patent_spark.training.loop import Learner
from patent_spark.training.model import build_model
from patent_spark.training.rank import read_vectors
from patent_spark.training.ranks import joined

KNOBS = Train(batch=48, learning_rate=0.01, clip_norm=1.0)
EMBEDDINGS = ("frozen", "tuned")


def main(root: Path, output: Path) -> None:
    store = Store(root)
    layout = Layout.of(store.facts("shard"), "technology", "train")
    with joined() as ranks:
        for embedding in EMBEDDINGS:
            model = Model(units=12, layers=2, embedding=embedding)
            # Only rank 0 starts from the seed that all are to share.
            learner = Learner(build_model(model, read_vectors(store.directory("VECTORS")), 6, seed=1 + ranks.rank), KNOBS, ranks)
            feed = Feed(
                store.directory("EXAMPLES") / "technology" / "train", layout,
                world=ranks.size, rank=ranks.rank, batch=KNOBS.batch, seed=1, bucket_by_length=True,
            )  # fmt: skip
            for step, batch in enumerate(feed.epoch(1), start=1):
                sums = learner.step(batch.tokens, batch.label, batch.weight).numpy()
                weights = np.concatenate([weight.ravel() for weight in learner.network.get_weights()])
                np.savez(output / f"{embedding}-{step}-rank{ranks.rank}.npz", sums=sums, weights=weights)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
