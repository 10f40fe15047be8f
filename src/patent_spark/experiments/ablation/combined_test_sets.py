"""All stratified test patents together: a protocol whose test set is small beside its large one is judged by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from patent_spark.core.schemas import LARGE_TEST, TEST
from patent_spark.metrics import classification
from patent_spark.metrics.bootstrap import verdict

Found = dict[str, Any]

STRATIFIED = f"{TEST}+{LARGE_TEST}"
"""The headline of both."""


def stratified(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """METRICS with the figures of `test` and `large_test` together as its headline; as it is, when it lacks one of them.

    Shares and their differences are means by number of patents, and the model's F1 are those of the joint confusion
    matrix. Half-widths of intervals are joined in quadrature, for no patent is in both. What of a baseline is no share
    is left out.
    """
    parts = [result["splits"][split] for split in (TEST, LARGE_TEST) if split in result["splits"]]
    if len(parts) < 2:
        return result
    matrix = np.sum([part["confusion"]["matrix"] for part in parts], axis=0)
    weights = [part["examples"] / matrix.sum() for part in parts]
    tally = classification.Tally(matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal())
    f1 = classification.f1(tally)
    values = {
        "accuracy": classification.accuracy(tally),
        "macro_f1": classification.macro(tally, f1),
        "weighted_f1": classification.weighted(tally, f1),
    }
    figures: Found = {name: float(value) for name, value in values.items()}
    told = {name: [(part[name], part["intervals"].get(name)) for part in parts] for name in figures}
    baselines = {name: _baseline(name, parts, weights) for name in result["baselines"]}
    best = max(baselines, key=lambda name: baselines[name]["accuracy"])
    return {
        **result,
        **figures,
        "headline": STRATIFIED,
        "examples": int(matrix.sum()),
        "intervals": {name: _joined(figures[name], told[name], weights) for name in figures},
        "confusion": {"labels": result["labels"], "matrix": matrix.tolist()},
        "baselines": baselines,
        "best_baseline": {"accuracy": {"baseline": best} | baselines[best]["model_better_by"]["accuracy"]},
    }


def _baseline(name: str, parts: Sequence[Mapping[str, Any]], weights: Sequence[float]) -> Found:
    """A baseline's accuracy on the parts together, and by how much the model is better."""
    each = [part["baselines"][name] for part in parts]
    accuracy, difference = (
        float(np.dot(weights, values))
        for values in (
            [one["accuracy"] for one in each],
            [one["model_better_by"]["accuracy"]["difference"] for one in each],
        )
    )
    leads = [one["model_better_by"]["accuracy"] for one in each]
    ends = _joined(difference, [(lead["difference"], lead["interval"]) for lead in leads], weights)
    return {
        "accuracy": accuracy,
        "model_better_by": {
            "accuracy": {"difference": difference, "interval": ends, "verdict": verdict(ends)}
        },
    }


def _joined(
    value: float, parts: Sequence[tuple[float, list[float] | None]], weights: Sequence[float]
) -> list[float] | None:
    """The interval of a weighted mean of independent figures (value, interval); None when one of them has none."""
    widths = [
        [weight * abs(end - figure) for end in ends]
        for (figure, ends), weight in zip(parts, weights, strict=True)
        if ends is not None
    ]
    if len(widths) < len(parts):
        return None
    below, above = np.sqrt(np.square(widths).sum(axis=0)).tolist()
    return [value - below, value + above]
