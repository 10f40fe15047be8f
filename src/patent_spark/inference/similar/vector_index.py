"""Vectors in a file, searched by cosine similarity: all of them, or through an HNSW graph.

The only importer of faiss. Vectors have length 1; both kinds of search read the same ones. A graph (Malkov
and Yashunin 2016) answers in milliseconds and can miss a neighbour; an exact search reads every vector that
is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

FLOAT32, FLOAT16 = "float32", "float16"
"""Numbers of a vector as they are kept: settings of `index.precision`."""
_HALF = faiss.ScalarQuantizer.QT_fp16

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Graph:
    """How an HNSW graph is built."""

    links: int
    """M: links of a vector to others; twice as many in the lowest layer."""
    build_width: int
    """efConstruction: candidates that are compared when a vector is added."""


class VectorIndexWriter:
    """Takes vectors block by block and writes them to a file. Needs the memory of all of them."""

    def __init__(
        self, dimensions: int, rows: int, graph: Graph | None, precision: str = FLOAT32, threads: int = 0
    ) -> None:
        """rows: about how many vectors will come; their memory is taken at once, because one that grows
        takes twice its size. threads: 0 = all cores; a graph is reproducible with 1 alone.
        """
        self._threads = threads or faiss.omp_get_max_threads()
        self._index = _flat(dimensions, precision) if graph is None else _hnsw(dimensions, precision, graph)
        flat = self._index if graph is None else faiss.downcast_index(self._index.storage)
        _reserve(flat.codes, rows * flat.code_size)
        if graph is not None:
            _reserve(self._index.hnsw.neighbors, rows * 2 * (graph.links + 1))

    def add(self, vectors: Floats) -> None:
        """Add vectors of length 1, float32 [n, dimensions]; their rows count on from those before."""
        faiss.omp_set_num_threads(self._threads)
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def write(self, path: Path) -> None:
        """Write the file."""
        faiss.write_index(self._index, str(path))


class VectorIndex:
    """The vectors of a file, which stays on disk and is read where a search needs it.

    Searches may run in several threads at once; each uses `threads` cores.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self._index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
        self._threads = threads
        self.has_graph = isinstance(self._index, faiss.IndexHNSW)
        self._all = faiss.downcast_index(self._index.storage) if self.has_graph else self._index

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        """The length of a vector."""
        return int(self._index.d)

    def vector(self, row: int) -> Floats:
        """float32 [dimensions] of a row."""
        return np.asarray(self._all.reconstruct(row), np.float32)

    def exact(self, vectors: Floats, top: int, allowed: Mask | None = None) -> tuple[Floats, Rows]:
        """Similarities and rows [n, top], the nearest first, of n vectors of length 1; row -1 where no
        more rows are allowed. allowed: a mask over the rows.
        """
        return self._search(self._all, vectors, top, faiss.SearchParameters, allowed)

    def by_graph(
        self, vectors: Floats, top: int, width: int, allowed: Mask | None = None
    ) -> tuple[Floats, Rows]:
        """The same, approximately. width: efSearch, candidates that are kept while the graph is searched."""
        return self._search(
            self._index, vectors, top, faiss.SearchParametersHNSW, allowed, efSearch=max(width, top)
        )

    def _search(
        self, index: Any, vectors: Floats, top: int, kind: Any, allowed: Mask | None, **options: int
    ) -> tuple[Floats, Rows]:
        faiss.omp_set_num_threads(self._threads)  # of the calling thread alone
        bits = None if allowed is None else np.packbits(allowed, bitorder="little")
        # The selector reads `bits`, which must live as long as the search.
        parameters = kind(**options) if bits is None else kind(sel=faiss.IDSelectorBitmap(bits), **options)
        similarities, rows = index.search(np.ascontiguousarray(vectors, np.float32), top, params=parameters)
        return similarities, rows


def _flat(dimensions: int, precision: str) -> Any:
    if precision == FLOAT16:
        return faiss.IndexScalarQuantizer(dimensions, _HALF, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexFlatIP(dimensions)


def _hnsw(dimensions: int, precision: str, graph: Graph) -> Any:
    if precision == FLOAT16:
        index = faiss.IndexHNSWSQ(dimensions, _HALF, graph.links, faiss.METRIC_INNER_PRODUCT)
    else:
        index = faiss.IndexHNSWFlat(dimensions, graph.links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = graph.build_width
    return index


def _reserve(values: Any, size: int) -> None:
    """Make room in one of faiss's vectors, which keeps it when it is emptied again."""
    values.resize(size)
    values.resize(0)
