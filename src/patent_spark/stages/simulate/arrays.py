"""The types of the arrays that the simulator computes with, and the step from indices to text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
"""Hashes of hashing.py, and citations of citations.py: both use all 64 bits."""
Mask = NDArray[np.bool_]
Dates = NDArray[np.datetime64]


def choose(values: Sequence[str], indices: Ints) -> pa.Array:
    """The values at some indices."""
    return pa.array(values).take(pa.array(indices))
