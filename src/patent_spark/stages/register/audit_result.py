"""What register reads of the audit: the status of its checks, from audit.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter

from patent_spark.config import Config
from patent_spark.core.errors import DataError
from patent_spark.core.store import Store


class AuditCheck(BaseModel):
    """One check; keys that register does not need are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task: str | None
    """None: the check concerns all tasks."""
    name: str
    status: Literal["passed", "failed", "not_applicable", "not_made"]
    details: str = ""
    value: float | None = None
    limit: float | None = None
    unit: str = ""
    format: str = "number"
    """share, number or count."""


def read_checks(store: Store, config: Config) -> list[AuditCheck]:
    """All checks of the current audit; raises DataError when it does not cover a configured task."""
    checks = TypeAdapter(list[AuditCheck]).validate_python(store.read_json("AUDIT", "audit.json")["checks"])
    for task in config.task_names:
        if not any(check.task == task for check in checks):
            raise DataError(
                f"the audit does not cover task {task}; "
                f"run `patent-spark audit` with tasks={config.tasks} first",
                task=task,
                setting="tasks",
                stage="audit",
            )
    return checks


def checks_of(checks: Sequence[AuditCheck], tasks: Sequence[str]) -> list[AuditCheck]:
    """The checks that concern a model of these tasks: those of all tasks, and those of its own."""
    return [check for check in checks if check.task is None or check.task in tasks]
