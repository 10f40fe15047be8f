"""What settings of several sections must be to one another."""

from __future__ import annotations

import math

from patent_spark.config.errors import ConfigError
from patent_spark.config.paths import check_root
from patent_spark.config.sections import JOINT, TASKS, Config


def check_together(config: Config) -> None:
    """Raises ConfigError naming the settings that contradict one another."""
    check_root(config.warehouse.root)
    split, shard, train = config.split, config.shard, config.train
    if split.development + split.test >= 1:
        raise ConfigError("split.development + split.test must leave something to train on (below 1)")
    if min(split.test_years) <= split.train_until:
        raise ConfigError(f"split.test_years must all come after split.train_until = {split.train_until}")
    exposures = config.label.follow_up_months
    if list(exposures) != sorted(set(exposures)) or max(exposures, default=0) >= config.label.horizon_months:
        raise ConfigError(
            f"label.follow_up_months = {list(exposures)} must be months in ascending order, each below label.horizon_months = {config.label.horizon_months}"
        )
    if split.interim_levels:
        _check_interim_levels(config)
    if train.ranks not in shard.world_sizes:
        raise ConfigError(
            f"train.ranks = {train.ranks} is not among shard.world_sizes = {list(shard.world_sizes)}; add it there and shard again"
        )
    lanes = math.lcm(*shard.world_sizes)
    if train.batch % lanes:
        raise ConfigError(
            f"train.batch = {train.batch} must be a multiple of {lanes}, the least common multiple of shard.world_sizes = {list(shard.world_sizes)}"
        )
    if len(set(config.text.fields)) < len(config.text.fields):
        raise ConfigError(f"text.fields = {list(config.text.fields)} names a field twice")
    if "claims" in config.text.fields and config.source.kind == "simulate" and not config.simulate.claims:
        raise ConfigError(
            "text.fields asks for claims, which the simulated release goes without; set simulate.claims=true"
        )
    for name in TASKS:
        task = config.task(name)
        if task.min_tokens > task.max_tokens:
            raise ConfigError(
                f"{name}.min_tokens = {task.min_tokens} is above {name}.max_tokens = {task.max_tokens}"
            )
    lengths = {f"{name}.max_tokens": config.task(name).max_tokens for name in TASKS}
    if config.tasks == JOINT and len(set(lengths.values())) > 1:
        told = " and ".join(f"{name} = {length}" for name, length in lengths.items())
        raise ConfigError(f"tasks = joint reads a text once for both tasks, which needs one length: {told}")


def _check_interim_levels(config: Config) -> None:
    if not config.label.follow_up_months:
        raise ConfigError(
            "split.interim_levels needs levels to train on: name months in label.follow_up_months, such as [12, 24, 36, 48]"
        )
    if config.citation_level.protocol != "temporal" or not config.split.embargo:
        raise ConfigError(
            "split.interim_levels is for patents that the embargo keeps from training: it needs citation_level.protocol=temporal and split.embargo=true"
        )
    if config.tasks == JOINT:
        raise ConfigError(
            "split.interim_levels is not for tasks = joint, whose examples stand for whole labels of both tasks; set tasks=both"
        )
