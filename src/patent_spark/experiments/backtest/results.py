"""What a back-test found: the figures of each model on each test year, and what distance costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY
from patent_spark.core.metadata import ShardMetadata, TextMetadata
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import AsOf
from patent_spark.experiments.child_warehouse import verdict_of
from patent_spark.metrics.constant_baselines import BASELINES, CLASS_PRIOR, TFIDF_LINEAR
from patent_spark.stages.evaluate.measure import at, interval_at

FIGURES = {
    CITATION_LEVEL: {
        "top1.pr_auc": "PR-AUC of top1",
        "accuracy": "Accuracy",
        "top1.lift_at_1_percent": "Lift in the first 1 %",
    },
    TECHNOLOGY: {"accuracy": "Accuracy", "macro_f1": "Macro F1"},
}
"""The figures that are told of each task, by their place in METRICS; the first is the one that counts."""
_ATTAINABLE = {"accuracy": "accuracy", "top1.pr_auc": "top1_average_precision"}

Found = dict[str, Any]


def model_found(store: Store, model: AsOf, task: str) -> Found:
    """One model: what it learned from, what the audit says of it, and its figures on each test year that has patents."""
    result, splits, text = (
        store.read_json("METRICS", f"{task}.json"),
        store.metadata(ShardMetadata).tasks[task].splits,
        store.metadata(TextMetadata),
    )
    return {
        "as_of": model.year,
        "left_out": list(model.left_out),
        "training": splits[TRAIN].rows,
        "development": splits[DEVELOPMENT].rows if DEVELOPMENT in splits else 0,
        "vocabulary": text.vocabulary_size,
        "run_id": result["run_id"],
        "warehouse": str(store.root),
        "audit": verdict_of(store),
        "years": [
            _year_found(model, year, result["by_year"][str(year)], task)
            for year in model.test_years
            if str(year) in result["by_year"]
        ],
    }


def _year_found(model: AsOf, year: int, result: Found, task: str) -> Found:
    figures = {name: _figure(result, name) for name in FIGURES[task]}
    return {"year": year, "distance": year - model.year, "examples": result["examples"], "figures": figures}


def _figure(result: Found, name: str) -> Found:
    """A figure of the model, its interval, the best baseline's, the prior's, and the attainable, None where it is not known."""
    others = {each: at(result["baselines"][each], name) for each in BASELINES}
    best = max(others, key=lambda each: -np.inf if others[each] is None else others[each])
    against = result["best_baseline"].get(name) or {}
    return {
        "model": at(result, name),
        "interval": interval_at(result, name),
        "best_baseline": against.get("baseline", best),
        "baseline": others[against.get("baseline", best)],
        "linear": others[TFIDF_LINEAR],
        "better_by": against.get("difference"),
        "better_by_interval": against.get("interval"),
        "verdict": against.get("verdict"),
        "prior": others[CLASS_PRIOR],
        "attainable": (result["attainable"] or {}).get(_ATTAINABLE.get(name, "")),
    }


def decay(models: Sequence[Found], figure: str) -> Found | None:
    """How much a figure changes with each year that a model is older, on the same test years; None when no year has two models.

    Least squares with a level for each test year: a year that is hard for all models then counts for none. An older model
    has also seen fewer patents, which is part of what age costs. The interval takes the tests for independent; models that
    are tested on the same patents err alike, so it is wider than it need be.
    """
    by_year: dict[int, list[tuple[int, Found]]] = {}
    for model in models:
        for year in model["years"]:
            if year["figures"][figure]["model"] is not None:
                by_year.setdefault(year["year"], []).append((year["distance"], year["figures"][figure]))
    apart, values, errors = [], [], []
    for told in by_year.values():
        mean = sum(distance for distance, _ in told) / len(told)
        apart += [distance - mean for distance, _ in told]
        values += [each["model"] for _, each in told]
        errors += [
            float(np.diff(each["interval"])[0]) / 2 if each["interval"] else np.nan for _, each in told
        ]
    weights = np.array(apart) / spread if (spread := float(np.square(apart).sum())) else None
    if weights is None:
        return None
    slope, error = float(weights @ values), float(np.sqrt(np.square(weights * errors).sum()))
    return {"per_year": slope, "interval": [slope - error, slope + error] if np.isfinite(error) else None}


def tracked(task: str, models: Sequence[Found]) -> list[tuple[int, dict[str, float]]]:
    """(test year, figures by flat names such as citation_level_top1_pr_auc_as_of_2010) of all models, for MLflow."""
    told = []
    for model in models:
        for year in model["years"]:
            flat: dict[str, float | None] = {}
            for name, figure in year["figures"].items():
                stem = f"{task}_{name.replace('.', '_')}"
                flat |= {
                    f"{stem}_as_of_{model['as_of']}": figure["model"],
                    f"{stem}_best_baseline_as_of_{model['as_of']}": figure["baseline"],
                }
            told.append((year["year"], {name: value for name, value in flat.items() if value is not None}))
    return told
