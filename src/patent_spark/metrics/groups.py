"""What the figures are told apart by and clustered by: a test patent's CPC class and its family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from patent_spark.core.context import StageContext


@dataclass(frozen=True)
class Cohorts:
    """Columns of patents, each pair sorted by key."""

    family_keys: NDArray[np.int64]
    family: NDArray[np.int64]
    """The same for patents that share an abstract or are relatives."""
    class_keys: NDArray[np.int64]
    cpc_class: NDArray[np.bytes_]

    def families(self, keys: pa.Array) -> NDArray[np.int64]:
        """Families of patents; one that is not in FAMILIES is a family of its own."""
        wanted = np.asarray(keys)
        return _found(wanted, self.family_keys, self.family, otherwise=wanted)

    def classes(self, keys: pa.Array) -> NDArray[np.bytes_]:
        """CPC classes of patents; empty without one. Its first letter is the section."""
        return _found(np.asarray(keys), self.class_keys, self.cpc_class, otherwise=b"")


def read_cohorts(context: StageContext) -> Cohorts:
    """From FAMILIES and LABELS, of all patents: some twenty bytes a patent."""
    families = context.store.read_arrow("FAMILIES")
    labels = context.store.read_arrow("LABELS", ["patent_key", "cpc_class"]).drop_null()
    classes = np.asarray(labels["cpc_class"], dtype="S3")
    return Cohorts(
        *_sorted(np.asarray(families["patent_key"], np.int64), np.asarray(families["family"], np.int64)),
        *_sorted(np.asarray(labels["patent_key"], np.int64), classes),
    )


def _sorted(keys: NDArray[np.int64], values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    order = np.argsort(keys)
    return keys[order], values[order]


def _found(
    wanted: NDArray[np.int64], keys: NDArray[np.int64], values: NDArray[Any], otherwise: Any
) -> NDArray[Any]:
    """The value of each wanted key."""
    if not len(keys):
        return np.broadcast_to(np.asarray(otherwise, values.dtype), wanted.shape)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], np.asarray(otherwise, values.dtype))
