"""Every knob of the platform, and one place that reads YAML and `--set`.

A knob is known by `section.knob`. Values come, later over earlier, from the defaults in sections.py, the YAML files given
with `--config` in order, and `--set section.knob=value`. An unknown or ill-typed knob raises ConfigError.
What a run learns (vocabulary size, steps an epoch) goes into manifests, never back in here.
"""

from patent_spark.config.reading import Knobs, about_knobs, digest, flatten, load_config, recorded, shown, to_yaml, with_knobs, without_password
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
    Gate,
    Ingest,
    Label,
    Model,
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
from patent_spark.config.together import ConfigError

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
    "Gate",
    "Ingest",
    "Knobs",
    "Label",
    "Model",
    "Release",
    "Shard",
    "Simulate",
    "Source",
    "Split",
    "Task",
    "Text",
    "Tracking",
    "Train",
    "Warehouse",
    "about_knobs",
    "digest",
    "flatten",
    "load_config",
    "recorded",
    "shown",
    "to_yaml",
    "with_knobs",
    "without_password",
]
