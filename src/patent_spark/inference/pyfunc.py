"""A registered model as MLflow loads it: `mlflow.pyfunc.load_model`, `mlflow models serve`, `spark_udf`.

In: one row per patent, with the columns title and abstract (and claims, if the model reads them), all of them
strings. A model with features also reads columns of FEATURES, such as num_claims, where they are given; a
value that is missing or cannot be read is unknown. Out, for each task of the model, with `technology` as an
example:

    technology               string    the most probable label
    technology_probability   float     its calibrated probability
    technology_<label>       float     the calibrated probability of each label, in the order of the labels

MLflow checks the names of the columns but lets numbers and nulls through, so the values are checked here.
This module is copied into each package; see embedded_code.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patent_spark.core.features import TABLE_COLUMNS, given_or_unknown
from patent_spark.inference.model_package import Package, PackedTask
from patent_spark.tracking.pyfunc_errors import input_error

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 10_000
"""Rows of one call: seconds of work, and the size of a batch that Spark hands over."""
MAX_ROWS_VARIABLE = "PATENT_SPARK_MAX_ROWS"
"""The environment variable that sets another limit."""


class PatentModel:
    """The models of a package; of a joint one both."""

    def __init__(self, package: Package) -> None:
        self._tasks = [package.task(task) for task in package.tasks]
        self._columns, self._optional = input_columns(package), optional_columns(package)

    def predict(self, patents: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """A row for each row of `patents`. Raises MlflowException for an input that check_input refuses."""
        import pandas as pd

        check_input(patents, self._columns)
        given = [*self._columns, *(name for name in self._optional if name in patents.columns)]
        rows = patents[given].to_dict("records")
        tables = [self._answers(task, rows) for task in self._tasks]
        return pd.concat(tables, axis=1).set_index(patents.index)

    def _answers(self, task: PackedTask, rows: Sequence[dict[Any, str]]) -> pd.DataFrame:
        import pandas as pd

        known = [given_or_unknown(row) for row in rows]
        probabilities = task.probabilities(task.encode([task.text_of(row) for row in rows], known))
        label, probability, *each = output_columns(task)
        best = probabilities.argmax(axis=1) if len(rows) else []
        table = pd.DataFrame(probabilities, columns=each)
        table.insert(0, label, [task.labels[number] for number in best])
        table.insert(1, probability, probabilities.max(axis=1, initial=0))
        return table


def input_columns(package: Package) -> tuple[str, ...]:
    """The columns that a model wants."""
    fields = {field for task in package.tasks for field in package.task(task).about.text.fields}
    return ("title", "abstract", *sorted(fields - {"title", "abstract"}))


def optional_columns(package: Package) -> tuple[str, ...]:
    """The columns of FEATURES that a model reads where they are given."""
    encodings = [package.task(task).about.features for task in package.tasks]
    columns = [each.column for encoding in encodings if encoding for each in encoding.columns]
    return tuple(dict.fromkeys(column for column in columns if column in TABLE_COLUMNS))


def output_columns(task: PackedTask) -> list[str]:
    """The columns of a task's answer: the label, its probability, and the probability of each label."""
    name = task.about.task
    return [name, f"{name}_probability", *(f"{name}_{label}" for label in task.labels)]


def check_input(patents: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raises MlflowException unless these columns are there and hold strings, in MAX_ROWS rows at most."""
    limit = int(os.environ.get(MAX_ROWS_VARIABLE) or MAX_ROWS)
    if not hasattr(patents, "columns"):
        raise input_error(f"the input is a {type(patents).__name__}; it must be a table with {_and(columns)}")
    missing = [column for column in columns if column not in patents.columns]
    if missing:
        raise input_error(f"the input has no column {_and(missing)}; it must have {_and(columns)}")
    if len(patents) > limit:
        raise input_error(
            f"the input has {len(patents):,} rows; at most {limit:,} are answered at once: send fewer, or "
            f"set {MAX_ROWS_VARIABLE} where the model runs"
        )
    for column in columns:
        wrong = [row for row, value in enumerate(patents[column]) if not isinstance(value, str)]
        if wrong:
            raise input_error(
                f"{column} of row {wrong[0]} is {_kind(patents[column].iloc[wrong[0]])}, must be a string; "
                f"so it is in {len(wrong):,} of {len(patents):,} rows (counted from 0; an empty text is '')"
            )


def _kind(value: object) -> str:
    empty = value is None or value != value  # NaN and NaT are not equal to themselves
    return "null" if empty else f"of type {type(value).__name__}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)


def _load_pyfunc(path: str) -> PatentModel:
    """What MLflow calls: the models in a package's folder."""
    return PatentModel(Package(Path(path)))
