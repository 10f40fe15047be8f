"""Writes one index: vectors, patents, projection, and its rows of INDEXED_PATENTS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from patent_spark.config import Index
from patent_spark.core.progress import Progress
from patent_spark.core.store import arrow_schema
from patent_spark.inference.similar.encoders import TextEncoder
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.inference.similar.patents import IndexedPatentsWriter
from patent_spark.inference.similar.projection import Projection
from patent_spark.inference.similar.vector_index import Graph, VectorIndexWriter

TABLE = "INDEXED_PATENTS"

_TEXTS_A_STEP = 2048
_SAMPLE = 20_000
"""Patents that the projection is fitted on; the order of patents is random."""

Floats = NDArray[np.float32]
Block = tuple[pa.Table, Floats]
"""Patents, and a vector of each."""


@dataclass(frozen=True)
class Written:
    """What an index turned out to be."""

    patents: int
    dimensions: int
    graph: bool
    classes: tuple[str, ...]


def encoded(patents: Iterable[pa.Table], encoder: TextEncoder, progress: Progress) -> Iterator[Block]:
    """The patents whose `tokens` have a known word, with their vectors."""
    for table in patents:
        vectors, known = _encoded(table["tokens"].combine_chunks(), encoder, progress)
        has_words = known > 0
        yield table.filter(pa.array(has_words)), vectors[has_words]


def _encoded(
    texts: pa.ListArray, encoder: TextEncoder, progress: Progress
) -> tuple[Floats, NDArray[np.int64]]:
    """Vectors of texts and their known words, computed in steps that the progress bar shows."""
    steps = [texts[start : start + _TEXTS_A_STEP] for start in range(0, len(texts), _TEXTS_A_STEP)]
    parts = []
    for step in steps:
        parts.append(encoder.vectors(step))
        progress.update(len(step))
    return np.concatenate([vectors for vectors, _ in parts]), np.concatenate([known for _, known in parts])


def write_index(
    blocks: Iterator[Block],
    kind: str,
    folder: IndexFolder,
    settings: Index,
    most: int,
    table: pq.ParquetWriter,
) -> Written:
    """Write the files of an index but index.json. most: patents that can come; table: INDEXED_PATENTS."""
    sample = _first(blocks, _SAMPLE)
    fitted_on = np.concatenate([vectors for _, vectors in sample])
    if not len(fitted_on):
        return Written(0, 0, False, ())
    projection = Projection.fit(fitted_on, settings.dimensions)
    projection.write(folder.projection_file)
    graph = Graph(settings.links, settings.build_width) if most > settings.exact_up_to else None
    index = VectorIndexWriter(projection.dimensions, most, graph, settings.precision, settings.threads)
    rows = 0
    with IndexedPatentsWriter(folder.patents_file) as file:
        for patents, vectors in chain(sample, blocks):
            index.add(projection(vectors))
            file.write(patents)
            table.write_table(_rows(patents, kind, rows))
            rows += patents.num_rows
    index.write(folder.vectors_file)
    return Written(rows, projection.dimensions, graph is not None, file.classes)


def _first(blocks: Iterator[Block], rows: int) -> list[Block]:
    """The first blocks with together so many rows, or all blocks."""
    taken: list[Block] = []
    while sum(len(vectors) for _, vectors in taken) < rows and (block := next(blocks, None)) is not None:
        taken.append(block)
    return taken


def _rows(patents: pa.Table, kind: str, first: int) -> pa.Table:
    """Rows of INDEXED_PATENTS."""
    row = pa.array(np.arange(first, first + patents.num_rows))
    whole = patents.append_column("row", row).append_column("vectors", pa.repeat(kind, patents.num_rows))
    schema = arrow_schema(TABLE)
    return whole.select(schema.names).cast(schema)
