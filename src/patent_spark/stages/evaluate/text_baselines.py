"""The baselines that read texts. A new one has a file of its own and a line in `by_name`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from patent_spark.config import Evaluate
from patent_spark.metrics.baselines import TFIDF_LINEAR, TFIDF_NEAREST
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

    def __call__(self, tokens: NDArray[np.int32]) -> LabelProbabilities:
        """Label numbers [n] and probabilities [n, labels] for token ids [n, max_tokens]."""


@dataclass(frozen=True)
class TextBaselines:
    """All of them, fitted."""

    linear: LinearBaseline
    nearest: NearestBaseline

    @property
    def by_name(self) -> dict[str, TextBaseline]:
        """By name (metrics/baselines.py)."""
        return {TFIDF_LINEAR: self.linear, TFIDF_NEAREST: self.nearest}


def fit_baselines(
    training: Block, development: Block, *, labels: int, vocabulary_size: int, settings: Evaluate
) -> TextBaselines:
    """The baselines, fitted to samples of the training texts."""
    tfidf = Tfidf(training.tokens, vocabulary_size + 1)
    few = training.take(slice(settings.neighbour_examples))
    return TextBaselines(
        linear=fit_linear(tfidf, training, development, labels=labels, seed=settings.seed),
        nearest=fit_nearest(tfidf, few, labels),
    )
