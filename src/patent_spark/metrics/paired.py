"""How two classifiers differ on the same test patents."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from patent_spark.config import Evaluate
from patent_spark.metrics.comparison import Estimates, differences, differences_by_label, estimate, finite
from patent_spark.metrics.prediction_records import Predictions
from patent_spark.metrics.report_schema import Metric, MetricDifference, Record

ALL = "all"
"""The group of all patents, beside those of the test splits."""
_BASELINE, _CANDIDATE = "baseline", "candidate"


class PairedComparison(Record):
    """Two classifiers on the same patents; differences are candidate minus baseline."""

    patents: int
    baseline: dict[Metric, float | None]
    candidate: dict[Metric, float | None]
    differences: dict[Metric, MetricDifference]
    per_class: dict[str, MetricDifference] = Field(default_factory=dict)
    """Differences in the F1 of each label; only for all patents."""


def paired_comparison(
    baseline: Predictions, candidate: Predictions, config: Evaluate
) -> dict[str, PairedComparison]:
    """The comparison on all patents (ALL) and, if there are several splits, on each of them.

    Both must have the same patents, in any order; see why_not_paired. Labels may differ.
    """
    labels = list(dict.fromkeys([*baseline.patents.labels, *candidate.patents.labels]))
    pair = {
        name: predictions.with_labels(labels).sorted_by_patent()
        for name, predictions in ((_BASELINE, baseline), (_CANDIDATE, candidate))
    }
    patents = pair[_BASELINE].patents
    groups = {ALL: np.arange(len(patents))}
    splits = {split: patents.rows_of(split) for split in sorted(patents.splits)}
    present = {split: rows for split, rows in splits.items() if len(rows)}
    if len(present) > 1:
        groups |= present
    estimates = estimate(pair, groups, config, [(ALL, _BASELINE), (ALL, _CANDIDATE)])
    compared = {name: _comparison(each, len(groups[name])) for name, each in estimates.items()}
    of_all = estimates[ALL]
    per_class = differences_by_label(of_all[_CANDIDATE], of_all[_BASELINE], labels)
    return compared | {ALL: compared[ALL].model_copy(update={"per_class": per_class})}


def why_not_paired(one: Predictions, other: Predictions, totals: tuple[int, int]) -> str:
    """Why two classifiers cannot be compared patent by patent; empty if they can.

    totals: the test patents of each, of which the predictions may be a sample.
    """
    kept = (len(one), len(other))
    shared = len(np.intersect1d(one.patents.keys, other.patents.keys))
    if shared < max(kept) and kept != totals:
        of_each = " and ".join(f"{mine:,} of {of:,}" for mine, of in zip(kept, totals, strict=True))
        return (
            f"the runs keep predictions for {of_each} test patents, {shared:,} of them in both; run "
            f"`patent-spark evaluate --force` for both with "
            f"evaluate.logged_predictions={max(totals):,} or more"
        )
    if shared < max(kept):
        return f"the test sets differ: {kept[0]:,} and {kept[1]:,} patents, {shared:,} of them in both"
    mine, theirs = one.sorted_by_patent().patents, other.sorted_by_patent().patents
    labels = [np.array(each.labels)[each.truth] for each in (mine, theirs)]
    relabelled = int((labels[0] != labels[1]).sum())
    if relabelled:
        return f"the test patents are the same, but {relabelled:,} of {shared:,} have other labels"
    return "" if shared else "there are no test patents"


def _comparison(estimates: dict[str, Estimates], patents: int) -> PairedComparison:
    compared = differences(estimates[_CANDIDATE], estimates[_BASELINE])
    values = {
        name: {metric: finite(each.values[metric]) for metric in compared} for name, each in estimates.items()
    }
    return PairedComparison(patents=patents, differences=compared, **values)
