"""Keras models and model folders in the format of MLflow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from patent_spark.tracking.server import open_environment

if TYPE_CHECKING:
    import keras
    from mlflow import MlflowClient
    from numpy.typing import NDArray

MODEL, UNCALIBRATED_MODEL = "model", "uncalibrated_model"
"""Names of a run's models: calibrated by `evaluate`, and as the training left it."""


def log_keras_model(
    client: MlflowClient,
    run_id: str,
    model: keras.Model,
    inputs: Mapping[str, NDArray[Any]],
    name: str,
    metadata: Mapping[str, object],
) -> None:
    """Log a Keras model with its signature. See `Run.log_model`."""
    import keras
    import mlflow.tensorflow  # not mlflow.keras: 3.17 cannot save an input example with it
    import tensorflow
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model, infer_signature

    # MLflow hands the only input of a model on without its name.
    example: Any = dict(inputs) if len(inputs) > 1 else next(iter(inputs.values()))
    signature = infer_signature(example, model(example, training=False).numpy())
    # Named requirements: MLflow would load the model in a second process to find them.
    requirements = [f"tensorflow=={tensorflow.__version__}", f"keras=={keras.__version__}"]
    # These are the steps of mlflow.tensorflow.log_model, which would also reopen and close a finished run.
    with TemporaryDirectory() as scratch:
        experiment = client.get_run(run_id).info.experiment_id
        logged = client.create_logged_model(experiment, name=name, source_run_id=run_id)
        folder = f"{scratch}/{name}"
        mlflow.tensorflow.save_model(
            model,
            folder,
            mlflow_model=Model(run_id=run_id, model_id=logged.model_id, metadata=dict(metadata)),
            signature=signature,
            input_example=example,
            pip_requirements=requirements,
        )
        client.log_model_artifacts(logged.model_id, folder)
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        client.finalize_logged_model(logged.model_id, "READY")


@dataclass(frozen=True)
class PyfuncModel:
    """What MLflow has to know of a folder to load it as a model."""

    loader: str
    """The module with `_load_pyfunc`."""
    code: Path
    """A folder with the package that the module belongs to."""
    inputs: Sequence[str]
    """Columns, all of them strings."""
    optional: Sequence[str]
    """Columns of any type that may be missing."""
    outputs: Mapping[str, str]
    """Column -> string or float."""
    example: Mapping[str, str]
    """A row of the input."""
    libraries: Sequence[str]
    """What it needs of PyPI beside MLflow; the versions installed here are the ones required."""


def write_mlflow_files(folder: Path, model: PyfuncModel) -> None:
    """Add to a folder all that MLflow wants: MLmodel, code, requirements, an example of the input."""
    open_environment()
    import mlflow
    import pandas as pd
    from mlflow import pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    versions = {"mlflow-skinny": mlflow.__version__} | {name: version(name) for name in model.libraries}
    signature = ModelSignature(
        inputs=Schema(
            [ColSpec("string", name) for name in model.inputs]
            + [ColSpec(AnyType(), name, required=False) for name in model.optional]
        ),
        outputs=Schema([ColSpec(kind, name) for name, kind in model.outputs.items()]),
    )
    with TemporaryDirectory() as scratch:
        made = Path(scratch) / "model"
        pyfunc.save_model(
            made,
            loader_module=model.loader,
            code_paths=[str(each) for each in model.code.iterdir()],
            signature=signature,
            input_example=pd.DataFrame([model.example]),
            pip_requirements=[f"{name}=={number}" for name, number in versions.items()],
        )
        shutil.copytree(made, folder, dirs_exist_ok=True)
