"""Where a model comes from: the champion, a registered version, a run, or a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import JOINT, TASKS, Config, ConfigError
from patent_spark.core.errors import DataError
from patent_spark.inference.model_cache import cached_package
from patent_spark.inference.model_package import Package, PackedTask
from patent_spark.tracking.registry import CHAMPION, Registry, Version

_ADDRESS = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<number>\d+)|@(?P<alias>[^/@]+))")
_NUMBERED = re.compile(rf"(?P<model>{'|'.join((*TASKS, JOINT))})=(?P<number>\d+)")
_RUN = "run:"
_SHORTEST_ID = 8


@dataclass(frozen=True)
class OpenedModel:
    """The model of a task, ready to answer."""

    task: str
    packed: PackedTask
    package: Package
    name: str
    """Its name in the registry, or its folder."""
    version: str
    """Its number in the registry; empty for a folder."""
    release_id: str
    """The release that it was trained on."""
    address: str
    """models:/<name>/<number>, or the folder."""


def open_models(
    config: Config, model: str = CHAMPION, tasks: Sequence[str] | None = None, threads: int | None = None
) -> dict[str, OpenedModel]:
    """The models of these tasks (default: all that there are), by task.

    model: `champion`, models:/<name>/<number>, models:/<name>@<alias>, <task>=<number> (joint=3,
    technology=2), run:<id>, or the folder of a package. threads: of each model; None: as many as cores.

    Raises ConfigError for a `model` that has none of these forms, DataError when the model, or the model of a
    task that was asked for, does not exist, and TrackingError when MLflow does not answer.
    """
    if is_registered_form(model):
        models = _registered(config, model, tasks, threads)
    else:
        models = _from_folder(model, threads)
    missing = [task for task in tasks or () if task not in models]
    if missing or not models:
        wanted, there = ", ".join(missing) or "any task", ", ".join(models)
        raise DataError(
            f"there is no {model} of {wanted}; "
            + (
                f"there is one of {there}: ask it with tasks={there}"
                if there
                else "run `patent-spark register` first"
            ),
            model=model,
            task=wanted,
            available=there,
        )
    return {task: models[task] for task in (tasks or models)}


def is_registered_form(model: str) -> bool:
    """Whether `model` has a form that names registered models; otherwise it is a folder."""
    named = model == CHAMPION or model.startswith(_RUN) or model.startswith("models:")
    return named or _NUMBERED.fullmatch(model) is not None


def _from_folder(model: str, threads: int | None) -> dict[str, OpenedModel]:
    folder = Path(model).expanduser()
    if not folder.is_dir():
        raise ConfigError(
            f"{model} names no model; give champion, models:/<name>/<number>, <task>=<number>, run:<id> or "
            "the folder of a package",
            model=model,
        )
    return opened_tasks(Package(folder, threads), str(folder), "", str(folder))


def _registered(
    config: Config, model: str, tasks: Sequence[str] | None, threads: int | None
) -> dict[str, OpenedModel]:
    wanted = set(tasks or TASKS)
    opened: dict[str, OpenedModel] = {}
    for registry, version in registered_versions(config, model):
        if wanted <= opened.keys():
            break
        package = cached_package(config, registry, version, threads)
        opened = opened_tasks(package, version.name, version.number, version.address) | opened
    return {task: opened[task] for task in TASKS if task in opened}


def opened_tasks(package: Package, name: str, number: str, address: str) -> dict[str, OpenedModel]:
    """The models of a package, by task. name, number, address: as in OpenedModel."""
    packed = {task: package.task(task) for task in package.tasks}
    return {
        task: OpenedModel(task, each, package, name, number, each.about.release_id, address)
        for task, each in packed.items()
    }


def registered_versions(config: Config, model: str) -> Iterator[tuple[Registry, Version]]:
    """The versions that `model` names, as in `open_models`; of two for one task the first one counts."""
    if model == CHAMPION:
        # The configuration says whether a joint model comes before one for each task.
        for registry in (Registry(config, name) for name in dict.fromkeys([*config.models, *TASKS, JOINT])):
            if (version := registry.champion()) is not None:
                yield registry, version
    elif model.startswith(_RUN):
        yield from _versions_of_run(config, model.removeprefix(_RUN))
    else:
        yield _version(config, model)


def _version(config: Config, model: str) -> tuple[Registry, Version]:
    if numbered := _NUMBERED.fullmatch(model):
        registry, number, alias = Registry(config, numbered["model"]), numbered["number"], None
    elif address := _ADDRESS.fullmatch(model):
        registry = Registry(config, "", name=address["name"])
        number, alias = address["number"], address["alias"]
    else:
        raise ConfigError(
            f"{model} names no model; give models:/<name>/<number> or models:/<name>@<alias>", model=model
        )
    version = registry.aliased(alias) if alias else registry.version(number)
    if version is None:
        numbers = ", ".join(each.number for each in registry.versions()) or "none"
        raise DataError(
            f"{model} is not registered; versions of {registry.name}: {numbers}",
            model=model,
            name=registry.name,
        )
    return registry, version


def _versions_of_run(config: Config, run: str) -> Iterator[tuple[Registry, Version]]:
    """What was registered of a training, by its id or the beginning of it."""
    any_version = False
    for registry in (Registry(config, name) for name in (*TASKS, JOINT)):
        for version in registry.versions():
            if len(run) >= _SHORTEST_ID and version.run_id.startswith(run):
                any_version = True
                yield registry, version
    if not any_version:
        raise DataError(
            f"no registered model was trained by run {run}; run `patent-spark register`, or give the folder "
            "of a package",
            run=run,
        )
