"""Reference classifiers beside the baselines: the Bayes-optimal ones of a simulated release.

The only module outside of the simulator that knows how a simulated release describes its Bayes rates.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.store import Store
from patent_spark.metrics.report_schema import ReferenceMetrics, year_of_split
from patent_spark.stages.evaluate.label_rule import CLASS_REFERENCE_SET, DEFAULT, label_rule

BAYES_OPTIMAL, BAYES_OPTIMAL_WORDS = "bayes_optimal", "bayes_optimal_bag_of_words"
_TITLES = {BAYES_OPTIMAL: "Bayes-optimal", BAYES_OPTIMAL_WORDS: "Bayes-optimal bag of words"}
_ABOUT = {
    BAYES_OPTIMAL: "knows how this simulated release was generated; its metrics are expectations",
    BAYES_OPTIMAL_WORDS: "the same, if it sees the words of a text but not their order",
}


class BayesRates(BaseModel):
    """Expected metrics of Bayes-optimal classifiers, as a simulated release gives them for a task."""

    model_config = ConfigDict(frozen=True)

    accuracy: float | None = None
    bag_of_words_accuracy: float | None = None
    top1_average_precision: float | None = None


class TaskBayesRates(BayesRates):
    """Rates for all patents of a task and, where the release gives them, by grant year and for another
    label rule."""

    by_year: dict[str, BayesRates] | None = None
    class_reference_set: TaskBayesRates | None = Field(
        default=None, validation_alias=AliasChoices("class_reference_set", "pool_class")
    )


def task_rates(store: Store, task: str) -> TaskBayesRates | None:
    """The rates that hold for the labels of a task.

    None for a real release, and for citation levels by a rule for which the release gives no rates.
    """
    by_task = store.metadata(IngestMetadata).generator_rates or {}
    if task not in by_task:
        return None
    rates = TaskBayesRates.model_validate(by_task[task])
    return {DEFAULT: rates, CLASS_REFERENCE_SET: rates.class_reference_set}.get(label_rule(store, task))


def references_on(rates: TaskBayesRates | None, sizes: Mapping[str, int]) -> dict[str, ReferenceMetrics]:
    """Reference classifiers on some splits together, by name; sizes: patents of each split.

    A test year has its own rates where the release gives them by year; years are weighted by their patents.
    """
    if rates is None:
        return {}
    parts = [(rates.by_year or {}).get(year_of_split(split), rates) for split in sizes]
    whole = sum(max(1, size) for size in sizes.values())
    weights = [max(1, size) / whole for size in sizes.values()]

    def mean(name: str) -> float | None:
        values = [getattr(part, name) for part in parts]
        if None in values:
            return None
        return float(sum(value * weight for value, weight in zip(values, weights, strict=True)))

    references = {
        BAYES_OPTIMAL: _reference(BAYES_OPTIMAL, mean("accuracy"), mean("top1_average_precision")),
        BAYES_OPTIMAL_WORDS: _reference(BAYES_OPTIMAL_WORDS, mean("bag_of_words_accuracy"), None),
    }
    return {name: reference for name, reference in references.items() if reference is not None}


def _reference(name: str, accuracy: float | None, pr_auc: float | None) -> ReferenceMetrics | None:
    """A reference with the metrics that are known; None without any."""
    metrics: dict[str, object] = {} if accuracy is None else {"accuracy": accuracy}
    if pr_auc is not None:
        metrics["top1"] = {"pr_auc": pr_auc}
    if not metrics:
        return None
    about = {"title": _TITLES[name], "about": _ABOUT[name], "upper_bound": name == BAYES_OPTIMAL}
    return ReferenceMetrics.model_validate(about | metrics)
