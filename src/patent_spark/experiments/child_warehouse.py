"""Warehouses below the main one: each with splits, vectors and a model of its own, on the release and labels that are there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from patent_spark.config import Config, Settings, digest, flatten, with_settings
from patent_spark.core.store import Store
from patent_spark.pipeline import planned, run_stage
from patent_spark.tracking.runs import Run, tracking_uri

_SHARED = ("simulate", "ingest")
_OWN = ("split", "text", "shard", "train", "evaluate", "audit")


def prepare(config: Config) -> None:
    """The release and its tables in the main warehouse, made when they are not there."""
    for stage in planned(config):
        if stage.name in _SHARED:
            run_stage(stage.name, config)


def labelled(main: Config, config: Config, kind: str) -> Path:
    """The root of the warehouse that holds LABELS by the rule of `config`: the main one where that is its rule, else one below it."""
    root = Path(main.warehouse.root).absolute()
    if config.label != main.label:
        rule = {name: value for name, value in flatten(config).items() if name.startswith("label.")}
        root = _linked(root, kind, f"labels-{digest(rule)}", dict.fromkeys(_SHARED, root))
    run_stage("label", with_settings(config, {"warehouse.root": str(root)}))
    return root


def warehouse_below(main: Config, kind: str, name: str, labels: Path) -> Path:
    """The root of the warehouse of that kind and name, which shares release and tables with the main one and LABELS with another."""
    root = Path(main.warehouse.root).absolute()
    return _linked(root, kind, name, dict.fromkeys(_SHARED, root) | {"label": labels})


def train_and_judge(config: Config, *, force: bool, resume: bool) -> Store:
    """All stages from split to audit in a warehouse below; those whose inputs and settings did not change are skipped."""
    for stage in _OWN:
        run_stage(stage, config, force=force, resume=resume)
    return Store(config.warehouse.root)


def places(main: Config, root: Path, parent: Run) -> Settings:
    """The settings that put the work of a warehouse below there, and its trainings into the main one's MLflow, under one run."""
    tracking = {"uri": tracking_uri(main), "parent_run": parent.run_id, "run_name": root.name}
    return {"warehouse.root": str(root), **{f"tracking.{name}": value for name, value in tracking.items()}}


def verdict_of(store: Store) -> dict[str, Any]:
    """What the audit said: verdict (incomplete: some checks could not be made), checks judged, and those that failed as [task or None, name]."""
    found = store.read_json("AUDIT", "audit.json")
    checks = found["checks"]
    failed = [[check["task"], check["name"]] for check in checks if check["verdict"] == "failed"]
    verdicts = [check["verdict"] for check in checks]
    return {
        "verdict": found["verdict"],
        "judged": verdicts.count("passed") + verdicts.count("failed"),
        "failed": failed,
    }


def _linked(root: Path, kind: str, name: str, homes: dict[str, Path]) -> Path:
    """The folder, with a link for each stage that lives in another warehouse; links are relative, so that the whole can be moved."""
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
