"""Row counts by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def value_counts(frame: DataFrame, values: Mapping[str, Column]) -> Counter[tuple[Any, ...]]:
    """Rows for each combination of a few values that repeat (name -> expression); None counts as a value."""
    groups = frame.groupBy(*(value.alias(name) for name, value in values.items())).agg(F.count("*"))
    *keys, rows = (column.to_pylist() for column in groups.toArrow().columns)
    return Counter(dict(zip(zip(*keys, strict=True), rows, strict=True)))
