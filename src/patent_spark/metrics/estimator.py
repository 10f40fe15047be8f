"""The metrics of one classifier on some of the test patents, for any weights of the patents.

Every metric follows from sums of weights over patents: by true label, by predicted label, by cell of the
ranking. The sums are the rows of one sparse matrix, so that a batch of weightings is one matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.schemas import TOP1
from patent_spark.metrics import classification
from patent_spark.metrics.classification import Floats, LabelCounts
from patent_spark.metrics.label_sets import CUTS, SetScores
from patent_spark.metrics.prediction_records import TOP, Predictions
from patent_spark.metrics.ranking import Ranking, ranking_metrics

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_OF_SETS = (
    "labels",
    *(f"precision_at_{cut}" for cut in CUTS),
    *(f"recall_at_{cut}" for cut in CUTS),
    "ranking_precision",
)
"""Metrics of all codes of a patent, in the order of their rows."""

Entries = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""Rows, columns and values of entries of a sparse matrix."""


class MetricEstimator:
    """One classifier on the patents in `chosen`, which are rows of all test patents."""

    def __init__(self, predictions: Predictions, chosen: NDArray[np.int64], fixed_precision: float) -> None:
        patents = predictions.patents
        self._labels, self._fixed_precision = patents.labels, fixed_precision
        self._label_shares = predictions.label_shares
        self._ordered = TOP1 in self._labels
        self._names: dict[str, slice] = {}
        self._entries: list[Entries] = []
        self._rows = 0
        self._add_label_counts(predictions, chosen)
        if len(predictions.in_top3):
            self._add("top3", 1, 0, chosen[predictions.in_top3[chosen]])
        self._add("top5", 1, 0, chosen[predictions.in_top5[chosen]])
        if predictions.sets is not None:
            self._add_sets(predictions.sets.take(chosen), chosen)
        self._add("squared_error", 1, 0, chosen, predictions.squared_error[chosen])
        if self._ordered:
            self._add_levels(predictions, chosen)
        self._matrix = self._assembled(len(patents))

    def __call__(self, weights: NDArray[np.float32] | NDArray[np.float64]) -> dict[str, Floats]:
        """Metrics by name, [weightings], those of each label [labels, weightings].

        weights: [test patents, weightings]. Metrics of top1 begin with `top1.`, those of each label with
        `per_class.`.
        """
        sums = (self._matrix @ weights).astype(np.float64)
        parts = {name: sums[rows] for name, rows in self._names.items()}
        counts = self._label_counts(parts)
        p, r, f = classification.precision(counts), classification.recall(counts), classification.f1(counts)
        metrics = {"accuracy": classification.accuracy(counts)}
        for name, values in (("f1", f), ("precision", p), ("recall", r)):
            metrics |= {
                f"macro_{name}": classification.macro(counts, values),
                f"weighted_{name}": classification.weighted(counts, values),
            }
        metrics["brier"] = classification.ratio(parts["squared_error"][0], counts.patents)
        if len(self._labels) > TOP:
            if "top3" in parts:
                metrics["top3_accuracy"] = classification.ratio(parts["top3"][0], counts.patents)
            metrics["top5_accuracy"] = classification.ratio(parts["top5"][0], counts.patents)
        if "sets" in parts:
            means = classification.ratio(parts["sets"], counts.patents)
            metrics |= {f"all_codes.{name}": mean for name, mean in zip(_OF_SETS, means, strict=True)}
        if self._ordered:
            metrics["kappa"] = classification.quadratic_kappa(counts, self._squared_steps(parts))
            top1 = self._labels.index(TOP1)
            metrics |= {"top1.precision": p[top1], "top1.recall": r[top1], "top1.f1": f[top1]}
            ranked = ranking_metrics(parts["cells"], parts["steps"], self._fixed_precision)
            metrics |= {f"top1.{name}": values for name, values in ranked.items()}
            metrics["top1.brier"] = classification.ratio(parts["top1_squared_error"][0], counts.patents)
        of_labels: dict[str, Floats] = {
            "precision": p,
            "recall": r,
            "f1": f,
            "support": np.asarray(counts.true, np.float64),
        }
        return metrics | {f"per_class.{name}": values for name, values in of_labels.items()}

    def _label_counts(self, parts: Mapping[str, Floats]) -> LabelCounts:
        """Patents by label; expectations for a label that is drawn at random."""
        true = parts["true"]
        if self._label_shares is None:
            return LabelCounts(true, parts["predicted"], parts["correct"])
        shares = self._label_shares[:, None]
        return LabelCounts(true, shares * true.sum(axis=0), shares * true)

    def _squared_steps(self, parts: Mapping[str, Floats]) -> Floats:
        """The sum over patents of the squared steps between the true and the predicted level."""
        if self._label_shares is None:
            steps: Floats = parts["squared_steps"][0]
            return steps
        true = parts["true"]
        expected: Floats = classification.squared_steps(len(true)) @ self._label_shares[:, None]
        total: Floats = (true * expected).sum(axis=0)
        return total

    def _add_label_counts(self, predictions: Predictions, chosen: NDArray[np.int64]) -> None:
        count = len(self._labels)
        true = predictions.patents.truth[chosen].astype(np.int64)
        self._add("true", count, true, chosen)
        if self._label_shares is None:
            predicted = predictions.predicted[chosen].astype(np.int64)
            correct = true == predicted
            self._add("predicted", count, predicted, chosen)
            self._add("correct", count, true[correct], chosen[correct])

    def _add_sets(self, sets: SetScores, chosen: NDArray[np.int64]) -> None:
        """What is averaged over patents that have several labels."""
        size = sets.size[:, None].astype(np.float64)
        shares = [
            size,
            sets.found / np.array(CUTS),
            classification.ratio(sets.found.astype(np.float64), size),
            sets.ranking_precision[:, None],
        ]
        values = np.concatenate(shares, axis=1).T
        row, place = np.indices(values.shape)
        self._add("sets", len(values), row.ravel(), chosen[place.ravel()], values.ravel())

    def _add_levels(self, predictions: Predictions, chosen: NDArray[np.int64]) -> None:
        """What only ordered labels have: steps between levels, and the ranking of the patents by top1."""
        true = predictions.patents.truth[chosen].astype(np.int64)
        steps = (true - predictions.predicted[chosen].astype(np.int64)).astype(np.float64)
        self._add("squared_steps", 1, 0, chosen, steps**2)
        positive, score = true == self._labels.index(TOP1), predictions.top1_probability[chosen]
        ranking = Ranking(positive, score)
        self._add("cells", ranking.cells, ranking.cell, chosen)
        self._add("steps", ranking.steps, ranking.step, chosen[positive])
        self._add("top1_squared_error", 1, 0, chosen, (score - positive) ** 2)

    def _add(
        self,
        name: str,
        rows: int,
        row: NDArray[np.int64] | int,
        column: NDArray[np.int64],
        values: Floats | NDArray[np.float32] | float = 1.0,
    ) -> None:
        """Add rows to the matrix: at (row, column) the value with which a patent's weight counts there."""
        self._names[name] = slice(self._rows, self._rows + rows)
        shape = column.shape
        self._entries.append(
            (np.broadcast_to(self._rows + row, shape), column, np.broadcast_to(values, shape))
        )
        self._rows += rows

    def _assembled(self, patents: int) -> csr_matrix:
        from scipy.sparse import csr_matrix

        row, column, value = (np.concatenate(arrays) for arrays in zip(*self._entries, strict=True))
        self._entries.clear()
        return csr_matrix((value.astype(np.float32), (row, column)), shape=(self._rows, patents))
