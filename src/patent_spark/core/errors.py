"""What a table must be before it leaves a stage, and the errors a user reads when it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patent_spark.config.errors import PatentSparkError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType


class DataError(PatentSparkError):
    """The input data is unusable."""

    exit_code = 3


class SchemaError(PatentSparkError):
    """A stage made a table that is not what schemas.py promises: a fault in the code."""


class WorkError(PatentSparkError):
    """The work failed for a reason that the message explains: a lost rank, a full disk."""


class StoppedError(PatentSparkError):
    """The work was asked to stop and kept what it had; the message says how to go on."""

    exit_code = 143


class GateError(PatentSparkError):
    """A quality gate rejected a model."""

    exit_code = 4


def conform(frame: DataFrame, schema: StructType) -> DataFrame:
    """Select the schema's columns in its order; raise one SchemaError that lists every misfit.

    Columns that the schema does not name are dropped on purpose: the select is the contract.
    """
    types = {column.name: column.dataType for column in frame.schema}
    misfits = []
    for column in schema:
        wanted, kind = column.dataType.simpleString(), types.get(column.name)
        if kind is None:
            misfits.append(f"{column.name} is missing")
        elif kind.simpleString() != wanted:
            misfits.append(f"{column.name} is {kind.simpleString()}, must be {wanted}")
    if misfits:
        raise SchemaError(f"{'; '.join(misfits)} (columns found: {', '.join(types)})")
    return frame.select(*[column.name for column in schema])
