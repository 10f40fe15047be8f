"""Every setting, and the one place that reads YAML files and `--set`.

In: YAML files and `--set section.setting=value`. Out: a frozen Config, and where each value came from.
Later wins over earlier: defaults in sections.py, files in their order, `--set`. An unknown or ill-typed
setting raises ConfigError. What a run learns (vocabulary size, steps an epoch) goes into manifests, never
back in here. May import: nothing else of the package.
"""

from patent_spark.config.errors import ConfigError, PatentSparkError
from patent_spark.config.loading import (
    Settings,
    about_settings,
    digest,
    flatten,
    load_config,
    recorded,
    shown,
    to_yaml,
    with_settings,
    without_password,
)
from patent_spark.config.sections import (
    CITATION_LEVEL,
    JOINT,
    TASKS,
    TECHNOLOGY,
    Audit,
    Backtest,
    Config,
    Engine,
    Evaluate,
    Ingest,
    Label,
    Model,
    Register,
    Release,
    Shard,
    Simulate,
    Source,
    Split,
    Task,
    Text,
    Tracking,
    Train,
    Warehouse,
)

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
    "Ingest",
    "Label",
    "Model",
    "PatentSparkError",
    "Register",
    "Release",
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
