"""TF-IDF of token ids, and the two baselines on it: a linear classifier, and the nearest training texts.

Both see exactly what the LSTM sees: the same training and test patents, the same labels, and as words the same token
ids, cut at the same length, from the same shards.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.calibration import fit_temperature, tempered

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Says = tuple[NDArray[Any], NDArray[np.float32]]
"""Label numbers [n] and probabilities [n, labels]."""

_CANDIDATES = [(loss, strength) for loss in ("modified_huber", "log_loss") for strength in (0.2, 1.0, 5.0)]
_TUNING_TEXTS = 10_000
_NEIGHBOURS = 10
_SIMILARITIES = 2**23  # test texts times training texts worked on at a time: 32 MB


def word_counts(tokens: NDArray[np.int32], words: int) -> csr_matrix:
    """Sparse counts [n, words] of token ids [n, max_tokens]; 0 is padding and is not counted."""
    from scipy.sparse import csr_matrix

    real = tokens > 0
    ends = np.concatenate([[0], real.sum(axis=1).cumsum()])
    counts = csr_matrix((np.ones(ends[-1], np.float32), tokens[real], ends), shape=(len(tokens), words))
    counts.sum_duplicates()
    return counts


class Tfidf:
    """Sublinear term frequency times inverse document frequency, rows of length 1, of the words in at least two training texts."""

    def __init__(self, tokens: NDArray[np.int32], size: int) -> None:
        """Of token ids [n, max_tokens]; `size` is the number of ids, padding included."""
        from sklearn.feature_extraction.text import TfidfTransformer

        counts = word_counts(tokens, size)
        self._size = size
        self.words: NDArray[np.int64] = np.flatnonzero(np.bincount(counts.indices, minlength=size) >= 2)
        """Ids of the words in use."""
        self._weighting = TfidfTransformer(sublinear_tf=True).fit(counts[:, self.words])

    def __call__(self, tokens: NDArray[np.int32]) -> csr_matrix:
        """Features [n, words in use]."""
        counts = word_counts(tokens, self._size)[:, self.words]
        return self._weighting.transform(counts) if len(tokens) else counts


@dataclass
class Linear:
    """One linear separator for each label against the rest; their distances, softened, are the probabilities."""

    tfidf: Tfidf
    classifier: Any
    """None when the training texts have a single label."""
    only_label: int
    labels: int
    temperature: float
    """Of the softmax, learned on the texts kept aside."""
    chosen: str
    """Loss and penalty that did best on the texts kept aside."""
    examples: int

    def __call__(self, tokens: NDArray[np.int32]) -> Says:
        """What it says about texts; a label without training texts has probability 0."""
        probabilities = np.zeros((len(tokens), self.labels), np.float32)
        if self.classifier is None:
            probabilities[:, self.only_label] = 1
        else:
            probabilities[:, self.classifier.classes_] = tempered(
                _softmax(self.classifier, self.tfidf(tokens)), self.temperature
            )
        return probabilities.argmax(axis=1), probabilities


def fit_linear(
    tfidf: Tfidf,
    tokens: NDArray[np.int32],
    truth: NDArray[Any],
    aside: tuple[NDArray[np.int32], NDArray[Any]],
    *,
    labels: int,
    seed: int,
) -> Linear:
    """Fit on token ids [n, max_tokens] and label numbers [n].

    Loss and penalty are chosen by the accuracy on `aside` (the development split; empty: a tenth of the training
    texts), on at most 10,000 texts; then the winner is fitted on all.
    """
    fitted = Linear(tfidf, None, int(truth[0]), labels, 1.0, "a single label", len(truth))
    if len(np.unique(truth)) < 2:
        return fitted
    features = tfidf(tokens)
    kept, other, other_truth = np.arange(len(truth)), tfidf(aside[0]), aside[1]
    if not len(aside[1]):
        mixed = np.random.default_rng(seed).permutation(len(truth))
        tenth = max(1, len(mixed) // 10)
        kept, other, other_truth = mixed[tenth:], features[mixed[:tenth]], truth[mixed[:tenth]]
    kept, other, other_truth = kept[:_TUNING_TEXTS], other[:_TUNING_TEXTS], other_truth[:_TUNING_TEXTS]
    tried = [
        _fit(*candidate, features[kept], truth[kept], seed)
        for candidate in _CANDIDATES
        if len(np.unique(truth[kept])) > 1
    ]
    right = [float((each.predict(other) == other_truth).mean()) for each in tried]
    loss, strength = _CANDIDATES[int(np.argmax(right))] if tried else _CANDIDATES[0]
    fitted.classifier = _fit(loss, strength, features, truth, seed)
    fitted.chosen = f"{loss}, alpha {strength / len(truth):.2g}"
    if tried:
        fitted.temperature = _temperature(tried[int(np.argmax(right))], other, other_truth)
    return fitted


@dataclass
class Nearest:
    """The training texts with the largest cosine similarity: the label of the nearest, the votes of the ten nearest."""

    tfidf: Tfidf
    texts: csr_matrix
    """Features of the training texts, turned [words in use, texts]."""
    truth: NDArray[Any]
    prior: NDArray[np.float64]

    def __call__(self, tokens: NDArray[np.int32]) -> Says:
        """What it says about texts. The prior has the share of one more vote, so that no probability is 0 that need not be."""
        features, at_once = self.tfidf(tokens), max(1, _SIMILARITIES // len(self.truth))
        parts = [
            self._vote((features[start : start + at_once] @ self.texts).toarray())
            for start in range(0, len(tokens), at_once)
        ]
        if not parts:
            return np.zeros(0, np.int64), np.zeros((0, len(self.prior)), np.float32)
        predicted, probabilities = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return predicted, probabilities

    def _vote(self, similarity: NDArray[np.float32]) -> Says:
        count = min(_NEIGHBOURS, len(self.truth))
        near = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        votes = np.tile(self.prior, (len(similarity), 1))
        np.add.at(votes, (np.arange(len(similarity))[:, None], self.truth[near]), 1)
        return self.truth[similarity.argmax(axis=1)], (votes / (count + 1)).astype(np.float32)


def nearest(tfidf: Tfidf, tokens: NDArray[np.int32], truth: NDArray[Any], labels: int) -> Nearest:
    """From token ids [n, max_tokens] and label numbers [n] of the training texts that may be found."""
    shares = np.bincount(truth, minlength=labels) / len(truth)
    return Nearest(tfidf, tfidf(tokens).T.tocsr(), truth, shares)


def _fit(loss: str, strength: float, features: Any, truth: NDArray[Any], seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    classifier = SGDClassifier(
        loss=loss, alpha=strength / len(truth), max_iter=30, tol=1e-3, n_jobs=-1, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 passes are what it gets
        return classifier.fit(features, truth)


def _temperature(classifier: Any, features: Any, truth: NDArray[Any]) -> float:
    known = np.isin(truth, classifier.classes_)
    return fit_temperature(
        _softmax(classifier, features[known]), np.searchsorted(classifier.classes_, truth[known])
    )


def _softmax(classifier: Any, features: Any) -> NDArray[np.float32]:
    """Softmax of the distances to the separators, [n, labels of the classifier]."""
    from scipy.special import softmax

    distances = classifier.decision_function(features)
    if distances.ndim == 1:  # two labels have a single separator
        distances = np.column_stack([-distances, distances]) / 2
    probabilities: NDArray[np.float32] = softmax(distances, axis=1).astype(np.float32)
    return probabilities
