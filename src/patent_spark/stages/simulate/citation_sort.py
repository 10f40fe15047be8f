"""An external sort: citations are made in the order of cited patents and written in that of citing
patents.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np

from patent_spark.stages.simulate.arrays import Hashes
from patent_spark.stages.simulate.citation_flows import CitationFlows
from patent_spark.stages.simulate.citation_keys import SHIFT
from patent_spark.stages.simulate.hashing import uniforms
from patent_spark.stages.simulate.population import Population

_TWICE = 5e-4
"""Share of pairs that occur twice (PatentsView: 74,846 of 151 million)."""
_ROWS_A_BUCKET = 500_000
_ROWS_AT_ONCE = 250_000


class CitationSorter:
    """Keeps citations on disk, by ranges of citing patents, until all of them are made."""

    def __init__(self, folder: Path, population: Population, flows: CitationFlows) -> None:
        folder.mkdir()
        starts = population.calendar.year_starts
        made = np.concatenate([[0.0], np.cumsum(flows.made)])
        buckets = int(np.clip(made[-1] // _ROWS_A_BUCKET + 1, 1, 400))
        edges = np.interp(np.arange(1, buckets) * made[-1] / buckets, made, starts).astype(np.uint64)
        self._edges = np.unique(edges) << SHIFT
        self._paths = [folder / f"{k:03}" for k in range(len(self._edges) + 1)]
        self._open = ExitStack()
        self._files: list[IO[bytes]] = [self._open.enter_context(path.open("wb")) for path in self._paths]
        self.rows = 0

    def add(self, keys: Hashes) -> None:
        """Write some citations to disk."""
        self.rows += len(keys)
        keys = np.sort(keys)
        parts = np.searchsorted(keys, self._edges)
        for file, part in zip(self._files, np.split(keys, parts), strict=True):
            if len(part):
                file.write(part.tobytes())

    def close(self) -> None:
        """Finish writing."""
        self._open.close()

    def sorted(self) -> Iterator[Hashes]:
        """All citations by citing and cited patent, in parts that hold whole citing patents.

        A few citations occur twice, as they do in PatentsView.
        """
        self.close()
        for path in self._paths:
            keys = np.sort(np.fromfile(path, np.uint64))
            path.unlink()
            yield np.repeat(keys, np.where(uniforms(0, "twice", keys) < _TWICE, 2, 1))


def whole_patents(keys: Hashes) -> Iterator[Hashes]:
    """Sorted citations in parts of bounded size that hold whole citing patents."""
    start = 0
    while start < len(keys):
        stop = min(start + _ROWS_AT_ONCE, len(keys))
        if stop < len(keys):
            citing = keys[stop] >> SHIFT
            stop = int(np.searchsorted(keys, citing << SHIFT))
            if stop <= start:
                stop = int(np.searchsorted(keys, (citing + np.uint64(1)) << SHIFT))
        yield keys[start:stop]
        start = stop
