"""Two configurations, their protocols and models swapped: what of a difference is the protocol, and what the model.

The protocol is what decides what a figure means: labels, splits, which patents take part, and what the vectors may have
seen. The model is the words, the network and its training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import CITATION_LEVEL, TECHNOLOGY, Config, ConfigError, Knobs, flatten, with_knobs
from patent_spark.evaluation.baselines import MAJORITY
from patent_spark.evaluation.results import at, interval_at
from patent_spark.schemas import DEVELOPMENT, TRAIN
from patent_spark.store import Store

PROTOCOL, MODEL = "protocol", "model"
_PROTOCOL = ("label.", "split.", "technology.", "citation_level.", "text.trained_on")
_MODEL = ("text.", "shard.", "model.", "train.")
_SHARED = ("text.fields", "train.ranks", "train.launcher", "train.timeout_s")
"""What the ingested tables and the machine decide: like all other knobs, as in the first configuration."""

PRINTED = {
    TECHNOLOGY: {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"},
    CITATION_LEVEL: {
        "accuracy": "accuracy",
        "per_class.top1.precision": "precision of top1",
        "per_class.top1.recall": "recall of top1",
        "top1.pr_auc": "PR-AUC of top1",
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


def part_of(knob: str) -> str | None:
    """protocol or model; None for a knob that changes no figure or is the same for all mixtures, such as where the release is."""
    if knob in _SHARED:
        return None
    return PROTOCOL if knob.startswith(_PROTOCOL) else MODEL if knob.startswith(_MODEL) else None


def mixtures(names: tuple[str, str], ours: Config, theirs: Config) -> list[Mixture]:
    """Each protocol with each model, ours first and theirs last; raises ConfigError when the two do not differ or cannot be mixed."""
    if names[0] == names[1] or not differing(ours, theirs):
        raise ConfigError(f"--against {names[1]}: it differs in no knob of protocol or model from {names[0]}, so there is nothing to compare")
    configs = dict(zip(names, (ours, theirs), strict=True))
    return [
        Mixture(protocol, model, with_knobs(ours, _knobs(configs[model], MODEL) | _knobs(configs[protocol], PROTOCOL)))
        for model in names
        for protocol in names
    ]


def differing(ours: Config, theirs: Config) -> list[Found]:
    """Knobs of protocol and model that differ: name, part, ours, theirs."""
    other = flatten(theirs)
    return [
        {"name": name, "part": part, "ours": value, "theirs": other[name]}
        for name, value in flatten(ours).items()
        if (part := part_of(name)) and value != other[name]
    ]


def task_found(store: Store, result: Found, task: str) -> Found:
    """What METRICS and the shards say of a task in one mixture."""
    rows = store.facts("shard")["tasks"][task]["splits"]
    return {
        "training": rows[TRAIN]["rows"],
        "development": rows.get(DEVELOPMENT, {}).get("rows", 0),
        "examples": result["examples"],
        "headline": result["headline"],
        "run_id": result["run_id"],
        "figures": {place: {"value": at(result, place), "interval": interval_at(result, place)} for place in PRINTED[task]},
        "majority": result["baselines"][MAJORITY]["accuracy"],
        "best_baseline": result["best_baseline"],
        "baselines": {name: {place: at(each, place) for place in PRINTED[task]} for name, each in result["baselines"].items()},
        "attainable": result["attainable"],
        "splits": {split: {place: at(each, place) for place in PRINTED[task]} for split, each in result["splits"].items()},
    }


def effects(figures: Sequence[float | None]) -> dict[str, float] | None:
    """What of the step from ours to theirs is the protocol's and what the model's; None when a figure is missing.

    figures: of the mixtures in their order (protocol, model): (ours, ours), (theirs, ours), (ours, theirs), (theirs, theirs).
    Each part is the mean of its two steps, with our model (protocol) and with theirs, so that the two add up to the whole.
    """
    known = [figure for figure in figures if figure is not None]
    if len(known) < 4:
        return None
    neither, protocol, model, both = known
    return {
        "protocol": ((protocol - neither) + (both - model)) / 2,
        "model": ((model - neither) + (both - protocol)) / 2,
        "both": both - neither,
    }


def _knobs(config: Config, part: str) -> Knobs:
    return {name: value for name, value in flatten(config).items() if part_of(name) == part}
