"""How well a ranking of labels finds all labels of a patent, not only the one that is listed first.

Precision and recall among the k most probable labels are those of DeepPatent (Li et al. 2018) and PatentBERT
(Lee and Hsiang 2020). Precision at 1 is the share of patents whose most probable label is any of theirs, "all
categories" of Fall et al. 2003. Label ranking average precision (Tsoumakas, Katakis and Vlahavas 2010) looks
at the whole ranking; without ties it is scikit-learn's label_ranking_average_precision_score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

CUTS = (1, 3, 5)
"""How many of the most probable labels precision and recall look at."""

_PAIRS = 4096  # pairs of a patent and a label whose ranks are found at a time


@dataclass(frozen=True)
class LabelSets:
    """All labels of some patents, as pairs of a patent and a label."""

    patent: NDArray[np.int64]
    """Rows of the patents, ascending."""
    label: NDArray[np.int64]
    """Places among the labels of the task; -1: a label that the task does not have, which none can find."""
    patents: int

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Labels of each patent."""
        return np.bincount(self.patent, minlength=self.patents)


@dataclass(frozen=True)
class SetScores:
    """How a ranking finds the labels of patents: arrays of one row a patent."""

    found: NDArray[np.int16]
    """[patents, CUTS]: labels of the patent among the first of the ranking."""
    size: NDArray[np.int16]
    """Labels of the patent."""
    ranking_precision: NDArray[np.float32]
    """Mean over the patent's labels: the share of labels of the patent among those down to this one."""

    def take(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_] | slice) -> SetScores:
        """Those of some of the patents."""
        return SetScores(self.found[rows], self.size[rows], self.ranking_precision[rows])


def label_sets(codes: pa.ListArray, labels: Sequence[str]) -> LabelSets:
    """Codes of patents, a list for each, as places among the labels."""
    places = pc.fill_null(pc.index_in(codes.flatten(), pa.array(labels, pa.string())), -1)
    sizes = np.asarray(pc.fill_null(pc.list_value_length(codes), 0))
    return LabelSets(np.repeat(np.arange(len(codes)), sizes), np.asarray(places).astype(np.int64), len(codes))


def ranks(probabilities: NDArray[np.floating[Any]], sets: LabelSets) -> NDArray[np.int64]:
    """The rank of each pair's label, from 1, by probabilities [patents, labels].

    Of equally probable labels the first one ranks higher. A label that the task does not have comes last.
    """
    labels = probabilities.shape[1]
    ranked = np.full(len(sets.label), labels + 1, np.int64)
    known = np.flatnonzero(sets.label >= 0)
    for start in range(0, len(known), _PAIRS):
        pairs = known[start : start + _PAIRS]
        label, rows = sets.label[pairs][:, None], probabilities[sets.patent[pairs]]
        own = np.take_along_axis(rows, label, axis=1)
        before = (rows > own) | ((rows == own) & (np.arange(labels) < label))
        ranked[pairs] = 1 + before.sum(axis=1)
    return ranked


def constant_ranks(order: NDArray[np.int64], sets: LabelSets) -> NDArray[np.int64]:
    """The rank of each pair's label in a ranking that is the same for all patents. order: its labels."""
    rank = np.empty(len(order) + 1, np.int64)
    rank[order], rank[-1] = np.arange(1, len(order) + 1), len(order) + 1
    return rank[sets.label]


def set_scores(sets: LabelSets, ranked: NDArray[np.int64]) -> SetScores:
    """The scores of patents whose labels have these ranks; the last rank finds nothing."""
    size = sets.sizes
    found = [np.bincount(sets.patent, ranked <= cut, sets.patents) for cut in CUTS]
    order = np.lexsort([ranked, sets.patent])
    first = np.cumsum(size) - size
    nth = np.arange(1, len(order) + 1) - first[sets.patent]
    precision = np.where(sets.label[order] >= 0, nth / ranked[order], 0.0)
    total = np.bincount(sets.patent, precision, sets.patents)
    return SetScores(
        np.stack(found, axis=1).astype(np.int16),
        size.astype(np.int16),
        (total / np.maximum(1, size)).astype(np.float32),
    )
