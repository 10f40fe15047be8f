"""Is a result better than it can be, or only good on patents that were chosen for it?"""

from __future__ import annotations

import numpy as np

from patent_spark.audit.evidence import Evidence
from patent_spark.audit.shortcuts import area_under_curve
from patent_spark.audit.texts import coded
from patent_spark.audit.verdicts import NUMBER, SHARE, Check, Question, noise_of
from patent_spark.schemas import TOP1, is_test
from patent_spark.serving.scorer import current_scorer

_TOLERANCE = 0.02

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


def top1_auc(evidence: Evidence) -> Check:
    """ROC-AUC of the probability of top1, from PREDICTIONS."""
    if TOP1 not in evidence.names:
        return TOP1_AUC.not_applicable("the task has no such label")
    predictions = evidence.predictions
    place = evidence.names.index(TOP1)
    scores = np.array([row[place] for row in predictions["probabilities"]], np.float64)
    truth = (predictions["truth"] == TOP1).to_numpy()
    done = f"{int(truth.sum()):,} top1 patents among {len(truth):,} test patents."
    return TOP1_AUC.answer(area_under_curve(truth, scores), evidence.audit.top1_auc, done)


def attainable_accuracy(evidence: Evidence) -> Check:
    """The accuracy beside what a simulated release says that the best reader reaches."""
    best = (evidence.metrics.get("attainable") or {}).get("accuracy")
    if best is None:
        return ATTAINABLE.not_applicable("nobody knows the attainable of a real release, or of another label rule")
    reached, rows = evidence.metrics["accuracy"], evidence.metrics["examples"]
    return ATTAINABLE.answer(reached - best, noise_of(best, rows), f"{reached:.1%} on {rows:,} test patents; attainable: {best:.1%}.")


def short_texts(evidence: Evidence) -> Check:
    """The patents that min_tokens left out of the test sets are judged by the model too, cut, coded and calibrated as the others are."""
    predictions, splits = evidence.predictions, evidence.warehouse.splits
    with_filter = float((predictions["truth"] == predictions["predicted"]).mean())
    members = splits.loc[(splits["task"] == evidence.task) & splits["split"].map(is_test), ["patent_key"]]
    left_out = members[~members["patent_key"].isin(evidence.examples["patent_key"])]
    if left_out.empty:
        return FILTERED.answer(0.0, _TOLERANCE, f"No test patent was left out; accuracy {with_filter:.1%}.")
    asked = left_out.sample(min(len(left_out), evidence.audit.texts), random_state=evidence.audit.seed)
    truth = asked.merge(evidence.warehouse.labels, on="patent_key", how="left")[evidence.column].to_numpy()
    scorer = current_scorer(evidence.store, evidence.task)
    answers = np.array(scorer.labels)[scorer.probabilities(coded(evidence, asked["patent_key"].to_numpy())).argmax(axis=1)]
    on_short = float((answers == truth).mean())
    without = (with_filter * len(predictions) + on_short * len(left_out)) / (len(predictions) + len(left_out))
    done = f"{with_filter:.1%} on {len(predictions):,} test patents; {on_short:.1%} on {len(left_out):,} with too few words, {without:.1%} on all."
    return FILTERED.answer(with_filter - without, _TOLERANCE, done)
