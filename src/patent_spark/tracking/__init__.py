"""MLflow: runs, their history and the model registry.

In: metrics, parameters, files and models by name. Out: MLflow runs and registered versions.
May import: core, config. Only modules of this package import mlflow.
"""
