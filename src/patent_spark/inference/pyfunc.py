"""A registered model as MLflow loads and serves it, `mlflow.pyfunc.load_model`: texts in, calibrated
probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patent_spark.inference.model_package import Package, PackedTask

if TYPE_CHECKING:
    import pandas as pd


class Served:
    """A package's models; of a joint one both."""

    def __init__(self, tasks: Sequence[PackedTask]) -> None:
        self._tasks = tasks

    def predict(self, texts: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row for each row of `texts` (column `text`: title and abstract), a column for each label; each
        task's have the sum 1."""
        import pandas as pd

        words = texts["text"].fillna("").tolist()
        told = [
            pd.DataFrame(task.probabilities(task.encode(words)), columns=list(task.labels), index=texts.index)
            for task in self._tasks
        ]
        return pd.concat(told, axis=1)


def _load_pyfunc(path: str) -> Served:
    """What MLflow calls: the models in a package's folder."""
    package = Package(Path(path))
    return Served([package.task(task) for task in package.tasks])
