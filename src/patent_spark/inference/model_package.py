"""A model in a folder that needs nothing beside it: what the registry holds of a version, and all that using
it takes. Reading it needs numpy, pyarrow, pydantic and onnxruntime alone.

    package.json                                   format and tasks
    <task>/model.onnx, model.keras                 the same network; a joint model has a folder for each task
    <task>/task.json, vocabulary.txt, history.json as in MODEL/<task>
    <task>/calibration.json                        as in CALIBRATION
    <task>/linear.npz                              as in LINEAR, if the network is combined with it
    samples.json                                   texts with the model's answers
    prediction_facts.json                          what its answers are compared with: prediction.facts
    learned_from.parquet                           patent_key of all training and development patents
    MLmodel, code/, requirements.txt, ...          has MLflow load it with inference.pyfunc
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from patent_spark.config.digests import digest
from patent_spark.core.errors import DataError
from patent_spark.core.features import encode_rows
from patent_spark.core.metadata import Record
from patent_spark.core.model_files import TASK_FILE, TaskDescription
from patent_spark.inference.encoded_texts import EncodedTexts, Vocabulary
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.onnx_session import OnnxNetwork, Outputs
from patent_spark.inference.samples import Sample, read_samples
from patent_spark.metrics.calibration import Calibration

FORMAT = 2
"""1: without model.onnx, samples and package.json."""
PACKAGE_FILE, CALIBRATION_FILE, LEARNED_FROM_FILE = "package.json", "calibration.json", "learned_from.parquet"
ONNX_FILE, KERAS_FILE, VOCABULARY_FILE = "model.onnx", "model.keras", "vocabulary.txt"
LINEAR_FILE = "linear.npz"


class PackageDescription(Record):
    """package.json."""

    format: int
    tasks: tuple[str, ...]
    """In the order of the configuration."""


Known = Sequence[Mapping[str, Any]]
"""What is known of each patent beside its text, by column of FEATURES."""


class PackedTask:
    """One task's model in a package: texts in, calibrated probabilities out."""

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self._folder, self._threads = folder, threads
        self.about = _description(folder)
        self.labels: tuple[str, ...] = self.about.labels

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words that it knows."""
        return Vocabulary.read(self._folder / VOCABULARY_FILE)

    @cached_property
    def calibration(self) -> Calibration:
        """What turns the network's probabilities into calibrated ones."""
        path = self._folder / CALIBRATION_FILE
        if not path.exists():
            raise DataError(
                f"{path} is missing, so the model is not calibrated; "
                "run `patent-spark evaluate` and `patent-spark register`",
                file=str(path),
            )
        return Calibration.read(path)

    @cached_property
    def _network(self) -> OnnxNetwork:
        return OnnxNetwork(_onnx(self._folder), self._threads)

    @cached_property
    def _linear(self) -> LinearModel | None:
        """The model that the network is combined with, if it is."""
        return LinearModel.read(self._folder / LINEAR_FILE) if self.calibration.combination else None

    def text_of(self, fields: Mapping[str, str | None]) -> str:
        """The text that it reads, from title, abstract, ...; a field that is missing counts as empty."""
        return " ".join(fields.get(name) or "" for name in self.about.text.fields)

    def encode(self, texts: Sequence[str], known: Known | None = None) -> EncodedTexts:
        """Texts as it reads them: split into words, unknown words dropped, cut to max_tokens.

        known: what is known of each patent beside its text; None: nothing.
        """
        return self._with_features(self.vocabulary.encode(texts, self.about.max_tokens), known)

    def encode_words(self, texts: pa.ListArray, known: Known | None = None) -> EncodedTexts:
        """The same for texts that are lists of words, as in TOKENS."""
        return self._with_features(self.vocabulary.encode_words(texts, self.about.max_tokens), known)

    def _with_features(self, texts: EncodedTexts, known: Known | None) -> EncodedTexts:
        if self.about.features is None:
            return texts
        lengths = np.count_nonzero(texts.tokens, axis=1)
        rows = [{}] * len(texts) if known is None else known
        return replace(texts, features=encode_rows(self.about.features, rows, lengths))

    def probabilities(self, encoded: EncodedTexts, batch: int = 512) -> NDArray[np.float32]:
        """float32 [n, labels], calibrated; rows sum to 1."""
        return self.outputs(encoded, batch).probabilities

    def document_vectors(self, encoded: EncodedTexts, batch: int = 512) -> NDArray[np.float32]:
        """float32 [n, d]: the pooled state that the last layer reads."""
        return self.outputs(encoded, batch).vectors

    def outputs(self, encoded: EncodedTexts, batch: int = 512) -> Outputs:
        """Calibrated probabilities and document vectors, computed together."""
        network = self._network(encoded.tokens, batch, encoded.features)
        return Outputs(self.answer(network.probabilities, encoded), network.vectors)

    def answer(self, network: NDArray[np.float32], encoded: EncodedTexts) -> NDArray[np.float32]:
        """What the network's probabilities of texts become: combined with the linear model's, if they are,
        and calibrated."""
        linear = self._linear.probabilities(encoded.tokens, encoded.features) if self._linear else None
        return self.calibration(network, linear)


class Package:
    """A package in a folder. threads: of each model; None: as many as cores.

    Raises DataError when the folder does not hold a package that this version can read.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        self.folder, self._threads = Path(folder), threads
        self._about = _package_description(self.folder)
        self.tasks: tuple[str, ...] = self._about.tasks
        self._opened: dict[str, PackedTask] = {}

    def task(self, task: str) -> PackedTask:
        """The model of a task; raises DataError when the package does not have it."""
        if task not in self.tasks:
            raise DataError(
                f"{self.folder} has no model of {task}; it has {', '.join(self.tasks)}", task=task
            )
        if task not in self._opened:
            self._opened[task] = PackedTask(self.folder / task, self._threads)
        return self._opened[task]

    @cached_property
    def identity(self) -> str:
        """A digest of the models and their calibration: equal for equal models.

        What is computed with a model, such as document vectors, is valid for this identity alone.
        """
        models = [
            [json.loads((self.folder / task / name).read_text()) for name in (TASK_FILE, CALIBRATION_FILE)]
            for task in self.tasks
        ]
        return package_identity(models, self._about.format)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """Texts with the answers that the model gave when it was packed."""
        return read_samples(self.folder)

    def sample_difference(self) -> float:
        """The largest difference between a probability in the samples and what the model says now."""
        differences = [0.0]
        for task in self.tasks if self.samples else ():
            packed = self.task(task)
            texts = [packed.text_of(sample.fields) for sample in self.samples]
            encoded = packed.encode(texts, [sample.known for sample in self.samples])
            kept = np.array([sample.probabilities[task] for sample in self.samples])
            differences.append(float(np.abs(packed.probabilities(encoded) - kept).max()))
        return max(differences)

    @property
    def learned_from(self) -> NDArray[np.int64]:
        """Keys of the patents whose labels it learned from, sorted."""
        return np.asarray(pq.read_table(self.folder / LEARNED_FROM_FILE)["patent_key"])


def package_identity(models: Sequence[Sequence[Any]], package_format: int = FORMAT) -> str:
    """The identity of a package: task.json and calibration.json of each of its tasks, in their order."""
    return digest(list(models) if package_format == 1 else [package_format, *models])


def _package_description(folder: Path) -> PackageDescription:
    path = folder / PACKAGE_FILE
    if not path.exists():
        tasks = sorted((about.parent.name for about in folder.glob(f"*/{TASK_FILE}")), reverse=True)
        if tasks:
            return PackageDescription(format=1, tasks=tuple(tasks))  # technology, citation_level
        raise DataError(
            f"{folder} is not a model: it has no {PACKAGE_FILE} and no folder of a task with {TASK_FILE}",
            file=str(folder),
        )
    try:
        about = PackageDescription.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise DataError(f"{path} does not describe a model; register it again", file=str(path)) from error
    if about.format > FORMAT:
        raise DataError(
            f"{folder} was written by a newer version (format {about.format}; this one reads up to "
            f"{FORMAT}); update patent_spark",
            format=about.format,
        )
    return about


def _description(folder: Path) -> TaskDescription:
    try:
        return TaskDescription.read(folder)
    except DataError as error:
        raise DataError(
            f"{folder / TASK_FILE} does not describe a model of this version; train and register it again",
            file=str(folder / TASK_FILE),
        ) from error


def _onnx(folder: Path) -> Path | bytes:
    """model.onnx, or where an older version packed the model, its network converted now."""
    path = folder / ONNX_FILE
    if path.exists():
        return path
    try:
        from patent_spark.inference.keras_network import onnx_of_file

        return onnx_of_file(folder / KERAS_FILE)
    except ImportError as error:
        raise DataError(
            f"{folder} has no {ONNX_FILE}: an older version packed it, and without Keras it cannot be "
            "converted; run `patent-spark register` again where the model was trained",
            file=str(path),
        ) from error
