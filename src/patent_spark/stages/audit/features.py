"""Token ids: of the words of a text, and as sparse matrices: which words, how often, and weighted by TF-IDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from patent_spark.stages.audit.evidence import Evidence

_COMMON = 0.3  # words in more texts than this tell little and cost most of the time


def coded(evidence: Evidence, keys: NDArray[np.int64]) -> NDArray[np.int32]:
    """Token ids [n, max_tokens] of patents, from TOKENS and VOCABULARY; one without text is all padding."""
    ids = dict(
        zip(*evidence.store.read_arrow("VOCABULARY", ["word", "id"]).to_pydict().values(), strict=True)
    )
    patents, rows = np.unique(keys, return_inverse=True)
    texts = np.zeros((len(patents), evidence.max_tokens), np.int32)
    found = evidence.store.read_arrow(
        "TOKENS", ["patent_key", "tokens"], where=pc.field("patent_key").isin(pa.array(patents))
    )
    for place, words in zip(
        np.searchsorted(patents, found["patent_key"].to_numpy()), found["tokens"].to_pylist(), strict=True
    ):
        known = [ids[word] for word in words if word in ids][: evidence.max_tokens]
        texts[place, : len(known)] = known
    return texts[rows]


def counts(tokens: NDArray[np.int32], size: int) -> csr_matrix:
    """Occurrences [n, size] of the ids in texts [n, width]."""
    from scipy.sparse import csr_matrix

    real = tokens > 0
    found = csr_matrix(
        (np.ones(int(real.sum()), np.float32), tokens[real], np.r_[0, real.sum(axis=1).cumsum()]),
        shape=(len(tokens), size),
    )
    found.sum_duplicates()
    return found


def presence(tokens: NDArray[np.int32]) -> csr_matrix:
    """1 where a text has the id [n, largest id + 1]."""
    found = counts(tokens, int(tokens.max(initial=0)) + 1)
    found.data[:] = 1
    return found


def weighted(learned: NDArray[np.int32], others: NDArray[np.int32]) -> tuple[csr_matrix, csr_matrix]:
    """TF-IDF rows of length 1 of two sets of texts, weights learned from the first; words in most texts are left out."""
    from sklearn.feature_extraction.text import TfidfTransformer

    size = int(max(learned.max(initial=0), others.max(initial=0))) + 1
    one, other = counts(learned, size), counts(others, size)
    texts = np.bincount(one.indices, minlength=size)
    kept = np.flatnonzero((texts > 0) & (texts <= _COMMON * len(learned)))
    weighting = TfidfTransformer(sublinear_tf=True).fit(one[:, kept])
    return weighting.transform(one[:, kept]), weighting.transform(other[:, kept])
