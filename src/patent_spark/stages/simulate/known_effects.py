"""Releases in which the number of claims and of citations made tell of the citations that a patent receives.

A patent's score is a standard normal of its number of claims and of its place among the citing patents of its
block. Its rank by citations received follows from a mixture of the score and of its own draw, so that the
rank stays uniform. So the chance of each level, given score and text, is known.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.arrays import Floats, Ints
from patent_spark.stages.simulate.citing_skew import CitingSkew
from patent_spark.stages.simulate.forward_counts import ForwardCounts
from patent_spark.stages.simulate.normal import normal_quantiles, normal_shares
from patent_spark.stages.simulate.population import Patents, Population
from patent_spark.stages.simulate.tables import MOST_CLAIMS, claim_counts

BINS = 16
"""Groups of patents by score, of equal size, for the rates of a release."""
_GRID = 4096


class KnownEffects:
    """The effect of what is known at the grant. effect: correlation of the score and the rank; 0: none."""

    def __init__(
        self, population: Population, forward: ForwardCounts, skew: CitingSkew, effect: float, noise: float
    ) -> None:
        self._population, self._forward, self._skew = population, forward, skew
        self.effect, self._noise = effect, noise

    @property
    def bins(self) -> int:
        """Groups by score that the rates tell apart."""
        return BINS if self.effect else 1

    def applied(self, patents: Patents) -> Patents:
        """The patents with ranks that follow their scores; a continuation's is that of its parent."""
        if not self.effect:
            return patents
        own = normal_quantiles(np.clip(patents.rank, 1e-9, 1 - 1e-9))
        mixed = self.effect * self.scores(patents.origin) + np.sqrt(1 - self.effect**2) * own
        return replace(patents, rank=np.clip(normal_shares(mixed), 0, 1 - 1e-12))

    def scores(self, index: Ints) -> Floats:
        """Standard normal scores of patents."""
        of_claims = (claim_counts(self._population.seed, index) - 0.5) / MOST_CLAIMS
        scores: Floats = (normal_quantiles(of_claims) + normal_quantiles(self._skew.shares(index))) / np.sqrt(
            2
        )
        return scores

    def bin_of(self, patents: Patents) -> Ints:
        """The group of each patent."""
        if not self.effect:
            return np.zeros(len(patents.index), np.int64)
        edges = normal_quantiles(np.arange(1, BINS) / BINS)
        groups: Ints = np.searchsorted(edges, self.scores(patents.origin))
        return groups

    def chances(self, patents: Patents, signal: Ints) -> Floats:
        """[patents, levels]: the chance of each level. signal: the level that the text signals."""
        bounds = self._bounds[patents.year, patents.cpc]
        score = self.effect * self.scores(patents.origin)[:, None]
        given_score = _level_shares((bounds - score) / np.sqrt(1 - self.effect**2))
        # With noise the text signals the level of another patent, drawn from those of its year and class.
        by_chance = np.take_along_axis(_level_shares(bounds), signal[:, None], axis=1) * self._noise
        given_level = by_chance + (1 - self._noise) * (np.arange(len(LEVELS)) == signal[:, None])
        joint = given_score * given_level
        return np.asarray(joint / joint.sum(axis=1, keepdims=True))

    @cached_property
    def _bounds(self) -> Floats:
        """[years, classes, 3]: normal quantiles of the ranks at which zerocite, btm90 and top10 end."""
        years, classes = len(self._forward.overall), self._population.class_count
        ranks = (np.arange(_GRID) + 0.5) / _GRID
        bounds = np.empty((years, classes, 3))
        for year in range(years):
            for cpc in range(classes):
                levels = self._forward.levels(ranks, np.full(_GRID, year), np.full(_GRID, cpc))
                ends = np.cumsum(np.bincount(levels, minlength=len(LEVELS))[:0:-1]) / _GRID
                bounds[year, cpc] = normal_quantiles(np.clip(ends, 1e-9, 1 - 1e-9))
        return bounds


def _level_shares(bounds: Floats) -> Floats:
    """[patents, levels]: the share of each level, top1 first, of normal values that these bounds divide."""
    below = normal_shares(bounds.ravel()).reshape(bounds.shape)
    edges = np.column_stack([np.zeros(len(below)), below, np.ones(len(below))])
    shares: Floats = np.diff(edges)[:, ::-1]
    return shares
