"""The types of the arrays that the simulator computes with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Hashes = NDArray[np.uint64]
"""Hashes of hashing.py, and citations of citations.py: both use all 64 bits."""
Mask = NDArray[np.bool_]
Dates = NDArray[np.datetime64]
