"""Rules that connect settings of several sections."""

from __future__ import annotations

import math

from patent_spark.config.errors import ConfigError
from patent_spark.config.paths import check_root
from patent_spark.config.settings import JOINT, TASKS, Config


def check_together(config: Config) -> None:
    """Raises ConfigError naming the settings that contradict one another."""
    check_root(config.warehouse.root)
    split = config.split
    if split.development + split.test >= 1:
        raise ConfigError(
            f"split.development + split.test = {split.development + split.test:g} must be below 1, "
            "or no patent is left to train on",
            setting="split.test",
        )
    if min(split.test_years) <= split.train_until:
        raise ConfigError(
            f"split.test_years must all come after split.train_until = {split.train_until}",
            setting="split.test_years",
        )
    months = config.label.follow_up_months
    if list(months) != sorted(set(months)) or max(months, default=0) >= config.label.horizon_months:
        raise ConfigError(
            f"label.follow_up_months = {list(months)} must be months in ascending order, "
            f"each below label.horizon_months = {config.label.horizon_months}",
            setting="label.follow_up_months",
        )
    if split.interim_levels:
        _check_interim_levels(config)
    _check_ranks(config)
    _check_decay(config)
    _check_texts(config)
    _check_features(config)
    _check_score(config)


def _check_ranks(config: Config) -> None:
    shard, train = config.shard, config.train
    if train.ranks not in shard.world_sizes:
        raise ConfigError(
            f"train.ranks = {train.ranks} is not in shard.world_sizes = {list(shard.world_sizes)}; "
            "add it there and shard again",
            setting="train.ranks",
        )
    virtual_shards = math.lcm(*shard.world_sizes)
    if train.batch % virtual_shards:
        raise ConfigError(
            f"train.batch = {train.batch} must be a multiple of {virtual_shards}, "
            f"the least common multiple of shard.world_sizes = {list(shard.world_sizes)}",
            setting="train.batch",
            virtual_shards=virtual_shards,
        )


def _check_decay(config: Config) -> None:
    train = config.train
    if train.decay == "plateau" and not (train.patience or train.patience_steps):
        raise ConfigError(
            "train.decay = plateau lowers the learning rate when patience is over: "
            "set train.patience above 0",
            setting="train.patience",
        )
    if train.decay == "plateau" and train.keep == "last":
        raise ConfigError(
            "train.decay = plateau goes on from the best weights: set train.keep = best", setting="train.keep"
        )


def _check_texts(config: Config) -> None:
    if len(set(config.text.fields)) < len(config.text.fields):
        raise ConfigError(
            f"text.fields = {list(config.text.fields)} names a field twice", setting="text.fields"
        )
    if "claims" in config.text.fields and config.source.kind == "simulate" and not config.simulate.claims:
        raise ConfigError(
            "text.fields includes claims, but the simulated release has none; set simulate.claims=true",
            setting="text.fields",
        )
    for name in TASKS:
        task = config.task(name)
        if task.min_tokens > task.max_tokens:
            raise ConfigError(
                f"{name}.min_tokens = {task.min_tokens} is above {name}.max_tokens = {task.max_tokens}",
                setting=f"{name}.min_tokens",
            )
    lengths = {f"{name}.max_tokens": config.task(name).max_tokens for name in TASKS}
    if config.tasks == JOINT and len(set(lengths.values())) > 1:
        values = " and ".join(f"{name} = {length}" for name, length in lengths.items())
        raise ConfigError(
            f"tasks = joint reads each text once for both tasks and needs one length, but {values}",
            setting="tasks",
        )


def _check_features(config: Config) -> None:
    features = config.model.features
    if len(set(features)) < len(features):
        raise ConfigError(f"model.features = {list(features)} names one twice", setting="model.features")
    if features and config.tasks == JOINT:
        raise ConfigError(
            "model.features are for the citation level alone, and tasks = joint has one network for both "
            "tasks; set tasks=both, or model.features=[]",
            setting="model.features",
        )


def _check_score(config: Config) -> None:
    score = config.score
    if 0 < score.until_year < score.from_year:
        raise ConfigError(
            f"score.until_year = {score.until_year} is before score.from_year = {score.from_year}",
            setting="score.until_year",
        )
    if score.input and (score.from_year or score.until_year):
        raise ConfigError(
            "score.from_year and score.until_year choose patents of the warehouse; "
            f"with score.input = {score.input} leave them at 0",
            setting="score.from_year",
        )


def _check_interim_levels(config: Config) -> None:
    problem = ""
    if not config.label.follow_up_months:
        problem = (
            "needs interim levels to train on: set label.follow_up_months, for example to [12, 24, 36, 48]"
        )
    elif config.citation_level.protocol != "temporal" or not config.split.embargo:
        problem = (
            "is for patents that the embargo excludes from training: "
            "it needs citation_level.protocol=temporal and split.embargo=true"
        )
    elif config.tasks == JOINT:
        problem = (
            "does not support tasks = joint, whose examples need final labels of both tasks; set tasks=both"
        )
    if problem:
        raise ConfigError(f"split.interim_levels {problem}", setting="split.interim_levels")
    if config.train.level_loss == "ordinal":
        raise ConfigError(
            "train.level_loss = ordinal has no loss for interim levels: set split.interim_levels=false, "
            "or train.level_loss=cross_entropy",
            setting="train.level_loss",
        )
