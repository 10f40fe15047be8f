"""Writing a package from the warehouse: the current model, its ONNX graph checked against Keras, samples."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.files import write_json
from patent_spark.core.model_files import TASK_FILE
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store
from patent_spark.inference.embedded_code import write_code
from patent_spark.inference.encoded_texts import EncodedTexts
from patent_spark.inference.keras_network import in_float32, load_network
from patent_spark.inference.model_package import (
    CALIBRATION_FILE,
    FORMAT,
    KERAS_FILE,
    LEARNED_FROM_FILE,
    LINEAR_FILE,
    ONNX_FILE,
    PACKAGE_FILE,
    VOCABULARY_FILE,
    Package,
    PackageDescription,
    PackedTask,
    package_identity,
)
from patent_spark.inference.network_inputs import inputs_of
from patent_spark.inference.onnx_graph import onnx_bytes
from patent_spark.inference.prediction.gather_facts import gather_facts
from patent_spark.inference.pyfunc import input_columns, optional_columns, output_columns
from patent_spark.inference.sample_texts import Text, sample_texts
from patent_spark.inference.samples import TOLERANCE, Sample, write_samples
from patent_spark.metrics.calibration import Calibration
from patent_spark.tracking.models import PyfuncModel, write_mlflow_files

_LIBRARIES = ("onnxruntime", "numpy", "pandas", "pyarrow")
"""What reading a package imports; pydantic comes with MLflow."""


class ConversionError(WorkError):
    """The ONNX graph of a network does not give the probabilities that Keras gives."""


def identity_of(store: Store, tasks: Sequence[str]) -> str:
    """The identity that a package of the current model of these tasks has."""
    return package_identity(
        [
            [store.read_json("MODEL", f"{task}/{TASK_FILE}"), store.read_json("CALIBRATION", f"{task}.json")]
            for task in tasks
        ]
    )


def write_package(store: Store, model: str, tasks: Sequence[str], folder: Path) -> Package:
    """The current model with its calibration in a folder.

    Raises DataError when an older training left less than is needed, and ConversionError when onnxruntime and
    Keras do not agree on the sample texts.
    """
    for task in tasks:
        shutil.copytree(store.directory("MODEL") / task, folder / task)
        shutil.copyfile(store.directory("CALIBRATION") / f"{task}.json", folder / task / CALIBRATION_FILE)
        if Calibration.read(folder / task / CALIBRATION_FILE).combination:
            shutil.copyfile(store.directory("LINEAR") / f"{task}.npz", folder / task / LINEAR_FILE)
        if not (folder / task / VOCABULARY_FILE).exists():
            raise DataError(
                f"the model of {task} in {store.address} was trained by an older version of this "
                "program; run `patent-spark train` again",
                task=task,
            )
    _write_learned_from(store.directory("EXAMPLES") / model, folder / LEARNED_FROM_FILE)
    package = complete_package(folder, tasks, sample_texts(store, tasks))
    gather_facts(store, package).write(folder)
    return package


def complete_package(folder: Path, tasks: Sequence[str], texts: Sequence[Text]) -> Package:
    """Add to the Keras models and descriptions in a folder what makes it a package.

    That is model.onnx, samples.json with the answers to `texts`, package.json, and the files that MLflow
    loads it with. Raises ConversionError.
    """
    networks = {task: in_float32(load_network(folder / task / KERAS_FILE)) for task in tasks}
    for task, network in networks.items():
        (folder / task / ONNX_FILE).write_bytes(onnx_bytes(network))
    package = describe_package(folder, tasks, texts)
    for task, network in networks.items():
        _require_equal(package.task(task), network, texts)
    add_pyfunc(package)
    return package


def describe_package(folder: Path, tasks: Sequence[str], texts: Sequence[Text]) -> Package:
    """Write package.json, and samples.json with the answers of the models in a folder to `texts`."""
    write_json(folder / PACKAGE_FILE, PackageDescription(format=FORMAT, tasks=tuple(tasks)).to_json())
    package = Package(folder)
    write_samples(folder, _answered(package, texts))
    return package


def add_pyfunc(package: Package) -> None:
    """Write the files with which MLflow loads a package: MLmodel, code/, requirements.txt, ..."""
    example: Mapping[str, str] = package.samples[-1].fields
    columns = [output_columns(package.task(task)) for task in package.tasks]
    kinds = {name: "float" for names in columns for name in names} | {names[0]: "string" for names in columns}
    inputs = input_columns(package)
    with TemporaryDirectory() as code:
        model = PyfuncModel(
            loader=write_code(Path(code)),
            code=Path(code),
            inputs=inputs,
            optional=optional_columns(package),
            outputs=kinds,
            example={name: example.get(name, "") for name in inputs},
            libraries=_LIBRARIES,
        )
        write_mlflow_files(package.folder, model)


def _require_equal(packed: PackedTask, network: object, texts: Sequence[Text]) -> None:
    task = packed.about.task
    encoded = packed.encode([packed.text_of(text.fields) for text in texts], [text.known for text in texts])
    expected = _keras_probabilities(network, encoded)
    difference = np.abs(packed.answer(expected, encoded) - packed.probabilities(encoded)).max(axis=1)
    worst = int(difference.argmax())
    if not difference[worst] <= TOLERANCE:
        raise ConversionError(
            f"model.onnx of {task} and model.keras differ by {difference[worst]:.2g} on patent "
            f"{texts[worst].patent_id or '(empty text)'}, more than {TOLERANCE:g}, on "
            f"{int((~(difference <= TOLERANCE)).sum())} of {len(texts)} sample texts; the model is not "
            "registered. Its weights may not be finite; train again, or report it",
            task=task,
            difference=float(difference[worst]),
            limit=TOLERANCE,
            texts=len(texts),
        )


def _keras_probabilities(network: object, encoded: EncodedTexts) -> NDArray[np.float32]:
    """One text at a time: Keras's answer to a text without a word depends on the padding."""
    rows = []
    features = np.zeros((len(encoded), 0)) if encoded.features is None else encoded.features
    for row, beside in zip(encoded.tokens, features, strict=True):
        length = int(np.count_nonzero(row))
        width = min(len(row), -(-max(length, 1) // 20) * 20)
        inputs = inputs_of(row[None, :width], beside[None])
        rows.append(np.asarray(network(inputs, training=False)))  # type: ignore[operator]
    return np.concatenate(rows)


def _answered(package: Package, texts: Sequence[Text]) -> list[Sample]:
    answers = {}
    for task in package.tasks:
        packed = package.task(task)
        read = [packed.text_of(text.fields) for text in texts]
        encoded = packed.encode(read, [text.known for text in texts])
        answers[task] = packed.probabilities(encoded).tolist()
    return [
        Sample(
            patent_id=text.patent_id,
            fields=text.fields,
            known=text.known,
            probabilities={task: tuple(rows[number]) for task, rows in answers.items()},
        )
        for number, text in enumerate(texts)
    ]


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
