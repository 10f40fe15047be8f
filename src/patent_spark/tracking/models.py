"""Keras models and model folders in the format of MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import numpy as np
    from mlflow import MlflowClient
    from numpy.typing import NDArray

MODEL, UNCALIBRATED_MODEL = "model", "uncalibrated_model"
"""Names of a run's models: calibrated by `evaluate`, and as the training left it."""


def log_keras_model(
    client: MlflowClient,
    run_id: str,
    model: keras.Model,
    tokens: NDArray[np.int32],
    name: str,
    metadata: Mapping[str, object],
) -> None:
    """Log a Keras model with its signature. See `Run.log_model`."""
    import keras
    import mlflow.tensorflow  # not mlflow.keras: 3.17 cannot save an input example with it
    import tensorflow
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model, infer_signature

    signature = infer_signature(tokens, model(tokens, training=False).numpy())
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
            input_example=tokens,
            pip_requirements=requirements,
        )
        client.log_model_artifacts(logged.model_id, folder)
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        client.finalize_logged_model(logged.model_id, "READY")


def write_mlmodel(folder: Path, loader: str, column: str) -> None:
    """Write the MLmodel file, with which MLflow loads a folder as a model.

    loader: the module that loads it. column: the name of its only input, a column of strings.
    """
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    model = Model(signature=ModelSignature(inputs=Schema([ColSpec("string", column)])))
    pyfunc.add_to_model(model, loader_module=loader)
    model.save(str(folder / "MLmodel"))
