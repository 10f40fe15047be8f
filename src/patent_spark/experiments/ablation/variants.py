"""The variants of a 2x2 factorial ablation: two configurations with their protocols and models crossed.

The protocol decides what a metric means: labels, splits, which patents take part, and what the word vectors
may have seen. The model is the vocabulary, the network and its training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import Config, ConfigError, Settings, flatten, with_settings
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import DEVELOPMENT, TRAIN
from patent_spark.core.store import Store
from patent_spark.experiments.ablation.combined_test_sets import combine_test_splits
from patent_spark.experiments.ablation.effects import MetricValue
from patent_spark.experiments.ablation.report_schema import (
    SHOWN_METRICS,
    Factor,
    SettingDifference,
    TaskResult,
)
from patent_spark.metrics.baselines import MAJORITY
from patent_spark.metrics.report_schema import ClassifierMetrics, Metric, Metrics

_PROTOCOL = ("label.", "split.", "technology.", "citation_level.", "text.fit_on")
_MODEL = ("text.", "shard.", "model.", "train.", "evaluate.combine")
_FIXED = ("text.fields", "train.ranks", "train.launcher", "train.timeout_s")
"""Settings that depend on the tables and the machine: the base configuration's in all variants."""


@dataclass(frozen=True)
class Variant:
    """The protocol of one configuration and the model of one, each by the configuration's name."""

    protocol: str
    model: str
    config: Config


def config_name(files: Sequence[str]) -> str:
    """The name of a configuration, from those of its files."""
    return "+".join(Path(file).stem for file in files) or "defaults"


def factor_of(setting: str) -> Factor | None:
    """protocol or model; None for a setting that is the same in all variants."""
    if setting in _FIXED:
        return None
    if setting.startswith(_PROTOCOL):
        return "protocol"
    return "model" if setting.startswith(_MODEL) else None


def make_variants(names: tuple[str, str], base: Config, against: Config) -> list[Variant]:
    """Each protocol with each model: (base, base) first, (against, against) last.

    Raises ConfigError when the configurations do not differ, or a variant is not valid.
    """
    if names[0] == names[1] or not setting_differences(base, against):
        message = f"no setting of protocol or model differs from {names[0]}; name another configuration"
        raise ConfigError(f"--against {names[1]}: {message}", base=names[0], against=names[1])
    configs = dict(zip(names, (base, against), strict=True))

    def variant(protocol: str, model: str) -> Variant:
        settings = _settings(configs[model], "model") | _settings(configs[protocol], "protocol")
        return Variant(protocol, model, with_settings(base, settings))

    return [variant(protocol, model) for model in names for protocol in names]


def setting_differences(base: Config, against: Config) -> list[SettingDifference]:
    """Settings of protocol and model that differ."""
    others = flatten(against)
    return [
        SettingDifference(name=name, factor=factor, base=value, against=others[name])
        for name, value in flatten(base).items()
        if (factor := factor_of(name)) and value != others[name]
    ]


def task_result(store: Store, metrics: Metrics, task: str) -> TaskResult:
    """One task of a variant; its headline is all stratified test patents together."""
    splits, headline = store.metadata(ShardMetadata).tasks[task].splits, combine_test_splits(metrics)
    shown = SHOWN_METRICS[task]
    return TaskResult(
        training=splits[TRAIN].rows,
        development=splits[DEVELOPMENT].rows if DEVELOPMENT in splits else 0,
        examples=headline.examples,
        headline=headline.headline,
        run_id=metrics.run_id or "",
        metrics={metric: _metric_value(headline, metric) for metric in shown},
        top1_share=headline.value(Metric.TOP1_SHARE),
        majority=headline.baselines[MAJORITY].accuracy,
        best_baseline=headline.best_baseline,
        baselines={name: _values(each, task) for name, each in headline.baselines.items()},
        references={name: _values(each, task) for name, each in metrics.references.items()},
        splits={name: _values(each, task) for name, each in metrics.splits.items()},
    )


def _values(metrics: ClassifierMetrics, task: str) -> dict[Metric, float | None]:
    return {metric: metrics.value(metric) for metric in SHOWN_METRICS[task]}


def _metric_value(metrics: ClassifierMetrics, metric: Metric) -> MetricValue:
    """A value and its interval, unless all resamples agree.

    0 of 29 is 0 in every resample, which does not make it certain.
    """
    ends = metrics.interval(metric)
    return MetricValue(value=metrics.value(metric), interval=ends if ends and ends[0] < ends[1] else None)


def _settings(config: Config, factor: Factor) -> Settings:
    return {name: value for name, value in flatten(config).items() if factor_of(name) == factor}
