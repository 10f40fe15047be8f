"""Two configurations, their protocols and models swapped: what of a difference is the protocol, and what the model.

The protocol is what decides what a figure means: labels, splits, which patents take part, and what the vectors may have
seen. The model is the words, the network and its training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import (
    CITATION_LEVEL,
    TECHNOLOGY,
    Config,
    ConfigError,
    Settings,
    flatten,
    with_settings,
)
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store
from patent_spark.experiments.ablation.combined_test_sets import stratified
from patent_spark.metrics.constant_baselines import MAJORITY
from patent_spark.stages.evaluate.measure import at, interval_at

PROTOCOL, MODEL = "protocol", "model"
_PROTOCOL = ("label.", "split.", "technology.", "citation_level.", "text.fit_on")
_MODEL = ("text.", "shard.", "model.", "train.")
_SHARED = ("text.fields", "train.ranks", "train.launcher", "train.timeout_s")
"""What the ingested tables and the machine decide: like all other settings, as in the first configuration."""

TOP1_PRECISION, TOP1_RECALL, TOP1_PR_AUC, TOP1_SHARE = (
    "per_class.top1.precision",
    "per_class.top1.recall",
    "top1.pr_auc",
    "top1.share",
)

PRINTED = {
    TECHNOLOGY: {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"},
    CITATION_LEVEL: {
        "accuracy": "accuracy",
        TOP1_PRECISION: "precision of top1",
        TOP1_RECALL: "recall of top1",
        TOP1_PR_AUC: "PR-AUC of top1",
        "top1.roc_auc": "ROC-AUC of top1",
    },
}
"""What is told of each mixture, by its place in METRICS: what the paper prints and, for top1, what ours puts beside it."""

Found = dict[str, Any]


@dataclass(frozen=True)
class Mixture:
    """The protocol of one configuration and the model of one, each by the configuration's name."""

    protocol: str
    model: str
    config: Config


def name_of(files: Sequence[str]) -> str:
    """What a configuration is called: by its files."""
    return "+".join(Path(file).stem for file in files) or "defaults"


def part_of(setting: str) -> str | None:
    """protocol or model; None for a setting that changes no figure or is the same for all mixtures, such as where the release is."""
    if setting in _SHARED:
        return None
    return PROTOCOL if setting.startswith(_PROTOCOL) else MODEL if setting.startswith(_MODEL) else None


def mixtures(names: tuple[str, str], ours: Config, theirs: Config) -> list[Mixture]:
    """Each protocol with each model, ours first and theirs last; raises ConfigError when the two do not differ or cannot be mixed."""
    if names[0] == names[1] or not differing(ours, theirs):
        raise ConfigError(
            f"--against {names[1]}: it differs in no setting of protocol or model from {names[0]}, so there is nothing to compare"
        )
    configs = dict(zip(names, (ours, theirs), strict=True))
    return [
        Mixture(
            protocol,
            model,
            with_settings(ours, _settings(configs[model], MODEL) | _settings(configs[protocol], PROTOCOL)),
        )
        for model in names
        for protocol in names
    ]


def differing(ours: Config, theirs: Config) -> list[Found]:
    """Settings of protocol and model that differ: name, part, ours, theirs."""
    other = flatten(theirs)
    return [
        {"name": name, "part": part, "ours": value, "theirs": other[name]}
        for name, value in flatten(ours).items()
        if (part := part_of(name)) and value != other[name]
    ]


def task_found(store: Store, result: Found, task: str) -> Found:
    """What METRICS and the shards say of a task in one mixture; all stratified test patents are its headline."""
    rows, headline = store.metadata(ShardMetadata).tasks[task].splits, stratified(result)
    return {
        "training": rows[TRAIN].rows,
        "development": rows[DEVELOPMENT].rows if DEVELOPMENT in rows else 0,
        "examples": headline["examples"],
        "headline": headline["headline"],
        "run_id": result["run_id"],
        "figures": {place: _figure(headline, place) for place in PRINTED[task]},
        "top1_share": at(headline, TOP1_SHARE),
        "majority": headline["baselines"][MAJORITY]["accuracy"],
        "best_baseline": headline["best_baseline"],
        "baselines": {
            name: {place: at(each, place) for place in PRINTED[task]}
            for name, each in headline["baselines"].items()
        },
        "attainable": result["attainable"],
        "splits": {
            split: {place: _figure(each, place)["value"] for place in PRINTED[task]}
            for split, each in result["splits"].items()
        },
    }


def _figure(result: Mapping[str, Any], place: str) -> Found:
    """A figure and its interval, which one that is the same in all resamples does not have.

    0 of 29 found is 0 of however many are drawn again, which is no certainty.
    """
    ends = interval_at(result, place)
    return {"value": at(result, place), "interval": ends if ends and ends[0] < ends[1] else None}


def _settings(config: Config, part: str) -> Settings:
    return {name: value for name, value in flatten(config).items() if part_of(name) == part}
