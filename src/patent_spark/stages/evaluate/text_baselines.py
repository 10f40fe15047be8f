"""The baselines that read texts. A new one has a file of its own and a line in `by_name`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Evaluate
from patent_spark.metrics.baselines import LINEAR_WITH_FEATURES, TFIDF_LINEAR, TFIDF_NEAREST
from patent_spark.stages.evaluate.examples import Block
from patent_spark.stages.evaluate.tfidf import (
    LabelProbabilities,
    LinearBaseline,
    NearestBaseline,
    Tfidf,
    fit_linear,
    fit_nearest,
)


class TextBaseline(Protocol):
    """A fitted baseline."""

    @property
    def examples(self) -> int:
        """Training texts that it was fitted to."""

    @property
    def chosen(self) -> str | None:
        """Hyperparameters that were chosen on the development texts."""

    def __call__(
        self, tokens: NDArray[np.int32], features: NDArray[np.float32] | None = None
    ) -> LabelProbabilities:
        """Label numbers [n] and probabilities [n, labels] for token ids [n, max_tokens].

        features: [n, width], for a baseline that reads them.
        """


@dataclass(frozen=True)
class TextBaselines:
    """All of them, fitted."""

    linear: LinearBaseline
    nearest: NearestBaseline
    with_features: LinearBaseline | None = None
    """The linear one that reads the features too; None for a task without features."""

    @property
    def by_name(self) -> dict[str, TextBaseline]:
        """By name (metrics/baselines.py)."""
        beside = {LINEAR_WITH_FEATURES: self.with_features} if self.with_features else {}
        return {TFIDF_LINEAR: self.linear, **beside, TFIDF_NEAREST: self.nearest}

    @property
    def strongest(self) -> LinearBaseline:
        """The linear one that knows what the network knows: the other part of a combined model."""
        return self.with_features or self.linear

    @property
    def strongest_name(self) -> str:
        """Its name among `by_name`."""
        return LINEAR_WITH_FEATURES if self.with_features else TFIDF_LINEAR


def fit_baselines(
    training: Block, development: Block, *, labels: int, vocabulary_size: int, settings: Evaluate
) -> TextBaselines:
    """The baselines, fitted to samples of the training texts."""
    tfidf = Tfidf(training.tokens, vocabulary_size + 1)
    few = training.take(slice(settings.neighbour_examples))
    linear = partial(fit_linear, tfidf, training, development, labels=labels, seed=settings.seed)
    return TextBaselines(
        linear=linear(),
        nearest=fit_nearest(tfidf, few, labels),
        with_features=linear(features=True) if training.features.shape[1] else None,
    )
