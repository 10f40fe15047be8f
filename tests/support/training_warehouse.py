"""Examples to train on, published without the stages that make them: each class has words of its own."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa

from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.store import Store
from patent_spark.stages.shard.row_groups import write_groups
from tests.support.factories import publish

WORDS, DIMENSIONS, TOKENS = 300, 16, 20
_OWN = 5
"""Words of each class."""
_SIGNALS = 4
"""Of them in a text."""


def progress_files(root):
    """What rank 0 of each training under way in a warehouse has reported so far."""
    return list((root / "train" / "work").glob("*/progress.jsonl"))


def publish_examples(
    root, *, train, development=0, classes=6, virtual_shards=4, row_group_rows=64, task="technology", seed=1
):
    """Publish `text` and `shard` with classes that a reader can tell; returns the store.

    Class c owns the ids 5 c + 1 .. 5 c + 5; a text is noise with four of them.
    """
    store, numbers = Store(root), np.random.default_rng(seed)
    vectors = numbers.normal(0, 0.7, (WORDS, DIMENSIONS)).astype(np.float32)
    rows = [{"word": f"w{i + 1}", "count": 9, "vector": vector.tolist()} for i, vector in enumerate(vectors)]
    publish(store, "text", {"VECTORS": rows}, {"vocabulary_digest": "v1"})
    splits = {}

    def fill(draft):
        for number, (split, size) in enumerate({"train": train, "development": development}.items()):
            if size:
                table = _texts(numbers, size, classes, first=1 + number * 10**6)
                folder = draft.path("EXAMPLES") / task / split
                splits[split] = write_groups(folder, [table], size, virtual_shards, row_group_rows, TOKENS)

    described = {task: {"labels": [f"c{i}" for i in range(classes)], "max_tokens": TOKENS, "splits": splits}}
    publish(
        store,
        "shard",
        {},
        {"vocabulary_digest": "v1", "virtual_shards": virtual_shards, "tasks": described},
        fill=fill,
    )
    return store


def publish_further(store, *names):
    """Publish `shard` anew, with the examples of technology under further names as well."""
    metadata, examples = store.metadata(ShardMetadata), store.directory("EXAMPLES")

    def fill(draft):
        for name in ("technology", *names):
            shutil.copytree(examples / "technology", draft.path("EXAMPLES") / name)

    tasks = dict.fromkeys(("technology", *names), metadata.tasks["technology"])
    publish(store, "shard", {}, metadata.model_copy(update={"tasks": tasks}), fill=fill)


def _texts(numbers, size, classes, first):
    labels = numbers.integers(0, classes, size)
    lengths = numbers.integers(TOKENS // 2, TOKENS + 1, size)
    tokens = np.zeros((size, TOKENS), np.int32)
    for row, (label, length) in enumerate(zip(labels, lengths, strict=True)):
        tokens[row, :length] = numbers.integers(classes * _OWN + 1, WORDS + 1, length)
        own_words = label * _OWN + numbers.integers(1, _OWN + 1, _SIGNALS)
        tokens[row, numbers.choice(length, _SIGNALS, replace=False)] = own_words
    columns = {
        "patent_key": np.arange(first, first + size),
        "label": labels.astype(np.int32),
        "length": lengths.astype(np.int32),
    }
    return pa.table({**columns, "tokens": pa.array([row.tobytes() for row in tokens], pa.binary())})
