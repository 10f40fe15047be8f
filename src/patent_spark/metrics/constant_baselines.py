"""What a model must beat: the majority class, the class prior, the nearest training text, and TF-IDF with a linear model."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.estimator import Said, said

MAJORITY, CLASS_PRIOR, TFIDF_LINEAR, TFIDF_NEAREST = (
    "majority",
    "class_prior",
    "tfidf_linear",
    "tfidf_nearest",
)
BASELINES = (MAJORITY, CLASS_PRIOR, TFIDF_NEAREST, TFIDF_LINEAR)
NAMES = {
    MAJORITY: "majority class",
    CLASS_PRIOR: "class prior",
    TFIDF_NEAREST: "TF-IDF nearest",
    TFIDF_LINEAR: "TF-IDF + linear",
}
ABOUT = {
    MAJORITY: "always the most frequent label of the training patents",
    CLASS_PRIOR: "labels drawn from the shares in the training patents; figures by expectation, no draw is made",
    TFIDF_NEAREST: "label of the training text with the largest cosine similarity of TF-IDF; probabilities are the votes of the ten nearest",
    TFIDF_LINEAR: "TF-IDF of the same tokens (sublinear term frequency, words in at least two texts) and a linear classifier",
}


def majority(training: NDArray[Any], truth: NDArray[Any], labels: list[str]) -> Said:
    """Always the most frequent training label, with probability 1, and the next ones in their order; training: patents by label."""
    certain = _constant(np.eye(len(labels))[int(np.argmax(training))], truth, labels)
    return dataclasses.replace(certain, top5=class_prior(training, truth, labels).top5)


def class_prior(training: NDArray[Any], truth: NDArray[Any], labels: list[str]) -> Said:
    """The shares of the training patents as probabilities, and a label drawn from them."""
    shares = training / training.sum()
    return dataclasses.replace(_constant(shares, truth, labels), drawn_from=shares)


def _constant(probabilities: NDArray[np.float64], truth: NDArray[Any], labels: list[str]) -> Said:
    """The same probabilities [labels] for each patent: worked out once for each true label."""
    return said(
        np.arange(len(labels)), np.tile(probabilities.astype(np.float32), (len(labels), 1)), labels
    ).of(truth)
