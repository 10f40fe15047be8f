"""What a reader should doubt: warnings that stand at the top of the report and in METRICS."""

from __future__ import annotations

import math
from typing import Any

from patent_spark.core.schemas import TOP1
from patent_spark.metrics.bootstrap import BETTER, WORSE
from patent_spark.metrics.constant_baselines import MAJORITY, NAMES
from patent_spark.reporting.html import signed

_FEW = 1000
_TIMES = 1.5  # between a level's share of the training and of the test patents
_APART = 0.1  # share of the patents that would have to change their class for the two mixes to be the same
_CHANCE = 0.001  # probability, by chance, of mixes as far apart


def doubts_about(result: dict[str, Any], training: dict[str, int], top1_auc: float) -> list[str]:
    """Sentences about one task's figures. training: training patents by label; top1_auc: above it a ROC-AUC is too good to be true."""
    rules = (_size, _baselines, _attainable, _classes, _mix, _drift)
    return [sentence for rule in rules for sentence in rule(result, training)] + _top1(result, top1_auc)


def _size(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    if result["examples"] >= _FEW or result["accuracy_interval"] is None:
        return []
    low, high = result["accuracy_interval"]
    return [
        f"Only {result['examples']:,} test patents: the accuracy is known no better than from {_share(low)} to {_share(high)} (95 % interval)."
    ]


def _baselines(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    if result["accuracy"] <= result["baselines"][MAJORITY]["accuracy"]:
        return [
            f"The model ({_share(result['accuracy'])}) is no better than always saying the most frequent label; it has learned nothing of use."
        ]
    found = []
    for figure, name in (
        ("accuracy", "accuracy"),
        ("macro_f1", "macro F1"),
        ("top1.pr_auc", "PR-AUC of top1"),
    ):
        best = result["best_baseline"].get(figure)
        if best is None or best["verdict"] == BETTER:
            continue
        beside = f"in {name} ({signed(best['difference'])}{_interval(best['interval'])})"
        if best["verdict"] == WORSE:
            found.append(
                f"The model is worse than {NAMES[best['baseline']]} {beside}: it needs more data, epochs or other settings."
            )
        else:
            found.append(
                f"The model is no better than {NAMES[best['baseline']]} {beside}, as far as these test patents can tell."
            )
    return found


def _attainable(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    best = (result["attainable"] or {}).get("accuracy")
    if best is None:
        return []
    error = math.sqrt(best * (1 - best) / max(1, result["examples"]))
    if result["accuracy"] > best + 3 * error:
        return [
            f"The accuracy ({_share(result['accuracy'])}) is above the best attainable on this release ({_share(best)}): look for a leak."
        ]
    return []


def _classes(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    matrix = result["confusion"]["matrix"]
    present = {label for label, patents in _tested(result).items() if patents}
    predicted = {label for i, label in enumerate(result["labels"]) if any(row[i] for row in matrix)}
    found = []
    unseen = sorted(label for label in present if not training.get(label))
    if unseen:
        found.append(
            f"{_count(unseen)} in the test but not in the training patents; their patents all count as errors."
        )
    never = sorted(present - predicted - set(unseen))
    if never:
        found.append(f"{_count(never)} never predicted, although the test has such patents.")
    return found


def _mix(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    """Labels that are not as frequent in the test as where the model, and its calibration, learned how frequent they are."""
    from scipy.stats import chi2_contingency

    learned, tested = {label: training.get(label, 0) for label in result["labels"]}, _tested(result)
    here, there = sum(learned.values()), sum(tested.values())
    if not here or not there:
        return []
    shares = {
        label: (learned[label] / here, tested[label] / there)
        for label in tested
        if learned[label] + tested[label]
    }
    parts = {
        label: [[learned[label], here - learned[label]], [tested[label], there - tested[label]]]
        for label, (one, other) in shares.items()
        if TOP1 in tested and max(one, other) > _TIMES * min(one, other)
    }
    found = [
        f"{label} is {_share(shares[label][0])} of the training but {_share(shares[label][1])} of the test patents, more apart than by chance: its "
        "probabilities, calibrated to the former, are off by as much. Likely cause: small pools (the top 1 % of a dozen patents is one of "
        "them) that grow with the years; see label.reference_set."
        for label, table in parts.items()
        if chi2_contingency(table).pvalue < _CHANCE
    ]
    apart = sum(abs(one - other) for one, other in shares.values()) / 2
    if TOP1 not in tested and apart > _APART:
        counts = [[each[label] for label in shares] for each in (learned, tested)]
        if chi2_contingency(counts).pvalue < _CHANCE:
            found.append(
                f"Classes are not as frequent in the test as in training: {_share(apart)} of the patents would have to change theirs."
            )
    return found


def _tested(result: dict[str, Any]) -> dict[str, int]:
    return {
        label: sum(row) for label, row in zip(result["labels"], result["confusion"]["matrix"], strict=True)
    }


def _top1(result: dict[str, Any], suspicious: float) -> list[str]:
    auc = (result.get("top1") or {}).get("roc_auc")
    if auc is None or auc <= suspicious:
        return []
    return [
        f"ROC-AUC of top1 is {auc:.3f}: text alone should not find the most cited patents so well; look for a leak before believing it."
    ]


def _drift(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    years = sorted(result.get("by_year", {}))
    if len(years) < 2:
        return []
    first, last = result["by_year"][years[0]], result["by_year"][years[-1]]
    error = math.sqrt(0.25 / max(1, first["examples"]) + 0.25 / max(1, last["examples"]))
    if first["accuracy"] - last["accuracy"] <= max(0.05, 2 * error):
        return []
    return [
        f"Accuracy falls from {_share(first['accuracy'])} in {years[0]} to {_share(last['accuracy'])} in {years[-1]}: model or label ages."
    ]


def _count(labels: list[str]) -> str:
    named = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
    return f"1 label ({named}) is" if len(labels) == 1 else f"{len(labels)} labels ({named}) are"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f", 95 % interval {signed(ends[0])} to {signed(ends[1])}"
