"""METRICS as earlier versions of patent_spark wrote them, brought into the form of today.

Runs that MLflow holds stay readable, and old runs can be compared with new ones.
"""

from __future__ import annotations

from collections.abc import Mapping

Values = dict[str, object]

_ABOUT = "as an earlier version of patent_spark wrote it"


def upgraded_split(values: object) -> object:
    """The metrics of a split, with `references` for what was once `attainable`."""
    if not isinstance(values, Mapping) or "attainable" not in values:
        return values
    rest = {name: value for name, value in values.items() if name != "attainable"}
    return {"references": _references(values["attainable"] or {})} | rest


def upgraded_metrics(values: object) -> object:
    """A whole file, with records for warnings that were plain sentences, and names of today."""
    if not isinstance(values, Mapping):
        return values
    changed: Values = {}
    if isinstance(warnings := values.get("warnings"), list):
        changed["warnings"] = [_warning(each) for each in warnings]
    if isinstance(audit := values.get("audit"), Mapping) and "status" not in audit:
        changed["audit"] = {**audit, "status": audit.get("verdict", "")}
    if values.get("label_rule") == "pool_class":
        changed["label_rule"] = "class_reference_set"
    return {**values, **changed}


def _references(rates: Mapping[str, float]) -> Values:
    optimal: Values = {"title": "Bayes-optimal", "about": _ABOUT, "upper_bound": True}
    if "accuracy" in rates:
        optimal["accuracy"] = rates["accuracy"]
    if "top1_average_precision" in rates:
        optimal["top1"] = {"pr_auc": rates["top1_average_precision"]}
    references: Values = {"bayes_optimal": optimal} if len(optimal) > 3 else {}
    if "bag_of_words_accuracy" in rates:
        references["bayes_optimal_bag_of_words"] = {
            "title": "Bayes-optimal bag of words",
            "about": _ABOUT,
            "upper_bound": False,
            "accuracy": rates["bag_of_words_accuracy"],
        }
    return references


def _warning(warning: object) -> object:
    return {"code": "earlier_version", "message": warning} if isinstance(warning, str) else warning
