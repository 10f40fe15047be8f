"""Is a result what the predictions give, better than it can be, or only good on patents that were chosen for it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from patent_spark.core.schemas import TOP1, is_test
from patent_spark.inference.scorer import current_scorer
from patent_spark.stages.audit.checks.shortcuts import area_under_curve
from patent_spark.stages.audit.evidence import Evidence
from patent_spark.stages.audit.features import coded
from patent_spark.stages.audit.verdicts import NUMBER, SHARE, Check, Question, noise_of

_TOLERANCE = 0.02
_ROUNDING = 1e-6

FIGURES = Question(
    "figures recomputed from the predictions", "largest difference", NUMBER,
    "METRICS does not tell of the predictions that are kept: the figures are another model's, or somebody's. Run `patent-spark evaluate --force`.",
)  # fmt: skip
TOP1_AUC = Question(
    "top1 found better than plausible", "ROC-AUC", NUMBER,
    "No text tells so well which patents will be the most cited: look for the label, or what it is made of, in the input.",
)  # fmt: skip
ATTAINABLE = Question(
    "better than the best attainable", "accuracy over the attainable", SHARE,
    "Nobody can be so right on this simulated release by reading: something else than the text was used.",
)  # fmt: skip
FILTERED = Question(
    "accuracy with and without short texts", "difference in accuracy", SHARE,
    "The figure is one of chosen patents: with those that min_tokens left out of the test it is so much lower.",
)  # fmt: skip


def figures_again(evidence: Evidence) -> Check:
    """The test patents, accuracy and ROC-AUC of top1 that METRICS tells of each test split and as the headline, by an own path from PREDICTIONS.

    A figure that one of the two lacks counts as 1, and so do patents too many or too few; answers that are not the most
    probable label count by their share.
    """
    predictions, metrics = evidence.predictions, evidence.metrics
    by_split: dict[str, Any] = {str(split): rows for split, rows in predictions.groupby("split")}
    years = predictions[predictions["split"].str.fullmatch(r"test_\d{4}")]
    told: list[tuple[str, dict[str, Any]]] = [(metrics["headline"], metrics), *metrics["splits"].items()]
    told += [(split, {}) for split in by_split if split not in metrics["splits"]]
    probabilities = np.array(predictions["probabilities"].tolist(), np.float64).reshape(len(predictions), -1)
    answered = probabilities[
        np.arange(len(predictions)), [evidence.names.index(name) for name in predictions["predicted"]]
    ]
    worst = (
        float((answered < probabilities.max(axis=1)).mean()),
        "answers that are not the most probable label",
    )
    for split, figures in told:
        rows = by_split.get(split, years if split == metrics["headline"] else predictions[:0])
        worst = max(
            worst, *((off, f"{name} of {split}") for name, off in _differences(evidence, rows, figures))
        )
    done = f"{len(predictions):,} predictions, {len(told)} sets of figures" + (
        f"; the largest is in {worst[1]}." if worst[0] > _ROUNDING else "."
    )
    return FIGURES.answer(worst[0], _ROUNDING, done)


def _differences(
    evidence: Evidence, rows: pd.DataFrame, figures: dict[str, Any]
) -> Iterator[tuple[str, float]]:
    """Name of a figure and by how much METRICS is off what these predictions give."""
    yield "patents", float(figures.get("examples") != len(rows))
    again: dict[str, float] = (
        {"accuracy": float((rows["truth"] == rows["predicted"]).mean())} if len(rows) else {}
    )
    told = {"accuracy": figures.get("accuracy")}
    if TOP1 in evidence.names:
        truth = (rows["truth"] == TOP1).to_numpy()
        told["ROC-AUC of top1"] = (figures.get("top1") or {}).get("roc_auc")
        if 0 < truth.sum() < len(truth):
            again["ROC-AUC of top1"] = area_under_curve(truth, _of_top1(evidence, rows))
    for name, figure in told.items():
        if figure is None or name not in again:
            yield name, float((figure is None) == (name in again))
        else:
            yield name, abs(figure - again[name])


def _of_top1(evidence: Evidence, predictions: pd.DataFrame) -> NDArray[np.float64]:
    """The probability of top1 of each prediction."""
    place = evidence.names.index(TOP1)
    return np.array([row[place] for row in predictions["probabilities"]], np.float64)


def top1_auc(evidence: Evidence) -> Check:
    """ROC-AUC of the probability of top1, from PREDICTIONS."""
    if TOP1 not in evidence.names:
        return TOP1_AUC.not_applicable("the task has no such label")
    predictions = evidence.predictions
    truth = (predictions["truth"] == TOP1).to_numpy()
    if not 0 < truth.sum() < len(truth):
        return TOP1_AUC.not_made(
            f"{int(truth.sum()):,} of {len(truth):,} test patents are top1; test more patents, of more split.test_years"
        )
    done = f"{int(truth.sum()):,} top1 patents among {len(truth):,} test patents."
    return TOP1_AUC.answer(
        area_under_curve(truth, _of_top1(evidence, predictions)), evidence.audit.top1_auc, done
    )


def attainable_accuracy(evidence: Evidence) -> Check:
    """The accuracy beside what a simulated release says that the best reader reaches."""
    best = (evidence.metrics.get("attainable") or {}).get("accuracy")
    if best is None:
        return ATTAINABLE.not_applicable(
            "nobody knows the attainable of a real release, or of another label rule"
        )
    reached, rows = evidence.metrics["accuracy"], evidence.metrics["examples"]
    return ATTAINABLE.answer(
        reached - best,
        noise_of(best, rows),
        f"{reached:.1%} on {rows:,} test patents; attainable: {best:.1%}.",
    )


def short_texts(evidence: Evidence) -> Check:
    """The patents that min_tokens left out of the test sets are judged by the model too, cut, coded and calibrated as the others are."""
    predictions, splits = evidence.predictions, evidence.warehouse.splits
    with_filter = float((predictions["truth"] == predictions["predicted"]).mean())
    members = splits.loc[(splits["task"] == evidence.task) & splits["split"].map(is_test), ["patent_key"]]
    left_out = members[~members["patent_key"].isin(evidence.examples["patent_key"])]
    if left_out.empty:
        return FILTERED.answer(0.0, _TOLERANCE, f"No test patent was left out; accuracy {with_filter:.1%}.")
    asked = left_out.sample(min(len(left_out), evidence.audit.sample_size), random_state=evidence.audit.seed)
    truth = asked.merge(evidence.warehouse.labels, on="patent_key", how="left")[evidence.column].to_numpy()
    scorer = current_scorer(evidence.store, evidence.task)
    answers = np.array(scorer.labels)[
        scorer.probabilities(coded(evidence, asked["patent_key"].to_numpy())).argmax(axis=1)
    ]
    on_short = float((answers == truth).mean())
    without = (with_filter * len(predictions) + on_short * len(left_out)) / (len(predictions) + len(left_out))
    done = f"{with_filter:.1%} on {len(predictions):,} test patents; {on_short:.1%} on {len(left_out):,} with too few words, {without:.1%} on all."
    return FILTERED.answer(with_filter - without, _TOLERANCE, done)
