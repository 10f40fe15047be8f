"""A citation as one 64-bit number: citing * 2**32 + cited.

A cited number of OLD or more is a patent granted before the data begins, one of MALFORMED or more a
malformed id.
"""

from __future__ import annotations

import numpy as np

from patent_spark.stages.simulate.arrays import Hashes, Ints

OLD = 1 << 31
MALFORMED = OLD | 1 << 30
SHIFT = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def join(citing: Ints, cited: Ints) -> Hashes:
    """Citations from their citing and cited numbers."""
    keys: Hashes = (citing.astype(np.uint64) << SHIFT) | cited.astype(np.uint64)
    return keys


def split(keys: Hashes) -> tuple[Ints, Ints]:
    """Citing and cited numbers of citations."""
    return (keys >> SHIFT).astype(np.int64), (keys & _LOW).astype(np.int64)
