"""A small index with vectors that a test chooses, and an encoder whose vectors are known by hand."""

import datetime
import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.config import Index
from patent_spark.core.files import write_json
from patent_spark.core.metadata import IndexedVectors
from patent_spark.core.patent_ids import patent_ids
from patent_spark.core.store import arrow_schema
from patent_spark.inference.similar.index_folder import IndexFolder
from patent_spark.stages.index.write import write_index

FIRST = 7_000_000
"""The key of row 0; that of row r is FIRST + r."""
DAY = datetime.date(2001, 1, 2)
"""The grant date of row 0; that of row r is r weeks later."""
CLASSES = ("G06", "H04", "A61")
"""The class of row r is the one at r % 3."""


class WordCounts:
    """Counts of the words w0, w1, ... of a text; any other word is unknown."""

    identity = "word-counts"

    def __init__(self, dimensions, identity=identity):
        self._places, self.identity = {f"w{i}": i for i in range(dimensions)}, identity

    def text_of(self, fields):
        return " ".join(fields.values())

    def vectors(self, texts):
        counts = np.zeros((len(texts), len(self._places)), np.float32)
        for row, words in enumerate(texts.to_pylist()):
            for word in words:
                if word in self._places:
                    counts[row, self._places[word]] += 1
        return counts, counts.sum(axis=1).astype(np.int64)


def random_vectors(rows, dimensions=12, seed=1):
    return np.random.default_rng(seed).normal(size=(rows, dimensions)).astype(np.float32)


def patents_of(rows, families=None):
    """Rows as `indexed_texts` gives them; families: row -> family, by default each is one of its own."""
    keys = np.arange(FIRST, FIRST + rows)
    family = [(families or {}).get(row, FIRST + row) for row in range(rows)]
    return pa.table(
        {
            "patent_key": keys,
            "patent_id": patent_ids(pa.array(keys)),
            "family": pa.array(family, pa.int64()),
            "grant_date": pa.array([DAY + datetime.timedelta(weeks=row) for row in range(rows)]),
            "cpc_class": pa.array([CLASSES[row % 3] for row in range(rows)]),
            "citations": pa.array(range(rows), pa.int64()),
            "title": pa.array([f"patent {row}" for row in range(rows)]),
        }
    )


def small_index(folder, vectors, families=None, identity=WordCounts.identity, **settings):
    """An index of these vectors, row r being patent FIRST + r; settings: of `index`."""
    rows, settings = len(vectors), Index(**({"threads": 1, "dimensions": 0} | settings))
    index = IndexFolder(folder / "document")
    index.folder.mkdir(parents=True)
    with pq.ParquetWriter(folder / "table.parquet", arrow_schema("INDEXED_PATENTS")) as table:
        blocks = iter([(patents_of(rows, families), vectors)])
        written = write_index(blocks, "document", index, settings, rows, table)
    about = IndexedVectors(
        vectors="document", identity=identity, model="models:/m/3", model_version="3",
        model_release_id="r1", task="technology", release_id="r2", patents=written.patents,
        without_known_words=0, dimensions=written.dimensions, graph=written.graph,
        search_width=settings.search_width, exact_up_to=settings.exact_up_to, classes=written.classes,
    )  # fmt: skip
    write_json(index.about_file, about.to_json())
    return IndexFolder(index.folder)


def half_whitened(vectors, others):
    """Other vectors as an index of `vectors` compares them, from a singular value decomposition."""
    vectors, mean = vectors.astype(float), vectors.astype(float).mean(axis=0)
    _, values, directions = np.linalg.svd(vectors - mean, full_matrices=False)
    deviations = values / len(vectors) ** 0.5
    return (np.asarray(others, float) - mean) @ directions.T / deviations**0.5


def nearest_by_hand(vectors, query, top, allowed):
    """Rows and cosines, one by one, the nearest first."""
    compared, (asked,) = half_whitened(vectors, vectors), half_whitened(vectors, [query])
    cosines = {
        row: sum(compared[row] * asked) / (sum(compared[row] ** 2) * sum(asked**2)) ** 0.5 for row in allowed
    }
    return sorted(cosines.items(), key=lambda each: -each[1])[:top]


def content_hash(path):
    """Digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
