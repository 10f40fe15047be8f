"""Two baselines on TF-IDF of token ids: a linear classifier, and the nearest training texts.

Both use exactly what the LSTM uses: patents, labels and token ids of the same shards.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.progress import Progress
from patent_spark.inference.linear_model import LinearModel
from patent_spark.metrics.baselines import LINEAR_WITH_FEATURES, NAMES, TFIDF_LINEAR
from patent_spark.metrics.calibration import fit_temperature
from patent_spark.stages.evaluate.examples import Block

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import SGDClassifier

LabelProbabilities = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Predicted label numbers [n] and probabilities [n, labels]."""

_CANDIDATES = [(loss, strength) for loss in ("modified_huber", "log_loss") for strength in (0.2, 1.0, 5.0)]
_TUNING_TEXTS = 10_000
_NEIGHBOURS = 10
_SIMILARITIES = 2**23  # pairs of test and training text at a time: 32 MB


def word_counts(tokens: NDArray[np.int32], words: int) -> csr_matrix:
    """Sparse counts [n, words] of token ids [n, max_tokens]; 0 is padding and does not count."""
    from scipy.sparse import csr_matrix

    real = tokens > 0
    ends = np.concatenate([[0], real.sum(axis=1).cumsum()])
    counts = csr_matrix((np.ones(ends[-1], np.float32), tokens[real], ends), shape=(len(tokens), words))
    counts.sum_duplicates()
    return counts


class Tfidf:
    """TF-IDF features of words in two training texts or more: sublinear frequency, rows of length 1."""

    def __init__(self, tokens: NDArray[np.int32], size: int) -> None:
        """Fit to token ids [n, max_tokens]; `size` is the number of ids, padding included."""
        from sklearn.feature_extraction.text import TfidfTransformer

        counts = word_counts(tokens, size)
        self.size = size
        """Number of ids, padding included."""
        self.words: NDArray[np.int64] = np.flatnonzero(np.bincount(counts.indices, minlength=size) >= 2)
        """Ids of the words in use."""
        self._weighting = TfidfTransformer(sublinear_tf=True).fit(counts[:, self.words])

    @property
    def idf(self) -> NDArray[np.float32]:
        """[ids]: the inverse document frequency of each word in use, else 0."""
        values = np.zeros(self.size, np.float32)
        values[self.words] = self._weighting.idf_
        return values

    def __call__(self, tokens: NDArray[np.int32]) -> csr_matrix:
        """Features [n, words in use]."""
        counts = word_counts(tokens, self.size)[:, self.words]
        return self._weighting.transform(counts) if len(tokens) else counts


@dataclass(frozen=True)
class LinearBaseline:
    """One-vs-rest linear classifiers.

    Probabilities are the softmax of their distances at a temperature that was fitted on the development
    texts.
    """

    model: LinearModel
    chosen: str
    """Loss and penalty that were best on the development texts."""
    examples: int

    def __call__(
        self, tokens: NDArray[np.int32], features: NDArray[np.float32] | None = None
    ) -> LabelProbabilities:
        """Predictions for texts; a label without training texts has probability 0."""
        probabilities = self.model.probabilities(tokens, features)
        return probabilities.argmax(axis=1), probabilities


@dataclass(frozen=True)
class _Inputs:
    """What a linear classifier reads: TF-IDF, and features scaled to a mean length of 1 too."""

    tfidf: Tfidf
    scale: float
    """Of the features; 0: they are not read."""

    def __call__(self, block: Block) -> csr_matrix:
        from scipy.sparse import csr_matrix, hstack

        words = self.tfidf(block.tokens)
        return hstack([words, csr_matrix(block.features * self.scale)], "csr") if self.scale else words


def _inputs(tfidf: Tfidf, training: Block, features: bool) -> _Inputs:
    length = float(np.sqrt((training.features**2).sum(axis=1).mean())) if features else 0.0
    return _Inputs(tfidf, 1 / length if length else 0.0)


def fit_linear(
    tfidf: Tfidf, training: Block, development: Block, *, labels: int, seed: int, features: bool = False
) -> LinearBaseline:
    """Fit the linear baseline to training texts, with `features` also to what is known beside them.

    Loss and penalty are chosen by accuracy on at most 10,000 development texts, or on a tenth of the training
    texts if there are none, after fits to at most 10,000 texts. The winner is then fitted to all.
    """
    truth = training.truth
    if len(np.unique(truth)) < 2:
        return LinearBaseline(_single_label(tfidf, int(truth[0]), labels), "a single label", len(truth))
    inputs = _inputs(tfidf, training, features)
    read = inputs(training)
    kept, other, other_truth = np.arange(len(truth)), inputs(development), development.truth
    if not len(other_truth):
        mixed = np.random.default_rng(seed).permutation(len(truth))
        tenth = max(1, len(mixed) // 10)
        kept, other, other_truth = mixed[tenth:], read[mixed[:tenth]], truth[mixed[:tenth]]
    kept, other, other_truth = kept[:_TUNING_TEXTS], other[:_TUNING_TEXTS], other_truth[:_TUNING_TEXTS]
    candidates = _CANDIDATES if len(np.unique(truth[kept])) > 1 else []
    tried = []
    name = NAMES[LINEAR_WITH_FEATURES if features else TFIDF_LINEAR]
    with Progress(name, total=len(candidates) + 1, unit="fits") as progress:
        for candidate in candidates:
            tried.append(_fit(*candidate, read[kept], truth[kept], seed))
            progress.update(1)
        best = int(np.argmax([float((each.predict(other) == other_truth).mean()) for each in tried] or [0]))
        loss, strength = _CANDIDATES[best]
        temperature = _temperature(tried[best], other, other_truth) if tried else 1.0
        classifier = _fit(loss, strength, read, truth, seed)
        progress.update(1)
    model = _linear_model(inputs, classifier, labels, temperature)
    return LinearBaseline(model, f"{loss}, alpha {strength / len(truth):.2g}", len(truth))


def _linear_model(inputs: _Inputs, classifier: SGDClassifier, labels: int, temperature: float) -> LinearModel:
    """A classifier of these inputs, its distances divided by the temperature."""
    tfidf = inputs.tfidf
    planes, distances = classifier.coef_, classifier.intercept_
    if len(planes) == 1:  # two labels have a single plane
        planes, distances = np.vstack([-planes, planes]) / 2, np.concatenate([-distances, distances]) / 2
    weights = np.zeros((tfidf.size, labels), np.float16)
    of_words, of_features = np.split(planes.T / temperature, [len(tfidf.words)])
    weights[np.ix_(tfidf.words, classifier.classes_)] = of_words
    feature_weights = None
    if inputs.scale:
        feature_weights = np.zeros((len(of_features), labels), np.float32)
        feature_weights[:, classifier.classes_] = of_features * inputs.scale
    intercepts = np.full(labels, -np.inf, np.float32)
    intercepts[classifier.classes_] = distances / temperature
    return LinearModel(tfidf.idf, weights, intercepts, feature_weights)


def _single_label(tfidf: Tfidf, label: int, labels: int) -> LinearModel:
    intercepts = np.full(labels, -np.inf, np.float32)
    intercepts[label] = 0
    return LinearModel(tfidf.idf, np.zeros((tfidf.size, labels), np.float16), intercepts)


@dataclass
class NearestBaseline:
    """The training texts with the largest cosine similarity.

    It predicts the label of the nearest text; probabilities are the votes of the ten nearest.
    """

    tfidf: Tfidf
    texts: csr_matrix
    """Features of the training texts, transposed: [words in use, texts]."""
    truth: NDArray[np.int64]
    prior: NDArray[np.float64]
    chosen: None = None

    @property
    def examples(self) -> int:
        """Training texts."""
        return len(self.truth)

    def __call__(
        self, tokens: NDArray[np.int32], features: NDArray[np.float32] | None = None
    ) -> LabelProbabilities:
        """Predictions for texts. The prior counts as one more vote, so that few probabilities are 0."""
        words, at_once = self.tfidf(tokens), max(1, _SIMILARITIES // len(self.truth))
        parts = [
            self._vote((words[start : start + at_once] @ self.texts).toarray())
            for start in range(0, len(tokens), at_once)
        ]
        if not parts:
            return np.zeros(0, np.int64), np.zeros((0, len(self.prior)), np.float32)
        predicted, probabilities = zip(*parts, strict=True)
        return np.concatenate(predicted), np.concatenate(probabilities)

    def _vote(self, similarity: NDArray[np.float32]) -> LabelProbabilities:
        count = min(_NEIGHBOURS, len(self.truth))
        near = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
        votes = np.tile(self.prior, (len(similarity), 1))
        np.add.at(votes, (np.arange(len(similarity))[:, None], self.truth[near]), 1)
        return self.truth[similarity.argmax(axis=1)], (votes / (count + 1)).astype(np.float32)


def fit_nearest(tfidf: Tfidf, training: Block, labels: int) -> NearestBaseline:
    """The nearest-text baseline on these training texts."""
    shares = np.bincount(training.truth, minlength=labels) / len(training.truth)
    return NearestBaseline(tfidf, tfidf(training.tokens).T.tocsr(), training.truth, shares)


def _fit(
    loss: str, strength: float, features: csr_matrix, truth: NDArray[np.int64], seed: int
) -> SGDClassifier:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    classifier = SGDClassifier(
        loss=loss, alpha=strength / len(truth), max_iter=30, tol=1e-3, n_jobs=-1, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # max_iter is the budget
        return classifier.fit(features, truth)


def _temperature(classifier: SGDClassifier, features: csr_matrix, truth: NDArray[np.int64]) -> float:
    known = np.isin(truth, classifier.classes_)
    return fit_temperature(
        _softmax(classifier, features[known]), np.searchsorted(classifier.classes_, truth[known])
    )


def _softmax(classifier: SGDClassifier, features: csr_matrix) -> NDArray[np.float32]:
    """Softmax of the distances to the separating planes, [n, labels of the classifier]."""
    from scipy.special import softmax

    distances = classifier.decision_function(features)
    if distances.ndim == 1:  # two labels have a single plane
        distances = np.column_stack([-distances, distances]) / 2
    probabilities: NDArray[np.float32] = softmax(distances, axis=1).astype(np.float32)
    return probabilities
