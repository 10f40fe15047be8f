"""The whole configuration: every section."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from pydantic.dataclasses import dataclass

from patent_spark.config.sections.evaluation import Audit, Backtest, Evaluate, Register
from patent_spark.config.sections.examples import Label, Shard, Split, Task, Technology, Text
from patent_spark.config.sections.operation import Index, Inference, Predict, Refresh, Score, Service
from patent_spark.config.sections.platform import Engine, Logging, Tracking, Warehouse
from patent_spark.config.sections.release import Ingest, Release, Simulate, Source
from patent_spark.config.sections.training import Model, Train
from patent_spark.config.setting_types import STRICT, setting

TECHNOLOGY = "technology"
CITATION_LEVEL = "citation_level"
TASKS = (TECHNOLOGY, CITATION_LEVEL)
JOINT = "joint"
"""The model of both tasks."""


@dataclass(frozen=True, config=STRICT)
class Config:
    """The whole configuration; each stage gets its own section."""

    tasks: Literal["technology", "citation_level", "both", "joint"] = setting(
        "both",
        "models to train: one task | both: one model for each task | joint: one model for both, which"
        " shares all but the last layer and trains on no test patent of either task",
    )
    warehouse: Warehouse = field(default_factory=Warehouse)
    engine: Engine = field(default_factory=Engine)
    source: Source = field(default_factory=Source)
    release: Release = field(default_factory=Release)
    simulate: Simulate = field(default_factory=Simulate)
    ingest: Ingest = field(default_factory=Ingest)
    label: Label = field(default_factory=Label)
    split: Split = field(default_factory=Split)
    technology: Technology = field(default_factory=Technology)
    citation_level: Task = field(
        default_factory=lambda: Task(protocol="temporal", max_tokens=200, min_tokens=50)
    )
    text: Text = field(default_factory=Text)
    shard: Shard = field(default_factory=Shard)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)
    evaluate: Evaluate = field(default_factory=Evaluate)
    audit: Audit = field(default_factory=Audit)
    register: Register = field(default_factory=Register)
    refresh: Refresh = field(default_factory=Refresh)
    inference: Inference = field(default_factory=Inference)
    predict: Predict = field(default_factory=Predict)
    index: Index = field(default_factory=Index)
    score: Score = field(default_factory=Score)
    backtest: Backtest = field(default_factory=Backtest)
    tracking: Tracking = field(default_factory=Tracking)
    logging: Logging = field(default_factory=Logging)
    service: Service = field(default_factory=Service)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks of this run, in order."""
        return TASKS if self.tasks in ("both", JOINT) else (self.tasks,)

    def task(self, name: str) -> Task:
        """The section of one task."""
        section: Task = getattr(self, name)
        return section

    @property
    def models(self) -> dict[str, tuple[str, ...]]:
        """The tasks of each model in this run, by its name: that of its only task, or joint."""
        return {JOINT: TASKS} if self.tasks == JOINT else {task: (task,) for task in self.task_names}

    def prefix(self, task: str) -> str:
        """Prefix of a task's metric names in a run that holds both tasks."""
        return f"{task}_" if self.tasks == JOINT else ""
