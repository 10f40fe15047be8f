"""A tiny package with random weights: everything that a registered model has, made within seconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.files import write_json
from patent_spark.core.metadata import EncodedColumn, FeatureEncoding
from patent_spark.core.model_files import TaskDescription, TextSource
from patent_spark.core.schemas import LEVELS
from patent_spark.inference.linear_model import LinearModel
from patent_spark.inference.model_package import Package
from patent_spark.inference.network_structure import LstmWeights, NetworkStructure
from patent_spark.inference.onnx_graph import onnx_model
from patent_spark.inference.packaging import add_pyfunc, describe_package
from patent_spark.inference.sample_texts import Text
from patent_spark.metrics.calibration import Calibration
from patent_spark.metrics.combination import Combination

WORDS = (
    "the", "a", "of", "network", "neural", "device", "method", "battery", "cell", "signal", "image",
    "protein", "antibody", "wheel", "engine", "circuit", "memory", "display", "valve", "pump",
    "data", "layer", "plant", "seed", "fiber", "laser", "antenna", "polymer", "catalyst", "robot",
)  # fmt: skip
LABELS = {"technology": ("A61", "G06", "H01", "H04"), "citation_level": tuple(LEVELS)}
MAX_TOKENS = 24
TASKS = ("technology", "citation_level")
FEATURES = FeatureEncoding(
    features=("claims", "class", "text_length"),
    columns=(
        EncodedColumn(column="num_claims", mean=2.5, scale=0.5, known=9),
        EncodedColumn(column="cpc_class", values=("G06", "H04"), known=9),
        EncodedColumn(column="length", mean=2.0, scale=1.0, known=9),
    ),
)
"""Eight numbers a patent."""


def small_package(
    folder: Path,
    tasks: Sequence[str] = TASKS,
    joint: bool = False,
    seed: int = 1,
    fields: Sequence[str] = ("title", "abstract"),
    temperature: float = 1.5,
    pyfunc: bool = False,
    combined: bool = False,
    features: FeatureEncoding | None = None,
) -> Package:
    """A package in `folder`, without the Keras model; its weights follow from `seed`.

    joint: one network with a head for each task, else a network for each. pyfunc: with MLflow's files.
    combined: with a linear model. features: what the model of the citation level reads beside the text.
    """
    for number, task in enumerate(tasks):
        read = features if task == "citation_level" else None
        width = read.width if read else 0
        structure = random_structure(
            len(LABELS[task]), seed if joint else seed + number, number, features=width
        )
        (folder / task).mkdir(parents=True)
        (folder / task / "model.onnx").write_bytes(onnx_model([structure]).SerializeToString())
        _describe(folder / task, task, fields, temperature, f"{seed}-{joint}", read)
        if combined:
            _combine(folder / task, len(LABELS[task]), temperature, seed, width)
    keys = pa.table({"patent_key": pa.array(range(5_000_000, 5_000_010), pa.int64())})
    pq.write_table(keys, folder / "learned_from.parquet")
    package = describe_package(folder, tasks, texts(fields))
    if pyfunc:
        add_pyfunc(package)
    return package


def random_structure(
    labels: int, seed: int, head: int = 0, units: int = 6, dimensions: int = 8, features: int = 0
) -> NetworkStructure:
    """A bidirectional network of one layer; the heads of one seed share all but the last layer."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(0, 0.7, shape).astype(np.float32)

    lstms = tuple(
        LstmWeights(normal(dimensions, 4 * units), normal(units, 4 * units), normal(4 * units))
        for _ in range(2)
    )
    embedding = normal(len(WORDS) + 1, dimensions)
    state = 4 * units + dimensions
    rng = np.random.default_rng([seed, head])
    kernel, bias = normal(state + features, labels), normal(labels)
    return NetworkStructure(embedding, (lstms,), "max_mean", True, kernel, bias, features)


def random_linear(size: int, labels: int, seed: int = 1) -> LinearModel:
    """A linear model for ids below `size`, which does not use the last one."""
    rng = np.random.default_rng(seed)
    idf = rng.uniform(1, 4, size).astype(np.float32)
    idf[[0, -1]] = 0
    weights = (rng.normal(0, 3, (size, labels)) * (idf > 0)[:, None]).astype(np.float16)
    return LinearModel(idf, weights, rng.normal(0, 1, labels).astype(np.float32))


def _combine(folder: Path, labels: int, temperature: float, seed: int, features: int) -> None:
    linear = random_linear(len(WORDS) + 1, labels, seed)
    if features:
        weights = np.random.default_rng(seed).normal(0, 1, (features, labels)).astype(np.float32)
        linear = dataclasses.replace(linear, feature_weights=weights)
    linear.write(folder / "linear.npz")
    calibration = Calibration(temperature, combination=Combination(0.6, 0.8, linear.digest))
    write_json(folder / "calibration.json", dataclasses.asdict(calibration))


def texts(fields: Sequence[str] = ("title", "abstract")) -> list[Text]:
    """Sample texts: one without a word, and some with words that the models know and do not know."""
    rng = np.random.default_rng(0)
    made = [Text("", dict.fromkeys(fields, ""))]
    for number in range(8):
        words = list(rng.choice(WORDS, 3 + 4 * number))
        made.append(
            Text(str(9_000_000 + number), {field: f"A {field}: {' '.join(words)}" for field in fields})
        )
    return made


def _describe(
    folder: Path,
    task: str,
    fields: Sequence[str],
    temperature: float,
    key: str,
    features: FeatureEncoding | None,
) -> None:
    TaskDescription(
        task=task,
        labels=LABELS[task],
        max_tokens=MAX_TOKENS,
        min_tokens=1,
        text=TextSource(fields=tuple(fields), claims="first"),
        vocabulary_digest="small",
        run_id="",
        release_id="small",
        key=key,
        kept_epoch=1,
        features=features,
    ).write(folder)
    (folder / "vocabulary.txt").write_text("".join(f"{word}\n" for word in WORDS))
    write_json(folder / "calibration.json", {"temperature": temperature, "learned_on": "development"})
