"""Whether probabilities mean what they say: reliability in bins that hold equally many patents, before and after the temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.evaluation.measures import Said

BINS = 10


@dataclass(frozen=True)
class Temperature:
    """How a task's probabilities are calibrated (see serving.calibration), as CALIBRATION holds it."""

    temperature: float
    """1 leaves the probabilities as they are."""
    learned_on: str | None
    """The split; None when there was none to learn from."""
    patents: int


def reliability(before: Said, after: Said, truth: NDArray[Any], top1: int | None) -> dict[str, Any]:
    """Reliability of the most probable label and, at the citation level, of `top1` (its label number)."""
    found = {}
    for name, words in (("before", before), ("after", after)):
        found[name] = bins_of(words.confidence, words.predicted == truth)
        if top1 is not None:
            found[name]["top1"] = bins_of(words.top1, truth == top1)
    return found


def bins_of(probability: NDArray[Any], happened: NDArray[np.bool_]) -> dict[str, Any]:
    """Deciles of the patents by probability: the mean of it and how often it happened; `ece` is their mean distance.

    With bins of equal mass, not of equal width, every bin has patents enough to be judged by, however rare the label.
    """
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    bins = [{"probability": float(probability[part].mean()), "share": float(happened[part].mean()), "patents": len(part)} for part in parts]
    distance = sum(each["patents"] * abs(each["probability"] - each["share"]) for each in bins)
    return {"ece": distance / len(order) if len(order) else None, "bins": bins}
