"""From an encoder's vectors to those that are compared: without their mean, in fewer dimensions, of length 1.

Vectors of one encoder share a direction, so that all cosines are high; without their mean they spread (Mu and
Viswanath 2018). Principal components keep what distinguishes texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.word_vectors import unit_rows

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """The map; fitted once for an index, and applied to its vectors and to those of queries."""

    mean: Floats
    """[d]"""
    components: Floats | None
    """[d, dimensions], orthonormal; None keeps all dimensions."""

    @classmethod
    def fit(cls, vectors: Floats, most_dimensions: int) -> Projection:
        """From a sample, float32 [n, d]; most_dimensions: 0 = all, as with a sample that is no larger."""
        mean = vectors.sum(axis=0, dtype=np.float64) / max(len(vectors), 1)
        if not 0 < most_dimensions < min(vectors.shape):
            return cls(mean.astype(np.float32), None)
        covariance = np.cov(vectors, rowvar=False, dtype=np.float64)
        largest = np.linalg.eigh(covariance)[1][:, : -most_dimensions - 1 : -1]
        return cls(mean.astype(np.float32), np.ascontiguousarray(largest, np.float32))

    @property
    def dimensions(self) -> int:
        """Of a projected vector."""
        return len(self.mean) if self.components is None else int(self.components.shape[1])

    def __call__(self, vectors: Floats) -> Floats:
        """float32 [n, d] -> float32 [n, dimensions], each row of length 1."""
        centred = vectors - self.mean
        return unit_rows(centred if self.components is None else centred @ self.components)

    def write(self, path: Path) -> None:
        """Write it to a file."""
        parts = {"mean": self.mean} | ({} if self.components is None else {"components": self.components})
        np.savez(path, **parts)

    @classmethod
    def read(cls, path: Path) -> Projection:
        """From a file."""
        with np.load(path) as parts:
            return cls(parts["mean"], parts.get("components"))
