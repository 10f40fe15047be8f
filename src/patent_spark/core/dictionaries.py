"""Dictionary-encoded columns: other values for the same rows, at the cost of the distinct values alone."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc


def with_values(column: pa.DictionaryArray, values: pa.Array) -> pa.DictionaryArray:
    """The column with `values` in the place of its dictionary; equal values become one, null stays null."""
    distinct = values.drop_null().unique()
    places = pc.index_in(values, distinct)
    return pa.DictionaryArray.from_arrays(places.take(column.indices), distinct)
