"""The average of a text's word vectors, in which frequent words weigh less.

A word that makes up the share p of all words has the weight a / (a + p): smooth inverse frequency, with which
an average is a strong baseline for the meaning of a text (Arora et al. 2017).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.core.word_vectors import unit_rows

SMOOTHING = 1e-3
_WORDS, _VECTORS = "words.txt", "word_vectors.npy"


class WordAverage:
    """Texts as weighted averages of word vectors; reads the files that `write` made."""

    def __init__(self, folder: Path) -> None:
        self._words = (folder / _WORDS).read_text().splitlines()
        self._vectors: NDArray[np.float32] = np.load(folder / _VECTORS, mmap_mode="r")

    @staticmethod
    def write(
        folder: Path, words: Sequence[str], counts: Sequence[int], vectors: NDArray[np.float32]
    ) -> None:
        """Write words and their weighted vectors [words, dimensions]."""
        share = np.asarray(counts, np.float64) / max(sum(counts), 1)
        weights = (SMOOTHING / (SMOOTHING + share)).astype(np.float32)
        (folder / _WORDS).write_text("\n".join(words) + "\n")
        np.save(folder / _VECTORS, unit_rows(vectors) * weights[:, None])

    @cached_property
    def identity(self) -> str:
        """Digest of the words and their vectors."""
        content = hashlib.sha256("\n".join(self._words).encode())
        content.update(np.ascontiguousarray(self._vectors).tobytes())
        return content.hexdigest()[:16]

    def text_of(self, fields: Mapping[str, str]) -> str:
        """The text that it reads of a title, an abstract, ...: all parts; their order does not matter."""
        return " ".join(fields.values())

    def vectors(self, texts: pa.ListArray) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """float32 [n, dimensions] of texts as lists of words, and how many words of each have a vector."""
        from scipy.sparse import csr_matrix

        ids = pc.index_in(texts.flatten().cast(pa.string()), pa.array(self._words, pa.string()))
        rows = np.repeat(np.arange(len(texts)), pc.fill_null(pc.list_value_length(texts), 0).to_numpy())
        has_vector = np.asarray(ids.is_valid())
        rows, ids = rows[has_vector], ids.drop_null().to_numpy()
        known = np.bincount(rows, minlength=len(texts))
        shape = (len(texts), len(self._words))
        words = csr_matrix((np.ones(len(ids), np.float32), (rows, ids)), shape=shape)
        sums = words @ self._vectors
        return np.asarray(sums / np.maximum(known, 1)[:, None], np.float32), known
