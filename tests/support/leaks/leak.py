"""One leak, and the result of the check that must catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patent_spark.config import TECHNOLOGY, Config
from patent_spark.core.store import Store
from patent_spark.stages.audit.checks.registry import TASK_CHECKS, WAREHOUSE_CHECKS
from patent_spark.stages.audit.report_schema import CheckResult
from patent_spark.stages.audit.task_data import TaskData
from patent_spark.stages.audit.warehouse import Warehouse


@dataclass(frozen=True)
class Leak:
    """A leak, how it is injected into a warehouse, and the check that must catch it."""

    description: str
    caught_by: str
    """Code of the check."""
    inject: Callable[[Store], None]
    task: str | None = TECHNOLOGY
    """The task of the check; None: it is a check of the warehouse."""


def run_check(code: str, task: str | None, store: Store, config: Config) -> CheckResult:
    """The result of one check of the audit, by its code; task: None for a check of the warehouse."""
    warehouse = Warehouse(store, config)
    if task is None:
        return next(check for check in WAREHOUSE_CHECKS if check.spec.code == code).run(warehouse)
    return next(check for check in TASK_CHECKS if check.spec.code == code).run(TaskData(warehouse, task))


def result_for(leak: Leak, store: Store, config: Config) -> CheckResult:
    """The result of the leak's check on a warehouse."""
    return run_check(leak.caught_by, leak.task, store, config)
