"""Errors that MLflow's scoring server answers with status 400 and their message."""

from __future__ import annotations


def input_error(message: str) -> Exception:
    """An MlflowException: the input of a model is not what its signature asks for."""
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

    error: Exception = MlflowException(message, error_code=INVALID_PARAMETER_VALUE)
    return error
