"""Finds where models come from: registry, run, lineage.json and, for older models, the manifests."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from patent_spark.config import JOINT, TASKS, Config
from patent_spark.core.errors import DataError
from patent_spark.core.lineage import LINEAGE_FILE, Lineage, lineage_of
from patent_spark.core.store import open_store
from patent_spark.inference.model_source import is_registered_form, registered_versions
from patent_spark.lineage.records import Lineages, ModelLineage, RunLineage
from patent_spark.tracking.history import RunRecord, fetch, find_run
from patent_spark.tracking.openlineage import LineageEvents
from patent_spark.tracking.registry import Registry, Version

_RUN, _STAGE = "run:", "stage."


def trace(config: Config, model: str) -> Lineages:
    """The lineage of what `model` names.

    model: `champion` (of each task), a task or joint (its champion), models:/<name>/<number>,
    models:/<name>@<alias>, <task>=<number>, run:<id>, or the id or name of a run.

    Raises ConfigError when no run has such a name, DataError when no such version is registered, and
    TrackingError.
    """
    return Lineages(models=tuple(_traced(config, run, version) for run, version in _found(config, model)))


def send_events(config: Config, lineages: Lineages) -> None:
    """Send the stages behind the models as OpenLineage events, if the environment names a receiver."""
    events = LineageEvents(open_store(config.warehouse).address)
    for model in lineages.models:
        events.send_all(model.origin)


def _found(config: Config, model: str) -> list[tuple[RunRecord, Version | None]]:
    if model in (*TASKS, JOINT):
        champion = Registry(config, model).champion()
        if champion is None:
            raise DataError(
                f"{model} has no champion; run `patent-spark register` first, or name a run", model=model
            )
        return [(find_run(config, champion.run_id), champion)]
    if model.startswith(_RUN) or not is_registered_form(model):
        run = find_run(config, model.removeprefix(_RUN))
        return [(run, version) for version in _versions_of_run(config, run)] or [(run, None)]
    versions = [version for _, version in registered_versions(config, model)]
    if not versions:
        raise DataError(f"there is no {model}; run `patent-spark register` first, or name a run", model=model)
    return [(find_run(config, version.run_id), version) for version in versions]


def _versions_of_run(config: Config, run: RunRecord) -> list[Version]:
    registries = (Registry(config, name) for name in (*TASKS, JOINT))
    return [version for each in registries for version in each.versions() if version.run_id == run.run_id]


def _traced(config: Config, run: RunRecord, version: Version | None) -> ModelLineage:
    recorded = _recorded(config, run)
    return ModelLineage(
        model=version.address if version else f"{_RUN}{run.run_id}",
        champion=version is not None and _is_champion(config, version),
        run=RunLineage(
            run_id=run.run_id,
            name=run.name,
            started=run.started,
            status=run.status,
            code=run.tags.get("code", ""),
            release_id=run.tags.get("release_id", ""),
        ),
        judged_by=_stages(version.tags) if version else {},
        recorded=recorded is not None,
        origin=recorded or lineage_of(open_store(config.warehouse), _stages(run.tags)),
    )


def _is_champion(config: Config, version: Version) -> bool:
    champion = Registry(config, "", name=version.name).champion()
    return champion is not None and champion.number == version.number


def _stages(tags: dict[str, str]) -> dict[str, str]:
    """The versions of stages that tags name."""
    return {name.removeprefix(_STAGE): tags[name] for name in sorted(tags) if name.startswith(_STAGE)}


def _recorded(config: Config, run: RunRecord) -> Lineage | None:
    """lineage.json of a run; a joint run has it with the files of each task."""
    with TemporaryDirectory() as scratch:
        for folder in ("training", *(f"{task}_training" for task in TASKS)):
            path = fetch(config, run, f"{folder}/{LINEAGE_FILE}", Path(scratch))
            if path is not None:
                return Lineage.model_validate_json(path.read_bytes())
    return None
