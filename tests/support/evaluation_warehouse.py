"""A warehouse just before the stage evaluate (shards, vectors and a small real Keras model that was fitted
for a moment), and what tests read of it afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.config import Model, load_config
from patent_spark.core.model_files import EpochRecord, TaskDescription, TextSource, write_history
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import Draft, Store, arrow_schema
from patent_spark.stages.train.model.network import build_model
from tests.support.factories import publish, task_examples

MAX_TOKENS, GROUP = 8, 64
TWINS = range(5_000_460, 5_000_480)
"""Patents of the technology test split, of which each even one and the next are a family."""


def publish_warehouse(
    root: Path,
    classes: int = 8,
    train: int = 400,
    test: int = 90,
    year: int = 40,
    years=(2011, 2012),
    seed: int = 0,
    run_ids=None,
) -> Store:
    """Both tasks: technology with `test`, citation level with a test split a year.

    Words 2c+1, 2c+2 speak of label c.
    """
    rng = np.random.default_rng(seed)
    store = Store(root)
    labels = {
        "technology": sorted(f"{'ABCDEFGH'[i % 8]}{i // 8 + 1:02d}" for i in range(classes)),
        "citation_level": list(LEVELS),
    }
    sizes = {
        "technology": {"train": train, "development": max(1, train // 8), "test": test},
        "citation_level": {"train": train} | {f"test_{each}": year for each in years},
    }
    vocabulary = [*_words(2 * max(classes, 4)), "network", "brain", "machine", "the"]
    tested = [5_000_000 + i for i in range(2 * train + max(1, train // 8) + test + year * len(years))]
    classed = [{"patent_key": key, "cpc_class": "A01" if key % 3 else "H04"} for key in tested]
    publish(
        store,
        "label",
        {"LABELS": classed},
        {"levels": {"top1": 12, "top10": 100, "btm90": 800, "zerocite": 88}, "open_window": 40},
    )
    publish(
        store,
        "split",
        {
            "FAMILIES": [
                {"patent_key": key, "family": key - key % 2 if key in TWINS else -key} for key in tested
            ]
        },
    )
    vectors = [
        {"word": word, "count": 1000 - i, "vector": rng.normal(size=6).astype("f4").tolist()}
        for i, word in enumerate(vocabulary)
    ]
    metadata = {
        "vocabulary_size": len(vocabulary),
        "vocabulary_digest": "v",
        "training_texts": 900,
        "training_words": 81000,
    }
    shares = {"technology": _zipf(classes), "citation_level": np.array([0.05, 0.15, 0.6, 0.2])}
    split_arrays = {
        task: {split: _texts(rng, shares[task], count, len(vocabulary)) for split, count in splits.items()}
        for task, splits in sizes.items()
    }

    texts = np.concatenate([tokens for splits in split_arrays.values() for tokens, _ in splits.values()])
    words = [
        {"patent_key": key, "tokens": [vocabulary[i - 1] for i in text if i]}
        for key, text in zip(tested, texts.tolist(), strict=True)
    ]
    codes = _codes(labels["technology"], split_arrays, 5_000_000)
    # The title is the first word; capitals and commas are no words.
    published = {
        "PATENTS": [
            {"patent_key": each["patent_key"], "title": each["tokens"][0].capitalize()} for each in words
        ],
        "ABSTRACTS": [
            {"patent_key": each["patent_key"], "abstract": ", ".join(each["tokens"][1:]) + "."}
            for each in words
        ],
        "CPC": codes,
    }
    publish(store, "ingest", published, {
        "release_id": "tiny", "data_to_date": "2018-05-29", "data_to_date_from": "release.json",
        "rows_in": {"PATENTS": 1200, "CITATIONS": 9000},
        "rejected": {"PATENTS": {"unknown date": 3, "no id": 1}},
        "generator_rates": {
            "technology": {"accuracy": 0.92, "bag_of_words_accuracy": 0.8},
            "citation_level": {"accuracy": 0.75, "top1_average_precision": 0.5},
        },
    })  # fmt: skip
    publish(store, "text", {"VECTORS": vectors, "TOKENS": words}, metadata)

    def fill_shards(draft: Draft) -> None:
        first_key = 5_000_000
        for task, splits in split_arrays.items():
            for split, (tokens, truth) in splits.items():
                _write_groups(draft.path("EXAMPLES") / task / split, first_key, tokens, truth)
                first_key += len(truth)

    layouts = {
        task: task_examples(**splits).model_copy(
            update={"labels": tuple(labels[task]), "max_tokens": MAX_TOKENS}
        )
        for task, splits in sizes.items()
    }
    publish(
        store,
        "shard",
        {},
        {"vocabulary_digest": "v", "virtual_shards": 2, "tasks": layouts, "too_short": {"technology": 2}},
        fill=fill_shards,
    )

    def fill_models(draft: Draft) -> None:
        for task, splits in split_arrays.items():
            save_model(
                draft.path("MODEL") / task,
                labels[task],
                *splits["train"],
                words=vocabulary,
                run_id=(run_ids or {}).get(task),
            )

    publish(store, "train", {}, {"tasks": {}}, fill=fill_models)
    return store


def save_model(
    folder: Path,
    labels: list[str],
    tokens: np.ndarray,
    truth: np.ndarray,
    words: list[str],
    run_id: str | None,
) -> None:
    """A small network in the layout of MODEL/<task>."""
    import keras

    folder.mkdir()
    vectors = np.random.default_rng(1).uniform(-0.05, 0.05, (len(words), 16)).astype("f4")
    settings = Model(units=8, layers=1, pool="max_mean", embedding="tuned")
    model = build_model(settings, vectors, len(labels), seed=1)
    model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    fitted = model.fit(tokens, truth, batch_size=64, epochs=4, verbose=0).history
    logits = model.get_layer("logits")
    logits.set_weights([3 * weights for weights in logits.get_weights()])  # far too sure of itself
    model.save(folder / "model.keras")
    (folder / "vocabulary.txt").write_text("".join(f"{word}\n" for word in words))
    TaskDescription(
        task=folder.name,
        labels=tuple(labels),
        max_tokens=MAX_TOKENS,
        min_tokens=1,
        text=TextSource(fields=("title", "abstract"), claims="first"),
        vocabulary_digest="v",
        run_id=run_id or "",
        release_id="tiny",
        key="k1",
        kept_epoch=4,
    ).write(folder)
    history = [
        EpochRecord(
            epoch=i + 1,
            train_loss=loss,
            train_accuracy=accuracy,
            dev_loss=loss * 1.05,
            dev_accuracy=accuracy * 0.97,
            examples_per_second=1000.0,
        )
        for i, (loss, accuracy) in enumerate(zip(fitted["loss"], fitted["accuracy"], strict=True))
    ]
    write_history(folder, history)


def _words(count: int) -> list[str]:
    return [
        f"{'bcdfghklm'[i % 9]}{'aeiou'[i // 9 % 5]}{'rstvz'[i // 45 % 5]}{'aeiou'[i // 225 % 5]}"
        for i in range(count)
    ]


def _zipf(classes: int) -> np.ndarray:
    weights = 1 / np.arange(1, classes + 1)
    return weights / weights.sum()


def _texts(
    rng: np.random.Generator, shares: np.ndarray, count: int, words: int
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [count, MAX_TOKENS] with words of the label among others and 0 to the right, and labels
    [count]."""
    truth = rng.choice(len(shares), size=count, p=shares)
    spoken = np.where(rng.random(count) < 0.15, rng.choice(len(shares), size=count, p=shares), truth)
    tokens = rng.integers(1, words + 1, size=(count, MAX_TOKENS))
    own = rng.random((count, MAX_TOKENS)) < 0.45
    tokens = np.where(own, 2 * spoken[:, None] + rng.integers(1, 3, size=(count, MAX_TOKENS)), tokens)
    lengths = rng.integers(4, MAX_TOKENS + 1, size=count)
    return np.where(np.arange(MAX_TOKENS) < lengths[:, None], tokens, 0).astype("<i4"), truth


def _write_groups(folder: Path, first_key: int, tokens: np.ndarray, truth: np.ndarray) -> None:
    """Row groups of GROUP rows, one a file, the last one filled up with padding rows."""
    folder.mkdir(parents=True)
    padding = -len(truth) % GROUP
    keys = np.concatenate([first_key + np.arange(len(truth)), -1 - np.arange(padding)])
    tokens = np.concatenate([tokens, np.zeros((padding, MAX_TOKENS), "<i4")])
    table = pa.table(
        {
            "patent_key": pa.array(keys, pa.int64()),
            "position": pa.array(np.arange(len(keys)), pa.int64()),
            "label": pa.array(np.concatenate([truth, np.zeros(padding, int)]), pa.int32()),
            "length": pa.array((tokens > 0).sum(axis=1), pa.int32()),
            "tokens": pa.array([row.tobytes() for row in tokens], pa.binary()),
        },
        schema=arrow_schema("EXAMPLES"),
    )
    for i, start in enumerate(range(0, len(table), GROUP)):
        pq.write_table(table.slice(start, GROUP), folder / f"group-{i:05d}.parquet")


def _codes(labels, split_arrays, key) -> list[dict]:
    """CPC of technology's patents: the label, that of one patent in three also the next, and an additional
    code."""
    rows = []
    for _, truth in split_arrays["technology"].values():
        for label in truth.tolist():
            codes = [labels[label], labels[(label + 1) % len(labels)]][: 1 + (key % 3 == 0)]
            rows += [
                {"patent_key": key, "cpc_sequence": i, "cpc_class": code, "cpc_type": "inventional"}
                for i, code in enumerate(codes)
            ]
            rows.append({"patent_key": key, "cpc_sequence": 9, "cpc_class": "Y10", "cpc_type": "additional"})
            key += 1
    return rows


def configured(root, *sets):
    """The configuration of the warehouse at a root."""
    return load_config(sets=[f"warehouse.root={root}", *sets])[0]


def republish_ingest(store, metadata):
    """Publish ingest again with other metadata."""
    return publish(store, "ingest", {}, metadata)
