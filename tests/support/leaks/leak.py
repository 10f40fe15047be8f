"""One leak, and what the audit says of a warehouse that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from patent_spark.config import TECHNOLOGY, Config
from patent_spark.core.store import Store
from patent_spark.stages.audit.checks.recount import recounted_labels
from patent_spark.stages.audit.evidence import Evidence, Warehouse
from patent_spark.stages.audit.raw_release import find_release
from patent_spark.stages.audit.verdicts import Check


@dataclass(frozen=True)
class Leak:
    """What is planted, where, and who must notice."""

    planted: str
    caught_by: str
    """Name of the check."""
    check: Callable[..., Check | list[Check]]
    plant: Callable[[Store], None]
    task: str | None = TECHNOLOGY


def judge(leak: Leak, store: Store, config: Config) -> Check:
    """What the leak's check says of a warehouse."""
    warehouse = Warehouse(store, config.audit)
    if leak.check is recounted_labels:
        return recounted_labels(warehouse, find_release(store, config))
    found = leak.check(Evidence(warehouse, leak.task) if leak.task else warehouse)
    return next(
        check for check in (found if isinstance(found, list) else [found]) if check.name == leak.caught_by
    )
