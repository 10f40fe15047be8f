"""Words and token ids of texts: counts, ids of some patents, and sparse matrices for linear models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
from numpy.typing import NDArray

from patent_spark.core.store import Store

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_COMMON_WORD_SHARE = 0.3
"""Words in more texts than this say little about a label and cost most of the time."""


def count_words(tokens: Path, excluded: NDArray[np.int64]) -> dict[str, int]:
    """Occurrences of each word in the texts of TOKENS, without those of the excluded patents."""
    parts = [pa.table({"word": pa.array([], pa.string()), "count": pa.array([], pa.int64())})]
    for batch in _batches(tokens, ["patent_key", "tokens"]):
        permitted = batch.filter(pa.array(~np.isin(batch["patent_key"].to_numpy(), excluded)))
        words = pc.value_counts(permitted["tokens"].flatten().cast(pa.string()))
        parts.append(pa.table({"word": words.field("values"), "count": words.field("counts")}))
    total = pa.concat_tables(parts).group_by("word").aggregate([("count", "sum")])
    return dict(zip(total["word"].to_pylist(), total["count_sum"].to_pylist(), strict=True))


def total_words(tokens: Path) -> int:
    """Words of all texts of TOKENS."""
    return sum(len(batch["tokens"].flatten()) for batch in _batches(tokens, ["tokens"]))


def token_ids(store: Store, keys: NDArray[np.int64], max_tokens: int) -> NDArray[np.int32]:
    """Token ids [n, max_tokens] of patents, from TOKENS and VOCABULARY. Without text it is all padding."""
    vocabulary = store.read_arrow("VOCABULARY", ["word", "id"])
    ids: dict[str, int] = dict(zip(*vocabulary.to_pydict().values(), strict=True))
    patents, rows = np.unique(keys, return_inverse=True)
    texts = np.zeros((len(patents), max_tokens), np.int32)
    wanted = pc.field("patent_key").isin(pa.array(patents))
    table = store.read_arrow("TOKENS", ["patent_key", "tokens"], where=wanted)
    positions = np.searchsorted(patents, table["patent_key"].to_numpy())
    for position, words in zip(positions, table["tokens"].to_pylist(), strict=True):
        known = [ids[word] for word in words if word in ids][:max_tokens]
        texts[position, : len(known)] = known
    return texts[rows]


def word_counts(tokens: NDArray[np.int32], size: int) -> csr_matrix:
    """Occurrences [n, size] of each id in texts [n, width]."""
    from scipy.sparse import csr_matrix

    real = tokens > 0
    ends = np.r_[0, real.sum(axis=1).cumsum()]
    values = np.ones(int(real.sum()), np.float32)
    matrix = csr_matrix((values, tokens[real], ends), shape=(len(tokens), size))
    matrix.sum_duplicates()
    return matrix


def word_presence(tokens: NDArray[np.int32]) -> csr_matrix:
    """1 where a text has the id, [n, largest id + 1]."""
    matrix = word_counts(tokens, int(tokens.max(initial=0)) + 1)
    matrix.data[:] = 1
    return matrix


def tfidf(training: NDArray[np.int32], test: NDArray[np.int32]) -> tuple[csr_matrix, csr_matrix]:
    """TF-IDF rows of length 1 of training and test texts, fitted on the former. Common words are left out."""
    from sklearn.feature_extraction.text import TfidfTransformer

    size = int(max(training.max(initial=0), test.max(initial=0))) + 1
    fitted_on, applied_to = word_counts(training, size), word_counts(test, size)
    texts = np.bincount(fitted_on.indices, minlength=size)
    kept = np.flatnonzero((texts > 0) & (texts <= _COMMON_WORD_SHARE * len(training)))
    transformer = TfidfTransformer(sublinear_tf=True).fit(fitted_on[:, kept])
    return transformer.transform(fitted_on[:, kept]), transformer.transform(applied_to[:, kept])


def _batches(tokens: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    batches: Iterator[pa.RecordBatch] = pyarrow.dataset.dataset(tokens, format="parquet").to_batches(
        columns=columns
    )
    return batches
