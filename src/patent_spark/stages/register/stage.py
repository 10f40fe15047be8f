"""Stage register: promote a model to champion in the MLflow registry, with a model card, or reject it.

promotion_rule.py has the rule. All candidates are compared before anything is written. The alias is set last,
so a killed stage leaves the old champion in place. A rejected candidate leaves registry and alias unchanged,
and the command ends with exit code 4. The registry is outside the warehouse, so the stage is never skipped. A
candidate that already is the champion stays so, and no model is registered twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from patent_spark.config import JOINT, recorded
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.metadata import RegisteredModel, RegisterMetadata
from patent_spark.core.model_files import TaskDescription
from patent_spark.core.progress import say
from patent_spark.core.store import Store
from patent_spark.inference.model_package import Package
from patent_spark.inference.packaging import identity_of, write_package
from patent_spark.stages.register.audit_result import AuditCheck, read_checks
from patent_spark.stages.register.candidate_vs_champion import compare_with_champion, other_level
from patent_spark.stages.register.card_content import Promotion, card_metrics, make_card
from patent_spark.stages.register.messages import outcome_message, rejection_message
from patent_spark.stages.register.model_card import (
    copy_card,
    description,
    markdown,
    version_tags,
    write_card,
)
from patent_spark.stages.register.promotion_rule import (
    audit_rejection,
    decide,
    is_accepted,
    weakened_audit_rejection,
)
from patent_spark.stages.register.report_schema import (
    ALREADY_CHAMPION,
    REJECTED,
    Decision,
    DecisionReport,
    MetricComparison,
)
from patent_spark.tracking.registry import CHAMPION, IDENTITY, Registry, Version


@dataclass(frozen=True)
class Candidate:
    """A trained model, and the champion that it competes with."""

    model: str
    tasks: tuple[str, ...]
    registry: Registry
    champion: Version | None
    champion_package: Package | None
    """The champion's files; None when there is no champion."""


def run(context: StageContext) -> None:
    """Decide on each model of the configuration, register those that pass, and write MODEL_CARD."""
    _require_same_tasks(context)
    checks = read_checks(context.store, context.config)
    with TemporaryDirectory(dir=context.draft.directory) as folder:
        scratch = Path(folder)
        decisions = []
        for model, tasks in context.config.models.items():
            candidate = _candidate(context, model, tasks, scratch / model)
            decisions.append((candidate, _decide(context, candidate, checks, scratch / model)))
        reports = {
            candidate.model: _conclude(context, candidate, decision, checks, scratch / candidate.model)
            for candidate, decision in decisions
        }
    _record(context, reports)


def _record(context: StageContext, reports: Mapping[str, DecisionReport]) -> None:
    models = {
        name: RegisteredModel(verdict=report.verdict, reasons=report.messages, champion=report.champion)
        for name, report in reports.items()
    }
    context.record_metadata(RegisterMetadata(models=models))
    context.refusal = "; ".join(
        f"{name} is not registered: {' and '.join(report.messages)}"
        for name, report in reports.items()
        if report.rejected
    )


def _require_same_tasks(context: StageContext) -> None:
    """Raises DataError when tasks=joint does not hold for both the trained models and the configuration."""
    train = context.store.manifest("train")
    trained = recorded(train.settings if train else {}).tasks
    if (trained == JOINT) != (context.config.tasks == JOINT):
        raise DataError(
            f"the current models were trained with tasks={trained}, not {context.config.tasks}; "
            f"run `patent-spark register` with tasks={trained}",
            setting="tasks",
            trained=trained,
            configured=context.config.tasks,
        )


def _candidate(context: StageContext, model: str, tasks: tuple[str, ...], scratch: Path) -> Candidate:
    registry = Registry(context.config, model)
    champion = registry.champion()
    scratch.mkdir()
    package = None
    if champion is not None:
        (scratch / CHAMPION).mkdir()
        package = Package(registry.fetch(champion, scratch / CHAMPION))
    return Candidate(model, tasks, registry, champion, package)


def _decide(
    context: StageContext, candidate: Candidate, checks: Sequence[AuditCheck], scratch: Path
) -> Decision:
    manifest = context.store.manifest("audit")
    audit_settings = recorded(manifest.settings if manifest else {}).audit
    rejection = audit_rejection(checks, candidate.tasks) or weakened_audit_rejection(audit_settings)
    reasons = (rejection,) if rejection else ()
    if reasons and not is_accepted(reasons, context.accepted):
        return Decision(verdict=REJECTED, reasons=reasons)
    champion, package, margin = candidate.champion, candidate.champion_package, context.config.register.margin
    compared: list[MetricComparison] = []
    if champion is not None and package is not None:
        if champion.tags.get(IDENTITY) == identity_of(context.store, candidate.tasks):
            return Decision(verdict=ALREADY_CHAMPION)
        others = [reason for task in candidate.tasks if (reason := other_level(context.store, task, package))]
        if others:
            return decide([], margin, [*reasons, *others], context.accepted)
        say(f"  {candidate.model}: compared with {champion.address} on the same test patents")
        for task in candidate.tasks:
            compared += compare_with_champion(context, task, package, scratch)
    return decide(compared, margin, reasons, context.accepted)


def _conclude(
    context: StageContext,
    candidate: Candidate,
    decision: Decision,
    checks: Sequence[AuditCheck],
    scratch: Path,
) -> DecisionReport:
    """Register the candidate if it passed; write decision.json and the card of the champion, old or new."""
    version, package = candidate.champion, candidate.champion_package
    if decision.promotes:
        version, package = _register(context, candidate, decision, checks, scratch / "new")
    folder = context.draft.path("MODEL_CARD") / candidate.model
    folder.mkdir()
    if package is not None:
        copy_card(package.folder, folder)
    report = DecisionReport(
        **dict(decision),
        release_id=TaskDescription.read(context.store.directory("MODEL") / candidate.tasks[0]).release_id,
        champion=version.address if version else None,
        messages=tuple(map(rejection_message, decision.reasons)),
    )
    write_json(folder / "decision.json", report.model_dump(mode="json"))
    before = candidate.champion.address if candidate.champion else None
    say(f"  {candidate.model}: {outcome_message(decision, before, report.champion)}")
    return report


def _register(
    context: StageContext,
    candidate: Candidate,
    decision: Decision,
    checks: Sequence[AuditCheck],
    folder: Path,
) -> tuple[Version, Package]:
    """Add a version, unless an interrupted attempt already did, and set the alias last."""
    store, registry = context.store, candidate.registry
    say(f"  {candidate.model}: packed, and answers of onnxruntime compared with those of Keras")
    package = write_package(store, candidate.model, candidate.tasks, folder)
    promotion = Promotion(candidate.model, registry.name, decision, candidate.champion)
    card, metrics = make_card(store, context.config, promotion, checks), card_metrics(store, candidate.tasks)
    write_card(package.folder, card, metrics)
    identity = identity_of(store, candidate.tasks)
    version = next((each for each in registry.versions() if each.tags.get(IDENTITY) == identity), None)
    if version is None:
        say(f"  {candidate.model}: sent to the registry")
        tags = {IDENTITY: identity} | version_tags(card) | _stage_tags(store)
        text = description(markdown(card, metrics))
        version = registry.add(card.tasks[0].run_id, package.folder, tags, text)
    registry.promote(version)
    return version, package


def _stage_tags(store: Store) -> dict[str, str]:
    """Versions of the stages behind a model."""
    return {
        f"stage.{name}": manifest.version
        for name in ("train", "evaluate", "audit")
        if (manifest := store.manifest(name))
    }
