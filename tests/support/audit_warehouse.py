"""A small simulated release, processed by the real stages up to shard, with models that train in seconds."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from patent_spark.config import Config, load_config
from patent_spark.core.files import write_json
from patent_spark.core.metadata import IngestMetadata, TextMetadata
from patent_spark.core.patent_ids import patent_ids
from patent_spark.core.schemas import LEVELS, TOP1
from patent_spark.core.store import Draft, Store
from patent_spark.inference.scorer import Scorer
from patent_spark.metrics.calibration import Calibration
from patent_spark.pipeline import run_stage
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse
from tests.support.corruption import rewrite_manifest
from tests.support.factories import publish, table_of

SMALL = (
    "source.kind=simulate",
    "simulate.patents=4000",
    "simulate.classes=4",
    "simulate.relatives=0.05",
    "label.follow_up_months=[12, 24, 36, 48]",
    "split.interim_levels=true",
    "text.workers=1",
    "text.epochs=1",
    "text.dimensions=8",
    "text.min_count=2",
    "shard.world_sizes=[1, 2]",
    "audit.sample_size=1000",
    "model.features=[claims, citations_made, citation_age, inventional_codes, class, kind, text_length, "
    "family_size]",
)
TASKS = ("technology", "citation_level")
REPORT = "<p><!-- place: audit -->not yet<!-- end: audit --></p>"


def configured(root: Path, *sets: str) -> Config:
    """The default settings, which are the sound ones, with interim levels, on a small release."""
    return load_config(sets=[*SMALL, f"warehouse.root={root}", *sets])[0]


def build_warehouse(root: Path, *sets: str) -> Store:
    """Every stage from simulate to shard, then what train and evaluate leave for the audit."""
    config = configured(root, *sets)
    for stage in ("simulate", "ingest", "label", "split", "text", "shard"):
        run_stage(stage, config)
    store = Store(root)
    data = {task: TaskData(Warehouse(store, config), task) for task in TASKS}

    def write_models(draft: Draft) -> None:
        for task in TASKS:
            _fit(draft.path("MODEL") / task, data[task])

    def write_evaluation(draft: Draft) -> None:
        (draft.path("REPORT") / "report.html").write_text(REPORT)
        with draft.writer("PREDICTIONS") as writer:
            for task in TASKS:
                table = _predict(Scorer(store.directory("MODEL") / task), data[task])
                writer.write_table(table)
                metrics = _metrics(table) | {"references": _references(store, task)}
                write_json(draft.path("METRICS") / f"{task}.json", metrics)
                calibration = dataclasses.asdict(Calibration())
                write_json(draft.path("CALIBRATION") / f"{task}.json", calibration)

    trained = publish(store, "train", {}, {"tasks": {}}, fill=write_models)
    publish(store, "evaluate", {}, fill=write_evaluation)
    rewrite_manifest(store, "evaluate", inputs={"train": trained.version})
    return store


def _references(store: Store, task: str) -> dict[str, Any]:
    """The upper bound that the simulator knows, as METRICS holds it."""
    rates = store.metadata(IngestMetadata).generator_rates
    assert rates is not None
    bound = {"title": "Bayes-optimal", "about": "", "upper_bound": True, "accuracy": rates[task]["accuracy"]}
    return {"bayes_optimal": bound}


def _fit(folder: Path, data: TaskData) -> None:
    """A bag-of-embeddings classifier in the layout of MODEL/<task>."""
    import keras

    folder.mkdir()
    keras.utils.set_random_seed(1)
    words = data.store.metadata(TextMetadata).vocabulary_size
    layers = [
        keras.layers.Embedding(words + 1, 16),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(len(data.label_names), "softmax"),
    ]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    model.fit(data.training_sample.tokens, data.training_sample.labels, batch_size=64, epochs=3, verbose=0)
    model.save(folder / "model.keras")
    (folder / "task.json").write_text(
        json.dumps({"labels": data.label_names, "max_tokens": data.max_tokens, "min_tokens": 1})
    )


def _metrics(table: pa.Table) -> dict[str, Any]:
    """METRICS of a task as far as the audit reads it."""
    predictions = table.to_pandas()
    splits = {split: _metrics_of(rows) for split, rows in predictions.groupby("split")}
    return _metrics_of(predictions) | {
        "headline": "test" if "test" in splits else "test_years",
        "splits": splits,
    }


def _metrics_of(predictions: pd.DataFrame) -> dict[str, Any]:
    from sklearn.metrics import roc_auc_score

    truth = predictions["truth"]
    actual = {"accuracy": float((truth == predictions["predicted"]).mean()), "examples": len(predictions)}
    if set(truth) <= set(LEVELS):
        of_top1 = np.stack(predictions["probabilities"])[:, LEVELS.index(TOP1)]
        actual["top1"] = {"roc_auc": roc_auc_score(truth == TOP1, of_top1) if TOP1 in set(truth) else None}
    return actual


def _predict(scorer: Scorer, data: TaskData) -> pa.Table:
    """PREDICTIONS of one task."""
    rows = []
    for split in data.test_splits:
        for block in data.blocks([split]):
            probabilities = scorer.probabilities(block.tokens)
            ids = patent_ids(pa.array(block.keys)).to_pylist()
            for id_, label, of_labels in zip(ids, block.labels, probabilities, strict=True):
                answer = {
                    "truth": data.label_names[label],
                    "predicted": data.label_names[of_labels.argmax()],
                    "probability": of_labels.max(),
                }
                rows.append(
                    {
                        "patent_id": id_,
                        "task": data.task,
                        "split": split,
                        **answer,
                        "probabilities": of_labels.tolist(),
                    }
                )
    return table_of("PREDICTIONS", rows)
