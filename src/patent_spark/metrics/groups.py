"""Families and CPC classes of patents: what metrics are clustered by and grouped by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.store import Store

_Value = TypeVar("_Value", np.int64, np.bytes_)


@dataclass(frozen=True)
class PatentGroups:
    """Family and class of all patents: pairs of columns, each sorted by key."""

    family_keys: NDArray[np.int64]
    family: NDArray[np.int64]
    """The same for patents that share an abstract or are relatives."""
    class_keys: NDArray[np.int64]
    cpc_class: NDArray[np.bytes_]

    def families(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Families of patents; a patent that is not in FAMILIES is a family of its own."""
        return _lookup(keys, self.family_keys, self.family, missing=keys)

    def classes(self, keys: NDArray[np.int64]) -> NDArray[np.bytes_]:
        """CPC classes of patents, empty for a patent without one. The first letter is the section."""
        return _lookup(keys, self.class_keys, self.cpc_class, missing=np.asarray(b"", self.cpc_class.dtype))


def read_patent_groups(store: Store) -> PatentGroups:
    """From FAMILIES and LABELS, for all patents: about twenty bytes a patent."""
    families = store.read_arrow("FAMILIES")
    labels = store.read_arrow("LABELS", ["patent_key", "cpc_class"]).drop_null()
    classes = np.asarray(labels["cpc_class"], dtype="S3")
    return PatentGroups(
        *_sorted(np.asarray(families["patent_key"], np.int64), np.asarray(families["family"], np.int64)),
        *_sorted(np.asarray(labels["patent_key"], np.int64), classes),
    )


def _sorted(keys: NDArray[np.int64], values: NDArray[_Value]) -> tuple[NDArray[np.int64], NDArray[_Value]]:
    order = np.argsort(keys)
    return keys[order], values[order]


def _lookup(
    wanted: NDArray[np.int64], keys: NDArray[np.int64], values: NDArray[_Value], missing: NDArray[_Value]
) -> NDArray[_Value]:
    """The value of each wanted key, or `missing`."""
    if not len(keys):
        return np.broadcast_to(missing.astype(values.dtype), wanted.shape)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], missing.astype(values.dtype))
