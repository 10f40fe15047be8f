"""A warehouse before registration (evaluated models, their runs in a real MLflow, and an audit), and what
tests read of it afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from pathlib import Path

import pytest

from patent_spark import cli
from patent_spark.config import Config
from patent_spark.core.store import Store
from patent_spark.inference.model_package import Package
from patent_spark.pipeline import run_stage
from patent_spark.stages.register.card_schema import ModelCard
from patent_spark.stages.register.report_schema import DecisionReport
from patent_spark.tracking.registry import Registry
from patent_spark.tracking.runs import create_run
from tests.support import evaluation_warehouse
from tests.support.factories import publish

TASKS = ("technology", "citation_level")
FAMILIES = "abstracts on both sides of the split"
REMEDY = "the files are gone; put them back"
"""Details of every check."""


def configured(root: Path, *sets: str) -> Config:
    return evaluation_warehouse.configured(root, "evaluate.resamples=300", *sets)


def evaluated_and_audited(root: Path) -> Store:
    """Both tasks, trained, evaluated and audited; nothing is registered."""
    config, run_ids = configured(root), {}
    for task in TASKS:
        run = create_run(config, task, {"release_id": "tiny", "code": "0.1"})
        assert (
            run.log_epochs(
                [
                    {"epoch": 1, "train_loss": 2.0, "dev_loss": 1.9},
                    {"epoch": 2, "train_loss": 1.5, "dev_loss": 1.7},
                ]
            )
            == []
        )
        run.end()
        run_ids[task] = run.run_id
    store = evaluation_warehouse.publish_warehouse(root, run_ids=run_ids)
    run_stage("evaluate", config)
    publish_audit(store)
    return store


def publish_audit(
    store: Store,
    failed: Collection[tuple[str | None, str]] = (),
    not_made: Collection[tuple[str | None, str]] = (),
) -> None:
    """An audit in which these checks failed, and these could not be made."""
    names = [
        (None, "join integrity: PATENTS to COUNTS"),
        *((task, FAMILIES) for task in TASKS),
        ("technology", "ROC-AUC of top1"),
    ]
    statuses = (
        {names[-1]: "not_applicable"} | dict.fromkeys(failed, "failed") | dict.fromkeys(not_made, "not_made")
    )
    checks = [
        {
            "task": task,
            "name": name,
            "value": 0.0,
            "limit": 0.0,
            "unit": "rows",
            "format": "count",
            "details": REMEDY,
        }
        for task, name in names
    ]
    checks = [{**check, "status": statuses.get((check["task"], check["name"]), "passed")} for check in checks]
    publish(
        store,
        "audit",
        {},
        fill=lambda draft: (draft.path("AUDIT") / "audit.json").write_text(json.dumps({"checks": checks})),
    )


def retrain(store: Store, task: str, change: Callable[[Path], None]) -> None:
    """The models anew, one of them changed in its folder, evaluated and audited."""
    old = store.directory("MODEL")

    def fill(draft) -> None:
        shutil.copytree(old, draft.path("MODEL"), dirs_exist_ok=True)
        folder = draft.path("MODEL") / task
        change(folder)
        about = json.loads((folder / "task.json").read_text())
        (folder / "task.json").write_text(json.dumps(about | {"key": "another"}))

    publish(store, "train", {}, {"tasks": {}}, fill=fill)
    run_stage("evaluate", configured(store.root))
    publish_audit(store)


def zero_last_layer(folder: Path) -> None:
    """A model that knows nothing but the labels' shares."""
    import keras

    model = keras.models.load_model(folder / "model.keras", compile=False)
    weights, bias = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([0 * weights, bias])
    model.save(folder / "model.keras")


def registered(store: Store, task: str) -> tuple[str | None, list[str]]:
    """Number of the champion, and all numbers, the newest first."""
    registry = Registry(configured(store.root), task)
    champion = registry.champion()
    return champion and champion.number, [version.number for version in registry.versions()]


def copy_of(store: Store, root: Path) -> Store:
    """A copy to break, with a registry of its own."""
    shutil.copytree(store.root, root, ignore=shutil.ignore_patterns("logs"))
    return Store(root)


def command(capsys: pytest.CaptureFixture[str], store: Store, *sets: str) -> tuple[int, str]:
    """Exit code and messages of the command `register`."""
    settings = [
        part
        for setting in (f"warehouse.root={store.root}", "evaluate.resamples=300", *sets)
        for part in ("--set", setting)
    ]
    code = cli.main(["register", *settings])
    return code, capsys.readouterr().err


def decision(store: Store, task: str) -> DecisionReport:
    """The decision about a task's model."""
    path = store.directory("MODEL_CARD") / task / "decision.json"
    return DecisionReport.model_validate_json(path.read_text())


def card_of(store: Store, model: str) -> tuple[ModelCard, str]:
    """Content and Markdown of a card."""
    folder = store.directory("MODEL_CARD") / model
    return ModelCard.model_validate_json((folder / "card.json").read_text()), (folder / "card.md").read_text()


def champion_in(store: Store, task: str, folder: Path) -> Package:
    """The package of a task's champion, fetched to a folder."""
    registry = Registry(configured(store.root), task)
    return Package(registry.fetch(registry.champion(), folder))
