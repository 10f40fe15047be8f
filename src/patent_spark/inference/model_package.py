"""A model in a folder that needs nothing beside it: what the registry holds of a version, and all that a user
of it needs.

<task>/model.keras, task.json, vocabulary.txt, history.json     as in MODEL/<task>; a joint model has a folder
for each task <task>/calibration.json                                         as in CALIBRATION
learned_from.parquet                                            patent_key of all training and development
patents MLmodel                                                         has MLflow load it with served.py
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.core.errors import DataError
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store
from patent_spark.core.token_ids import token_ids
from patent_spark.inference.scorer import Scorer, calibrated_scorer
from patent_spark.tracking.runs import write_mlmodel

TEXT = "text"
"""The column of texts that MLflow hands over."""
_CALIBRATION, _LEARNED_FROM = "calibration.json", "learned_from.parquet"


class PackedTask:
    """One task's model in a package: words in, calibrated probabilities out."""

    def __init__(self, folder: Path) -> None:
        self.about: dict[str, Any] = json.loads((folder / "task.json").read_text())
        """task.json: labels, max_tokens, min_tokens, text (fields and claims that a text is made of),
        run_id, release_id, ..."""
        self._folder = folder

    @cached_property
    def scorer(self) -> Scorer:
        """The calibrated model."""
        return calibrated_scorer(self._folder, self._folder / _CALIBRATION)

    @cached_property
    def vocabulary(self) -> pa.Array:
        """Its words; a word's id is its place, from 1."""
        return pa.array((self._folder / "vocabulary.txt").read_text().splitlines(), pa.string())

    def probabilities(self, texts: pa.ListArray, batch: int = 512) -> NDArray[np.float32]:
        """float32 [n, labels] of texts as lists of words (as in TOKENS); words that it does not know are
        dropped."""
        ids, _ = token_ids(texts, self.vocabulary, self.scorer.max_tokens)
        found: NDArray[np.float32] = self.scorer.probabilities(ids, batch)
        return found


class Package:
    """A package in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def task(self, task: str) -> PackedTask:
        """The model of a task; raises DataError when the folder does not have it."""
        if not (self.folder / task / "task.json").exists():
            raise DataError(f"{self.folder} is not a registered model of {task}: it has no {task}/task.json")
        return PackedTask(self.folder / task)

    @property
    def learned_from(self) -> NDArray[np.int64]:
        """Keys of the patents whose labels it learned from, sorted."""
        return np.asarray(pq.read_table(self.folder / _LEARNED_FROM)["patent_key"])


def write_package(store: Store, model: str, tasks: Sequence[str], folder: Path) -> Package:
    """The current model with its calibration in a folder; raises DataError when an older training left
    less than is needed."""
    for task in tasks:
        shutil.copytree(store.directory("MODEL") / task, folder / task)
        shutil.copyfile(store.directory("CALIBRATION") / f"{task}.json", folder / task / _CALIBRATION)
        missing = {"text", "labels", "max_tokens", "min_tokens"} - PackedTask(folder / task).about.keys()
        if missing or not (folder / task / "vocabulary.txt").exists():
            raise DataError(
                f"the model of {task} in {store.root} was trained by an older version of this "
                "program; run `patent-spark train` again"
            )
    _write_learned_from(store.directory("EXAMPLES") / model, folder / _LEARNED_FROM)
    write_mlmodel(folder, "patent_spark.inference.pyfunc", TEXT)
    return Package(folder)


def _write_learned_from(examples: Path, path: Path) -> None:
    """Sorted keys, as differences: two to three bytes a patent."""
    groups = [
        group for split in (TRAIN, DEVELOPMENT) for group in sorted((examples / split).glob("*.parquet"))
    ]
    keys = pa.concat_tables([pq.ParquetFile(group).read(columns=["patent_key"]) for group in groups])
    keys = keys.filter(pc.greater_equal(keys["patent_key"], 0)).sort_by("patent_key")
    pq.write_table(
        keys,
        path,
        compression="zstd",
        use_dictionary=False,
        column_encoding={"patent_key": "DELTA_BINARY_PACKED"},
    )
