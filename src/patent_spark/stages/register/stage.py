"""Stage register: the gate before the registry of MLflow, and the card of what passed it.

A model enters the registry, as the new champion, if the audit passes and it is not worse than the champion on the same
test patents (decision.py has the rule). All models are judged before anything is written; the alias is set last, so that
a stage that was killed leaves the old champion. A model that is refused leaves registry and alias as they were, and ends
the command with exit code 4. The registry lies outside the warehouse, so the stage is never skipped: a model that is the
champion already stays so, and none is registered twice.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from patent_spark.config import JOINT, digest, recorded
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.progress import say
from patent_spark.core.store import Store, write_json
from patent_spark.inference.model_package import Package, write_package
from patent_spark.metrics.groups import read_cohorts
from patent_spark.metrics.prediction_records import paired
from patent_spark.stages.register.candidate_vs_champion import candidate_answers, champion_answers, new_to
from patent_spark.stages.register.card_content import make_card
from patent_spark.stages.register.model_card import Card, write_card
from patent_spark.stages.register.promotion_rule import (
    COMPARED,
    REFUSED,
    STANDS,
    Contest,
    Decision,
    audit_objects,
    audit_was_loosened,
    decide,
)
from patent_spark.tracking.registry import CHAMPION, IDENTITY, Registry, Version

_CARDS = ("card.html", "card.md")


@dataclass(frozen=True)
class Judged:
    """A model before the gate."""

    model: str
    tasks: tuple[str, ...]
    registry: Registry
    champion: Version | None
    package: Package | None
    """The champion's files."""
    decision: Decision


def run(context: StageContext) -> None:
    """Judge the models of the configuration, register those that pass, write MODEL_CARD; refuse the others."""
    _require_models(context)
    audit = _audit(context)
    with TemporaryDirectory(dir=context.draft.directory) as folder:
        scratch = Path(folder)
        judged = [
            _judge(context, model, tasks, audit, scratch / model)
            for model, tasks in context.config.models.items()
        ]
        learned = {each.model: _conclude(context, each, audit, scratch / each.model) for each in judged}
    context.record_metadata(models=learned)
    context.refusal = "; ".join(
        f"{each.model} is not registered: {' and '.join(each.decision.reasons)}"
        for each in judged
        if each.decision.refused
    )


def _require_models(context: StageContext) -> None:
    """A model of both tasks is registered as one, and others each by itself; raises DataError."""
    train = context.store.manifest("train")
    trained = recorded(train.settings if train else {}).tasks
    if (trained == JOINT) != (context.config.tasks == JOINT):
        raise DataError(
            f"the current models were trained with tasks={trained}, not {context.config.tasks}; register them with the former"
        )


def _audit(context: StageContext) -> dict[str, Any]:
    """audit.json; raises DataError when a task was not audited."""
    found = context.store.read_json("AUDIT", "audit.json")
    for task in context.config.task_names:
        if not any(check["task"] == task for check in found["checks"]):
            raise DataError(
                f"task {task} was not audited; run `patent-spark audit` with tasks={context.config.tasks} first"
            )
    return found


def _judge(
    context: StageContext, model: str, tasks: tuple[str, ...], audit: dict[str, Any], scratch: Path
) -> Judged:
    registry = Registry(context.config, model)
    champion = registry.champion()
    scratch.mkdir()
    package = None
    if champion is not None:
        (scratch / CHAMPION).mkdir()
        package = Package(registry.fetch(champion, scratch / CHAMPION))
    return Judged(
        model, tasks, registry, champion, package, _decide(context, tasks, audit, champion, package, scratch)
    )


def _decide(
    context: StageContext,
    tasks: Sequence[str],
    audit: dict[str, Any],
    champion: Version | None,
    package: Package | None,
    scratch: Path,
) -> Decision:
    manifest = context.store.manifest("audit")
    asked = recorded(manifest.settings if manifest else {}).audit
    if objection := audit_objects(audit["checks"], tasks) or audit_was_loosened(asked):
        return Decision(REFUSED, [objection])
    if champion is None or package is None:
        return decide([], context.config.register.margin)
    if champion.tags.get(IDENTITY) == _identity(context.store, tasks):
        return Decision(STANDS)
    return decide(
        [contest for task in tasks for contest in _contests(context, task, package, scratch)],
        context.config.register.margin,
    )


def _identity(store: Store, tasks: Sequence[str]) -> str:
    """The same for the same trained model with the same calibration."""
    return digest(
        [
            [store.read_json("MODEL", f"{task}/task.json"), store.read_json("CALIBRATION", f"{task}.json")]
            for task in tasks
        ]
    )


def _contests(context: StageContext, task: str, package: Package, scratch: Path) -> list[Contest]:
    """The current model beside the champion in each figure, on the test patents of which the champion did not learn."""
    everyone = candidate_answers(context.store, task)
    fresh = new_to(package, everyone, read_cohorts(context))
    left_out = int((~fresh).sum())
    if not fresh.any():
        return [Contest(task, COMPARED[task][0], None, None, None, None, 0, left_out)]
    model = everyone.of(fresh)
    told = paired(
        champion_answers(context, package.task(task), model, scratch), model, context.config.evaluate
    )["all"]
    ours, theirs = told["figures"]["other"], told["figures"]["one"]
    apart = {figure: told["differences"][figure] for figure in COMPARED[task]}
    return [
        Contest(
            task,
            figure,
            ours[figure],
            theirs[figure],
            each["difference"],
            each["interval"],
            told["patents"],
            left_out,
        )
        for figure, each in apart.items()
    ]


def _conclude(context: StageContext, judged: Judged, audit: dict[str, Any], scratch: Path) -> dict[str, Any]:
    """Register what passed; the card of the champion, old or new, and the decision into MODEL_CARD; returns what is to be learned."""
    version, package, decision = judged.champion, judged.package, judged.decision
    if decision.verdict not in (REFUSED, STANDS):
        version, package = _register(context, judged, audit, scratch / "new")
    folder = context.draft.path("MODEL_CARD") / judged.model
    folder.mkdir()
    if package is not None:
        for name in _CARDS:
            shutil.copyfile(package.folder / name, folder / name)
    told = {
        "verdict": decision.verdict,
        "reasons": list(decision.reasons),
        "champion": version and version.address,
    }
    write_json(
        folder / "decision.json",
        told | {"contests": [dataclasses.asdict(contest) for contest in decision.contests]},
    )
    say(f"  {judged.model}: {_in_words(decision, judged.champion, version)}")
    return told


def _register(
    context: StageContext, judged: Judged, audit: dict[str, Any], folder: Path
) -> tuple[Version, Package]:
    """A version of the current model, unless an earlier attempt left it, and the alias last of all."""
    store, registry = context.store, judged.registry
    package = write_package(store, judged.model, judged.tasks, folder)
    card = make_card(
        store, context.config, judged.model, registry.name, audit["checks"], judged.decision, judged.champion
    )
    write_card(package.folder, card)
    identity = _identity(store, judged.tasks)
    version = next((each for each in registry.versions() if each.tags.get(IDENTITY) == identity), None)
    if version is None:
        run_id = package.task(judged.tasks[0]).about["run_id"]
        version = registry.add(
            run_id, package.folder, {IDENTITY: identity} | _tags(store, card), card.description()
        )
    registry.promote(version)
    return version, package


def _tags(store: Store, card: Card) -> dict[str, str]:
    """What the registry shows of a version beside its description."""
    stages = {
        f"stage.{name}": manifest.version
        for name in ("train", "evaluate", "audit")
        if (manifest := store.manifest(name))
    }
    return {**card.tags, **stages}


def _in_words(decision: Decision, before: Version | None, version: Version | None) -> str:
    if decision.refused:
        return f"refused; {before.address + ' stays the champion' if before else 'there is no champion yet'}"
    if decision.verdict == STANDS or version is None:
        return f"{before.address if before else 'nothing'} is this model already, and stays the champion"
    return f"registered as {version.address}, the champion now: {decision.verdict}" + (
        f" than {before.address}" if before else " of its name"
    )
