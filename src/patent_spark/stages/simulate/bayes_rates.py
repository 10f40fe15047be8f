"""The Bayes-optimal rates of a simulated release: the best results that any model of its texts can reach.

Only the simulator can know them. They are written to release.json as `bayes_rates`. Those of the citation
level are computed in level_rates.
"""

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict

from patent_spark.stages.simulate.lexicon import Lexicon
from patent_spark.stages.simulate.population import Population


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TechnologyRates(_Record):
    """Accuracy of the best classifier of the CPC class."""

    accuracy: float
    bag_of_words_accuracy: float
    """Of the best classifier that ignores word order."""
    order_share: float
    """Share of patents in classes that only word order tells apart."""


class LevelRates(_Record):
    """Results of the best classifier of the citation level."""

    accuracy: float
    top1_average_precision: float


class YearlyLevelRates(LevelRates):
    """The same over all grant years and for each of them."""

    by_year: dict[str, LevelRates]


class CitationLevelRates(YearlyLevelRates):
    """Results for labels by the default rule: percentiles of each class and grant year."""

    class_reference_set: YearlyLevelRates
    """For percentiles of each class over all grant years."""
    posterior: dict[str, dict[str, float]]
    """Probability of each level given the level signal of a text."""
    patents: int
    """Patents with a level."""


class BayesRates(_Record):
    """Results of the Bayes-optimal classifier of each task."""

    technology: TechnologyRates
    citation_level: CitationLevelRates


def technology_rates(population: Population, lexicon: Lexicon, noise: float) -> TechnologyRates:
    """Bayes rates of the class given the class that a text signals, and given its keywords alone.

    A text signals its own class, or with probability `noise` one drawn from the prior p. So a text of class
    t comes from class c with weight p_c ((1 - noise) [t = c] + noise p_t). The best prediction has the
    largest weight. Without word order the two classes of a pair look the same, so the weights of their
    texts are added.
    """
    shares = population.shares
    weights = shares[:, None] * ((1 - noise) * np.eye(len(shares)) + noise * shares[None, :])
    groups = np.zeros_like(weights)
    np.add.at(groups.T, lexicon.group, weights.T)
    paired = sum(float(shares[one] + shares[two]) for one, two in lexicon.pairs)
    return TechnologyRates(
        accuracy=float(weights.max(axis=0).sum()),
        bag_of_words_accuracy=float(groups.max(axis=0).sum()),
        order_share=paired,
    )
