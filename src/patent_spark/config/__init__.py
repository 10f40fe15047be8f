"""Every setting, and the one place that reads YAML files and `--set`.

In: YAML files and `--set section.setting=value`. Out: a frozen Config, and where each value came from.
Later wins over earlier: defaults in `sections/`, files in their order, `--set`. An unknown or ill-typed
setting raises ConfigError. What a run learns (vocabulary size, steps an epoch) goes into manifests, never
back in here. May import: nothing else of the package.
"""

from patent_spark.config.digests import digest
from patent_spark.config.errors import ConfigError, PatentSparkError
from patent_spark.config.loading import (
    Settings,
    about_settings,
    flatten,
    load_config,
    recorded,
    shown,
    to_yaml,
    with_settings,
    without_password,
)
from patent_spark.config.sections.evaluation import Audit, Backtest, Evaluate, Register
from patent_spark.config.sections.examples import Label, Shard, Split, Task, Text
from patent_spark.config.sections.operation import Index, Inference, Predict, Refresh, Score, Service
from patent_spark.config.sections.platform import Engine, Logging, Tracking, Warehouse
from patent_spark.config.sections.release import Ingest, Release, Simulate, Source
from patent_spark.config.sections.training import Model, Train
from patent_spark.config.settings import CITATION_LEVEL, JOINT, TASKS, TECHNOLOGY, Config

__all__ = [
    "CITATION_LEVEL",
    "JOINT",
    "TASKS",
    "TECHNOLOGY",
    "Audit",
    "Backtest",
    "Config",
    "ConfigError",
    "Engine",
    "Evaluate",
    "Index",
    "Inference",
    "Ingest",
    "Label",
    "Logging",
    "Model",
    "PatentSparkError",
    "Predict",
    "Refresh",
    "Register",
    "Release",
    "Score",
    "Service",
    "Settings",
    "Shard",
    "Simulate",
    "Source",
    "Split",
    "Task",
    "Text",
    "Tracking",
    "Train",
    "Warehouse",
    "about_settings",
    "digest",
    "flatten",
    "load_config",
    "recorded",
    "shown",
    "to_yaml",
    "with_settings",
    "without_password",
]
