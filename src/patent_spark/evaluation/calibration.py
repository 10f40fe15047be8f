"""Whether probabilities mean what they say: reliability in bins that hold equally many patents, before and after calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.evaluation.measures import Said

BINS = 10


def reliability(times: Mapping[str, Said], truth: NDArray[Any], top1: int | None) -> dict[str, Any]:
    """Reliability of the most probable label and, at the citation level, of `top1` (its label number): before calibration, after it, ..."""
    found = {}
    for name, words in times.items():
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
