"""Baselines that read no text: the majority class and the class prior; and the names of all baselines."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from patent_spark.metrics.label_sets import LabelSets, constant_ranks, set_scores
from patent_spark.metrics.prediction_records import Predictions, TestPatents

MAJORITY, CLASS_PRIOR = "majority", "class_prior"
TFIDF_LINEAR, TFIDF_NEAREST = "tfidf_linear", "tfidf_nearest"
BASELINES = (MAJORITY, CLASS_PRIOR, TFIDF_NEAREST, TFIDF_LINEAR)
"""From the simplest to the strongest."""
LINEAR_WITH_FEATURES = "tfidf_linear_features"
NETWORK = "network"
CLASSIFIERS = (*BASELINES, LINEAR_WITH_FEATURES, NETWORK)
"""What the model is compared with: the baselines, with features the linear one that reads them too, and of a
combined model the network alone."""
NAMES = {
    NETWORK: "network alone",
    MAJORITY: "majority class",
    CLASS_PRIOR: "class prior",
    TFIDF_NEAREST: "TF-IDF nearest",
    TFIDF_LINEAR: "TF-IDF + linear",
    LINEAR_WITH_FEATURES: "TF-IDF, features + linear",
}
DESCRIPTIONS = {
    NETWORK: "the network without the linear model that it is combined with, calibrated by a temperature of "
    "its own. The linear model alone is the baseline",
    LINEAR_WITH_FEATURES: "the same linear classifier on the features of the model beside TF-IDF. What it is "
    "better by than TF-IDF + linear is what the features add",
    TFIDF_LINEAR: "TF-IDF of the same tokens (sublinear term frequency, words in at least two texts) and a "
    "linear classifier",
    TFIDF_NEAREST: "the label of the training text with the largest cosine similarity of TF-IDF. "
    "Probabilities are the votes of the ten nearest",
    CLASS_PRIOR: "a label drawn with the shares of the training patents. Its metrics are expectations",
    MAJORITY: "always the most frequent label of the training patents",
}
"""What the report says of each, in its order."""


def majority(training: NDArray[np.int64], prior: Predictions) -> Predictions:
    """Always the most frequent label of the training patents, with probability 1.

    The other labels follow in the order of their frequency, as in `prior`, the class_prior() of the same
    patents. training: training patents of each label.
    """
    patents = prior.patents
    certain = _constant(np.eye(len(patents.labels))[int(np.argmax(training))], patents)
    return dataclasses.replace(certain, in_top3=prior.in_top3, in_top5=prior.in_top5, sets=prior.sets)


def class_prior(
    training: NDArray[np.int64], patents: TestPatents, sets: LabelSets | None = None
) -> Predictions:
    """A label drawn from the shares of the labels in the training patents, which are its probabilities.

    training: training patents of each label. sets: all labels of the patents, where they have several.
    """
    shares = training / training.sum()
    found = None
    if sets is not None:
        found = set_scores(sets, constant_ranks(np.argsort(-training, kind="stable"), sets))
    return dataclasses.replace(_constant(shares, patents), label_shares=shares, sets=found)


def _constant(probabilities: NDArray[np.float64], patents: TestPatents) -> Predictions:
    """The same probabilities [labels] for each patent; computed once for each true label."""
    count = len(patents.labels)
    of_labels = np.tile(probabilities.astype(np.float32), (count, 1))
    labels = TestPatents(
        keys=np.zeros(count, np.int64),
        family=np.zeros(count, np.int64),
        cpc_class=np.zeros(count, "S3"),
        split=np.zeros(count, np.int16),
        truth=np.arange(count, dtype=np.int16),
        splits=patents.splits,
        labels=patents.labels,
    )
    by_label = Predictions.from_probabilities(labels, of_labels)
    return dataclasses.replace(by_label.take(patents.truth), patents=patents)
