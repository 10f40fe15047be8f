"""The paper's own design: a Keras generator cleans and splits the texts of each batch with pandas, looks
their vectors up and stacks them to float32 [batch, words, dimensions]; the same network without its
embedding computes them, padding and all.

Reads what train.py wrote for it: texts and labels of each step, the vocabulary with its vectors, and the
shape.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from patent_spark.config import Model
from patent_spark.stages.train.model.network import build_model


def main(folder: Path) -> None:
    """Train on the first steps to warm up, then on all; print the examples and seconds of these."""
    shape = json.loads((folder / "shape.json").read_text())
    texts = pd.read_parquet(folder / "texts.parquet")
    steps = [step for _, step in texts.groupby("step")]
    vectors = np.load(folder / "vectors.npy")
    ids = {word: place + 1 for place, word in enumerate((folder / "vocabulary.txt").read_text().split("\n"))}

    def batches(count: int) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
        for step in steps[:count]:
            words = step["text"].str.lower().str.replace("[^a-z0-9]+", " ", regex=True).str.split()
            tokens = np.zeros((len(step), shape["max_tokens"]), np.int32)
            for row, text in enumerate(words):
                known = [ids[word] for word in text if word in ids][: shape["max_tokens"]]
                tokens[row, : len(known)] = known
            yield (tokens, np.stack([vectors[row] for row in tokens])), step["label"].to_numpy()

    network = build_model(Model(**shape["model"]), vectors[1:], shape["labels"], seed=1)
    network = keras.Model([network.input, network.get_layer("embedding").output], network.output)
    optimizer = keras.optimizers.Adam(shape["learning_rate"], global_clipnorm=shape["clip_norm"] or None)
    network.compile(optimizer, "sparse_categorical_crossentropy")

    def train(count: int) -> None:
        network.fit(batches(count), steps_per_epoch=count, verbose=0)

    train(min(shape["warm_up"], len(steps)))
    started, busy = time.monotonic(), time.process_time()
    train(len(steps))
    seconds, cpu_seconds = time.monotonic() - started, time.process_time() - busy
    print(json.dumps({"examples": len(texts), "seconds": seconds, "cpu_seconds": cpu_seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
