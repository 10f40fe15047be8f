"""Random numbers without state: the value of stream s for item i depends on (seed, s, i) alone.

Any part of a release can therefore be made in any order, in chunks of any size, with the same result. The
mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
"""

from __future__ import annotations

import zlib

import numpy as np

from patent_spark.stages.simulate.arrays import Floats, Hashes, Ints

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MASK = (1 << 64) - 1


def mix(values: Hashes) -> Hashes:
    """A bijection of 64-bit integers that looks random."""
    mixed: Hashes = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def hashes(seed: int, stream: str, index: Ints | Hashes) -> Hashes:
    """A 64-bit hash of each index in a named stream."""
    start = (seed * 0xD1342543DE82EF95 + zlib.crc32(stream.encode()) * 0xDA942042E4DD58B5) & _MASK
    return mix(mix(index.astype(np.uint64) * _STEP + np.uint64(start)))


def successive(base: Hashes, step: Ints | int) -> Hashes:
    """The hash number `step` that follows from each base hash."""
    steps = np.atleast_1d(step).astype(np.uint64) + np.uint64(1)
    return mix(base + steps * _STEP)


def uniform(values: Hashes) -> Floats:
    """Hashes as float64 in [0, 1)."""
    return (values >> np.uint64(11)) * 2.0**-53


def uniforms(seed: int, stream: str, index: Ints | Hashes) -> Floats:
    """A float64 in [0, 1) for each index in a named stream."""
    return uniform(hashes(seed, stream, index))


def integers(values: Hashes, low: int, high: int) -> Ints:
    """Hashes as int64 from low to high - 1."""
    return (uniform(values) * (high - low)).astype(np.int64) + low


def ragged(lengths: Ints) -> tuple[Ints, Ints]:
    """For lists of the given lengths, laid end to end: the list of each item, and the item's place in it."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner)) - starts[owner]
