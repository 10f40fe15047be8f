"""What a reader should doubt: warnings that stand at the top of the report and in METRICS."""

from __future__ import annotations

import math
from typing import Any

from patent_spark.evaluation.baselines import MAJORITY, NAMES
from patent_spark.evaluation.bootstrap import BETTER, WORSE

_FEW = 1000
_SUSPICIOUS_AUC = 0.95


def doubts_about(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    """Sentences about one task's figures. training: training patents by label."""
    return [sentence for rule in (_size, _baselines, _attainable, _classes, _top1, _drift) for sentence in rule(result, training)]


def _size(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    if result["examples"] >= _FEW or result["accuracy_interval"] is None:
        return []
    low, high = result["accuracy_interval"]
    return [f"Only {result['examples']:,} test patents: the accuracy is known no better than from {_share(low)} to {_share(high)} (95 % interval)."]


def _baselines(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    if result["accuracy"] <= result["baselines"][MAJORITY]["accuracy"]:
        return [f"The model ({_share(result['accuracy'])}) is no better than always saying the most frequent label; it has learned nothing of use."]
    found = []
    for figure, name in (("accuracy", "accuracy"), ("macro_f1", "macro F1"), ("top1.pr_auc", "PR-AUC of top1")):
        best = result["best_baseline"].get(figure)
        if best is None or best["verdict"] == BETTER:
            continue
        beside = f"in {name} ({_signed(best['difference'])}{_interval(best['interval'])})"
        if best["verdict"] == WORSE:
            found.append(f"The model is worse than {NAMES[best['baseline']]} {beside}: it needs more data, epochs or other knobs.")
        else:
            found.append(f"The model is no better than {NAMES[best['baseline']]} {beside}, as far as these test patents can tell.")
    return found


def _attainable(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    best = (result["attainable"] or {}).get("accuracy")
    if best is None:
        return []
    error = math.sqrt(best * (1 - best) / max(1, result["examples"]))
    if result["accuracy"] > best + 3 * error:
        return [f"The accuracy ({_share(result['accuracy'])}) is above the best attainable on this release ({_share(best)}): look for a leak."]
    return []


def _classes(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    matrix = result["confusion"]["matrix"]
    present = {label for label, row in zip(result["labels"], matrix, strict=True) if sum(row)}
    predicted = {label for i, label in enumerate(result["labels"]) if any(row[i] for row in matrix)}
    found = []
    unseen = sorted(label for label in present if not training.get(label))
    if unseen:
        found.append(f"{_count(unseen)} in the test but not in the training patents; their patents all count as errors.")
    never = sorted(present - predicted - set(unseen))
    if never:
        found.append(f"{_count(never)} never predicted, although the test has such patents.")
    return found


def _top1(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    auc = (result.get("top1") or {}).get("roc_auc")
    if auc is None or auc <= _SUSPICIOUS_AUC:
        return []
    return [f"ROC-AUC of top1 is {auc:.3f}: text alone should not find the most cited patents so well; look for a leak before believing it."]


def _drift(result: dict[str, Any], training: dict[str, int]) -> list[str]:
    years = sorted(result.get("by_year", {}))
    if len(years) < 2:
        return []
    first, last = result["by_year"][years[0]], result["by_year"][years[-1]]
    error = math.sqrt(0.25 / max(1, first["examples"]) + 0.25 / max(1, last["examples"]))
    if first["accuracy"] - last["accuracy"] <= max(0.05, 2 * error):
        return []
    return [f"Accuracy falls from {_share(first['accuracy'])} in {years[0]} to {_share(last['accuracy'])} in {years[-1]}: model or label ages."]


def _count(labels: list[str]) -> str:
    named = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
    return f"1 label ({named}) is" if len(labels) == 1 else f"{len(labels)} labels ({named}) are"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _signed(value: float | None) -> str:
    return "not known" if value is None else f"{value:+.3f}"


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f", 95 % interval {ends[0]:+.3f} to {ends[1]:+.3f}"
