"""What a model must beat: the majority class, the class prior, and TF-IDF with a linear model.

All three see exactly what the LSTM sees: the same training and test patents, the same labels, and as words the same
token ids, cut at the same length, from the same shards.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MAJORITY, CLASS_PRIOR, TFIDF_LINEAR = "majority", "class_prior", "tfidf_linear"
ABOUT = {
    MAJORITY: "always the most frequent label of the training patents",
    CLASS_PRIOR: "labels drawn from the shares in the training patents; figures by expectation, no draw is made",
    TFIDF_LINEAR: "TF-IDF of the same tokens (sublinear term frequency, words in at least two texts) and a linear classifier",
}

_CANDIDATES = [(loss, strength) for loss in ("modified_huber", "log_loss") for strength in (0.2, 1.0, 5.0)]
_TUNING_TEXTS = 10_000
_NEVER = -1e9  # finite: curves are drawn from these scores


def majority_matrix(training: NDArray[Any], test: NDArray[Any]) -> NDArray[Any]:
    """Confusion matrix of always predicting the most frequent training label; both inputs are counts by label."""
    matrix = np.zeros((len(test), len(test)), dtype=np.int64)
    matrix[:, int(np.argmax(training))] = test
    return matrix


def prior_matrix(training: NDArray[Any], test: NDArray[Any]) -> NDArray[np.float64]:
    """Expected confusion matrix of drawing each prediction from the training shares; both inputs are counts by label."""
    return np.outer(test, training / training.sum())


def word_counts(tokens: NDArray[np.int32], words: int) -> csr_matrix:
    """Sparse counts [n, words] of token ids [n, max_tokens]; 0 is padding and is not counted."""
    from scipy.sparse import csr_matrix

    real = tokens > 0
    ends = np.concatenate([[0], real.sum(axis=1).cumsum()])
    counts = csr_matrix((np.ones(ends[-1], np.float32), tokens[real], ends), shape=(len(tokens), words))
    counts.sum_duplicates()
    return counts


@dataclass
class TfidfLinear:
    """A bag of words, weighted by TF-IDF, and one linear separator for each label against the rest."""

    words: NDArray[np.int64]
    """Ids of the words in use."""
    weighting: Any
    classifier: Any
    """None when the training texts have a single label."""
    only_label: int
    labels: int
    size: int
    chosen: str
    """Loss and penalty that did best on the texts kept aside."""
    examples: int

    def scores(self, tokens: NDArray[np.int32]) -> NDArray[np.float32]:
        """Scores [n, labels]; a label without training texts has one that is lower than all others."""
        scores = np.full((len(tokens), self.labels), _NEVER, np.float32)
        if self.classifier is None:
            scores[:, self.only_label] = 0.0
            return scores
        known = self.classifier.classes_
        decision = self.classifier.decision_function(self.weighting.transform(word_counts(tokens, self.size)[:, self.words]))
        scores[:, known] = np.column_stack([-decision, decision]) if len(known) == 2 else decision
        return scores


def fit_tfidf_linear(
    tokens: NDArray[np.int32],
    truth: NDArray[Any],
    aside: tuple[NDArray[np.int32], NDArray[Any]],
    *,
    labels: int,
    size: int,
    seed: int,
) -> TfidfLinear:
    """Fit on token ids [n, max_tokens] and label numbers [n].

    Loss and penalty are chosen by the accuracy on `aside` (the development split; empty: a tenth of the training
    texts), on at most 10,000 texts; then the winner is fitted on all. `size` is the number of ids, padding included.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    counts = word_counts(tokens, size)
    words = np.flatnonzero(np.bincount(counts.indices, minlength=size) >= 2)
    counts = counts[:, words]
    weighting = TfidfTransformer(sublinear_tf=True).fit(counts)
    fitted = TfidfLinear(words, weighting, None, int(truth[0]), labels, size, "a single label", len(truth))
    if len(np.unique(truth)) < 2:
        return fitted
    features = weighting.transform(counts)
    if len(aside[1]):
        loss, strength = _choose(features, truth, weighting.transform(word_counts(aside[0], size)[:, words]), aside[1], seed)
    else:
        kept = np.random.default_rng(seed).permutation(len(truth))
        tenth = max(1, len(kept) // 10)
        loss, strength = _choose(features[kept[tenth:]], truth[kept[tenth:]], features[kept[:tenth]], truth[kept[:tenth]], seed)
    fitted.classifier = _fit(loss, strength, features, truth, seed)
    fitted.chosen = f"{loss}, alpha {strength / len(truth):.2g}"
    return fitted


def _choose(features: Any, truth: NDArray[Any], other: Any, other_truth: NDArray[Any], seed: int) -> tuple[str, float]:
    features, truth = features[:_TUNING_TEXTS], truth[:_TUNING_TEXTS]
    other, other_truth = other[:_TUNING_TEXTS], other_truth[:_TUNING_TEXTS]
    if len(np.unique(truth)) < 2:
        return _CANDIDATES[0]

    def right(candidate: tuple[str, float]) -> float:
        fitted = _fit(*candidate, features, truth, seed)
        return float((fitted.predict(other) == other_truth).mean())

    return max(_CANDIDATES, key=right)


def _fit(loss: str, strength: float, features: Any, truth: NDArray[Any], seed: int) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import SGDClassifier

    classifier = SGDClassifier(loss=loss, alpha=strength / len(truth), max_iter=30, tol=1e-3, n_jobs=-1, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 30 passes are what it gets
        return classifier.fit(features, truth)
