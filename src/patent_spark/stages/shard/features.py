"""The column `features` of EXAMPLES: values of FEATURES, encoded by what the training examples hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.dataset
from numpy.typing import NDArray
from pyspark.sql import functions as F

from patent_spark.config import TECHNOLOGY
from patent_spark.core import schemas
from patent_spark.core.context import StageContext
from patent_spark.core.errors import conform
from patent_spark.core.feature_values import feature_values
from patent_spark.core.features import (
    LENGTH,
    TABLE_COLUMNS,
    columns_of,
    encode,
    fit_encoding,
    values_of_table,
)
from patent_spark.core.metadata import FeatureEncoding
from patent_spark.stages.shard.layout import mixed

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ALL_HIDDEN, _HALF_HIDDEN = 0.1, 0.2
"""Bounds of a patent's draw below which all of its values are hidden, or each one with probability 1/2."""


def features_of_task(context: StageContext, task: str) -> tuple[str, ...]:
    """The features that the model of a task reads: none for technology, whose label some of them are."""
    return () if task == TECHNOLOGY else context.config.model.features


def write_features(context: StageContext, names: Sequence[str], members: DataFrame) -> DataFrame:
    """Write FEATURES for the patents of a task's splits, and read it back from the draft."""
    ids = context.read("PATENTS").select("patent_key", "patent_id")
    values = feature_values(names, members, context.read).join(ids, "patent_key", "inner")
    context.write(values.transform(conform, schemas.FEATURES.schema), "FEATURES")
    return context.read_back("FEATURES")


def with_values(texts: DataFrame, features: DataFrame, names: Sequence[str]) -> DataFrame:
    """The texts with the columns of FEATURES that these features read."""
    wanted = [column for column in columns_of(names) if column in TABLE_COLUMNS]
    own = features.select("patent_key", *(F.col(column) for column in wanted))
    return texts.join(own, "patent_key", how="left")


def fit_to_training(names: Sequence[str], training: Path) -> FeatureEncoding:
    """The encoding for the training examples in a folder, which have the values as columns."""
    columns = columns_of(names)
    examples = pyarrow.dataset.dataset(training, format="parquet", exclude_invalid_files=True)
    return fit_encoding(names, values_of_table(examples.to_table(columns=list(columns)), columns))


def with_features(
    tables: Iterator[pa.Table], encoding: FeatureEncoding, training: bool
) -> Iterator[pa.Table]:
    """The tables with the column `features` in place of the values.

    In training examples a part of the values is hidden, so that the model learns to do without them.
    """
    columns = [each.column for each in encoding.columns]
    for table in tables:
        keys = table["patent_key"].to_numpy()
        hidden = hidden_values(keys, columns) if training else None
        encoded = encode(encoding, values_of_table(table, columns), hidden)
        rows = pa.array([row.tobytes() for row in encoded.astype("<f4")], pa.binary())
        yield table.drop_columns([each for each in columns if each != LENGTH]).append_column("features", rows)


def hidden_values(keys: NDArray[np.int64], columns: Sequence[str]) -> NDArray[np.bool_]:
    """bool [n, columns]: the values of training patents that are hidden, by a hash of their keys.

    All of a tenth of the patents, and of another tenth each one with probability 1/2; never the length of the
    text, which is known of every text.
    """
    drawn = mixed(keys.astype(np.uint64))
    share = drawn / 2.0**64
    each = [
        (mixed(drawn + np.uint64(place + 1)) & np.uint64(1)).astype(bool) for place in range(len(columns))
    ]
    half = (share < _HALF_HIDDEN)[:, None] & np.stack(each, axis=1)
    hidden = half | (share < _ALL_HIDDEN)[:, None]
    return np.asarray(hidden & np.array([column != LENGTH for column in columns]))
