"""What the warehouse knows of patents beside their texts: rows of FEATURES."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.features import TABLE_COLUMNS
from patent_spark.core.key_filter import among
from patent_spark.core.store import Store

Known = dict[str, int | str]
"""By column of FEATURES; what is unknown is left out."""


def known_of_patents(store: Store, keys: Sequence[int] | NDArray[np.int64]) -> dict[int, Known]:
    """What FEATURES has of these patents, by key; nothing of a patent that it lacks, or if there is no such
    table."""
    shards = store.manifest("shard")
    if not len(keys) or shards is None or "FEATURES" not in shards.tables:
        return {}
    rows = store.read_arrow("FEATURES", ["patent_key", *TABLE_COLUMNS], among(keys)).to_pylist()
    return {
        row["patent_key"]: {name: row[name] for name in TABLE_COLUMNS if row[name] is not None}
        for row in rows
    }
