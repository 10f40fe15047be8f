"""The figures of one predictor on some of the test patents, for any weights of the patents.

Every figure follows from sums of weights over patents: by true label, by predicted label, by cell of the ranking. They
are the rows of one sparse matrix, so that a batch of weightings is one product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.schemas import TOP1
from patent_spark.metrics import classification
from patent_spark.metrics.classification import Floats, Tally
from patent_spark.metrics.ranking import Ranking, ranking_figures

TOP = 5
"""Labels among which the truth is looked for, where there are more."""


@dataclass(frozen=True)
class Said:
    """What a predictor says about patents: arrays of one value a patent, all in the same order."""

    predicted: NDArray[np.int16]
    top5: NDArray[np.bool_]
    """Whether the truth is among the five most probable labels."""
    squares: NDArray[np.float32]
    """Brier score: sum over the labels of (probability - truth) squared."""
    confidence: NDArray[np.float32]
    """Probability of the most probable label."""
    top1: NDArray[np.float32]
    """Probability of `top1`; empty when the task has no such label."""
    drawn_from: NDArray[np.float64] | None = None
    """The shares of the labels, if the label is drawn by chance: its figures are then expectations, no draw is made."""

    def of(self, rows: NDArray[Any]) -> Said:
        """What it says about these patents; a patent can be taken more than once."""
        top1 = self.top1[rows] if len(self.top1) else self.top1
        return Said(
            self.predicted[rows],
            self.top5[rows],
            self.squares[rows],
            self.confidence[rows],
            top1,
            self.drawn_from,
        )


def said(
    truth: NDArray[Any],
    probabilities: NDArray[np.float32],
    labels: list[str],
    predicted: NDArray[Any] | None = None,
) -> Said:
    """From probabilities [n, labels]; predicted: label numbers, when they are not the most probable ones."""
    own = np.take_along_axis(probabilities, truth[:, None].astype(np.int64), axis=1)[:, 0]
    return Said(
        predicted=(probabilities.argmax(axis=1) if predicted is None else predicted).astype(np.int16),
        top5=classification.top_hits(truth, probabilities, TOP),
        squares=(np.einsum("ij,ij->i", probabilities, probabilities) - 2 * own + 1).astype(np.float32),
        confidence=probabilities.max(axis=1, initial=0).astype(np.float32),
        top1=probabilities[:, labels.index(TOP1)].astype(np.float32)
        if TOP1 in labels
        else np.zeros(0, np.float32),
    )


def joined(parts: Sequence[Said]) -> Said:
    """What a predictor says about the patents of all parts, in their order."""
    return Said(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("predicted", "top5", "squares", "confidence", "top1")
        )
    )


class Measure:
    """One predictor on the patents `chosen`, numbers of rows among all test patents."""

    def __init__(
        self,
        words: Said,
        truth: NDArray[Any],
        labels: list[str],
        chosen: NDArray[np.int64],
        fixed_precision: float,
    ) -> None:
        self._labels, self._fixed_precision, self._drawn_from = labels, fixed_precision, words.drawn_from
        self._ordered = TOP1 in labels
        self._names: dict[str, slice] = {}
        self._parts: list[tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = []
        self._rows, count = 0, len(labels)
        true, predicted = truth[chosen].astype(np.int64), words.predicted[chosen].astype(np.int64)
        right = true == predicted
        self._add("true", count, true, chosen)
        if words.drawn_from is None:
            self._add("said", count, predicted, chosen)
            self._add("right", count, true[right], chosen[right])
        self._add("top5", 1, 0, chosen[words.top5[chosen]])
        self._add("squares", 1, 0, chosen, words.squares[chosen])
        if self._ordered:
            self._add("distance", 1, 0, chosen, (true - predicted).astype(np.float64) ** 2)
            positive, score = true == labels.index(TOP1), words.top1[chosen]
            ranking = Ranking(positive, score)
            self._add("cells", ranking.cells, ranking.cell, chosen)
            self._add("steps", ranking.steps, ranking.step, chosen[positive])
            self._add("top1_squares", 1, 0, chosen, (score - positive) ** 2)
        self._matrix = self._assembled(len(truth))

    def __call__(self, weights: NDArray[Any]) -> dict[str, Floats]:
        """Figures by dotted name, [weightings], those of each label [labels, weightings]; weights [test patents, weightings]."""
        sums = (self._matrix @ weights).astype(np.float64)
        parts = {name: sums[rows] for name, rows in self._names.items()}
        tally, distance = self._tally(parts)
        p, r, f = classification.precision(tally), classification.recall(tally), classification.f1(tally)
        figures = {"accuracy": classification.accuracy(tally)}
        for name, values in (("f1", f), ("precision", p), ("recall", r)):
            figures |= {
                f"macro_{name}": classification.macro(tally, values),
                f"weighted_{name}": classification.weighted(tally, values),
            }
        figures["brier"] = classification.ratio(parts["squares"][0], tally.patents)
        if len(self._labels) > TOP:
            figures["top5_accuracy"] = classification.ratio(parts["top5"][0], tally.patents)
        if self._ordered:
            figures["kappa"] = classification.quadratic_kappa(tally, distance)
            at = self._labels.index(TOP1)
            figures |= {"top1.precision": p[at], "top1.recall": r[at], "top1.f1": f[at]}
            ranked = ranking_figures(parts["cells"], parts["steps"], self._fixed_precision)
            figures |= {f"top1.{name}": values for name, values in ranked.items()}
            figures["top1.brier"] = classification.ratio(parts["top1_squares"][0], tally.patents)
        return figures | {
            "per_class.precision": p,
            "per_class.recall": r,
            "per_class.f1": f,
            "per_class.support": tally.true,
        }

    def _tally(self, parts: Mapping[str, Floats]) -> tuple[Tally, Floats]:
        """Counts by label and the squared steps between truth and prediction; expectations where labels are drawn by chance."""
        true = parts["true"]
        if self._drawn_from is None:
            return Tally(true, parts["said"], parts["right"]), parts["distance"][
                0
            ] if self._ordered else np.zeros(0)
        shares = self._drawn_from[:, None]
        distance = (true * (classification.squared_steps(len(true)) @ shares)).sum(axis=0)
        return Tally(true, shares * true.sum(axis=0), shares * true), distance

    def _add(self, name: str, rows: int, row: Any, column: NDArray[Any], values: Any = 1.0) -> None:
        """Rows of the matrix: at (row, column) the value with which a patent's weight counts there."""
        self._names[name] = slice(self._rows, self._rows + rows)
        self._parts.append(
            (np.broadcast_to(self._rows + row, column.shape), column, np.broadcast_to(values, column.shape))
        )
        self._rows += rows

    def _assembled(self, patents: int) -> Any:
        from scipy.sparse import csr_matrix

        row, column, value = (np.concatenate(arrays) for arrays in zip(*self._parts, strict=True))
        self._parts.clear()
        return csr_matrix((value.astype(np.float32), (row, column)), shape=(self._rows, patents))
