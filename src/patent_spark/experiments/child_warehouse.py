"""Child warehouses: their own splits, vectors and models on a shared release and shared labels."""

from __future__ import annotations

import os
from pathlib import Path

from patent_spark.config import Config, ConfigError, Settings, digest, flatten, with_settings
from patent_spark.core.store import Store, open_store
from patent_spark.metrics.report_schema import Record
from patent_spark.pipeline import planned, run_stage
from patent_spark.stages.audit.report_schema import read_audit
from patent_spark.tracking.runs import Run, tracking_uri

_SHARED_STAGES = ("simulate", "ingest")
_OWN_STAGES = ("split", "text", "shard", "train", "evaluate", "audit")


class FailedCheck(Record):
    """A check of the audit that failed."""

    task: str | None
    """None: it concerns all tasks."""
    name: str


class AuditOutcome(Record):
    """What the audit says of a warehouse."""

    status: str
    """passed, failed, or incomplete: no check failed, but some could not run."""
    run: int
    """Checks that ran."""
    failed: tuple[FailedCheck, ...]

    def failed_for(self, task: str) -> list[str]:
        """Names of the failed checks that concern a task."""
        return sorted({check.name for check in self.failed if check.task in (None, task)})


def run_shared_stages(config: Config) -> None:
    """The release and its tables in the main warehouse; skipped when they are there."""
    for stage in planned(config):
        if stage.name in _SHARED_STAGES:
            run_stage(stage.name, config)


def label_warehouse(main: Config, config: Config, kind: str) -> Path:
    """Root of the warehouse with LABELS by the settings of `config`.

    That is the main one if its label settings are the same, else a child of this kind.
    """
    root = main.warehouse.folder.absolute()
    if config.label != main.label:
        settings = {name: value for name, value in flatten(config).items() if name.startswith("label.")}
        root = _linked(root, kind, f"labels-{digest(settings)}", dict.fromkeys(_SHARED_STAGES, root))
    run_stage("label", with_settings(config, {"warehouse.root": str(root)}))
    return root


def child_warehouse(main: Config, kind: str, name: str, labels: Path) -> Path:
    """Root of a child: release and tables link to the main warehouse, LABELS to the warehouse `labels`."""
    root = main.warehouse.folder.absolute()
    return _linked(root, kind, name, dict.fromkeys(_SHARED_STAGES, root) | {"label": labels})


def child_settings(main: Config, root: Path, parent: Run) -> Settings:
    """Settings that isolate the work of a child: its root, and a run in the main MLflow below `parent`."""
    tracking = {"uri": tracking_uri(main), "parent_run": parent.run_id, "run_name": root.name}
    return {"warehouse.root": str(root), **{f"tracking.{name}": value for name, value in tracking.items()}}


def run_child(config: Config, *, force: bool, resume: bool) -> Store:
    """All stages from split to audit in a child; stages that are up to date are skipped."""
    for stage in _OWN_STAGES:
        run_stage(stage, config, force=force, resume=resume)
    return open_store(config.warehouse)


def audit_outcome(store: Store) -> AuditOutcome:
    """The outcome of the current audit."""
    audit = read_audit(store)
    failed = audit.with_status("failed")
    return AuditOutcome(
        status=audit.status,
        run=audit.n_completed,
        failed=tuple(FailedCheck(task=check.task, name=check.name) for check in failed),
    )


def _linked(root: Path, kind: str, name: str, homes: dict[str, Path]) -> Path:
    """A child's folder with a link for each shared stage; links are relative, so all can be moved."""
    folder = root / kind / "work" / name
    folder.mkdir(parents=True, exist_ok=True)
    for stage, home in homes.items():
        link, target = folder / stage, os.path.relpath(home / stage, folder)
        if link.is_symlink() and str(link.readlink()) == target:
            continue
        if link.is_symlink():
            link.unlink()
        if (home / stage).exists():
            link.symlink_to(target)
    return folder


def require_possible(config: Config, experiment: str) -> None:
    """Raises ConfigError for an external launcher, which starts one training only, and for a bucket, which
    has no links to other warehouses."""
    if config.train.launcher == "external":
        raise ConfigError(
            f"train.launcher = external starts one training only; use local or spark for {experiment}",
            setting="train.launcher",
            value="external",
        )
    if config.warehouse.in_bucket:
        raise ConfigError(
            f"{experiment} needs a warehouse in a folder; set warehouse.root to one, "
            f"and not to {config.warehouse.root}",
            setting="warehouse.root",
        )
