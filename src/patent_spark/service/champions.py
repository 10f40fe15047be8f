"""The champions of the registry: loaded aside, asked their own sample texts, and only then used."""

from __future__ import annotations

from collections.abc import Iterator

from patent_spark.config import JOINT, TASKS, Config
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.progress import log
from patent_spark.inference.model_cache import cached_package
from patent_spark.inference.model_package import Package
from patent_spark.inference.model_source import OpenedModel, opened_tasks
from patent_spark.service.answers import RefusedVersion
from patent_spark.service.indexes import index_version
from patent_spark.service.live_models import LoadedModels, now
from patent_spark.service.loading import UnfitModel, check_samples, loaded_models
from patent_spark.tracking.registry import Registry, Version
from patent_spark.tracking.server import TrackingError


class Champions:
    """The champion of each registered model. Used by one thread at a time."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._accepted: dict[str, tuple[Version, Package]] = {}
        self._refused: dict[str, tuple[str, UnfitModel, str]] = {}

    def look(self) -> tuple[list[Version], list[tuple[Version, UnfitModel]]]:
        """Ask the registry, and load what is new: versions that were accepted, and those refused.

        A spoilt version is not tried again while it stays the champion. Raises TrackingError when
        the registry does not answer; then everything stays as it is.
        """
        accepted, refused = [], []
        for registry, version in self._new():
            try:
                package = self._checked(registry, version)
            except UnfitModel as unfit:
                self._refused[version.name] = (version.number, unfit, now())
                log.warning("%s is refused: %s", version.address, unfit.reason)
                refused.append((version, unfit))
            else:
                self._accepted[version.name] = (version, package)
                self._refused.pop(version.name, None)
                accepted.append(version)
        return accepted, refused

    def models(self) -> LoadedModels:
        """The accepted models. Raises DataError when there is none."""
        opened: dict[str, OpenedModel] = {}
        for name in self._names():
            if name in self._accepted:
                version, package = self._accepted[name]
                opened = opened_tasks(package, version.name, version.number, version.address) | opened
        if not opened:
            raise DataError(
                "the registry has no champion; run `patent-spark register` first, or serve the folder of a "
                "package with --model FOLDER",
                alias="champion",
            )
        return loaded_models(self._config, {task: opened[task] for task in TASKS if task in opened})

    def has_new_index(self, models: LoadedModels) -> bool:
        """Whether the warehouse has another index than these models search."""
        return index_version(self._config) != models.similar.version

    @property
    def refused(self) -> list[RefusedVersion]:
        """For /version."""
        return [
            RefusedVersion(name=name, version=number, reason=unfit.reason, at=at)
            for name, (number, unfit, at) in [*self._refused.items()]
        ]

    def _names(self) -> list[str]:
        """Names in the registry; where two have a model of a task, the first one counts."""
        models = dict.fromkeys([*self._config.models, *TASKS, JOINT])
        return [Registry(self._config, model).name for model in models]

    def _new(self) -> Iterator[tuple[Registry, Version]]:
        for name in self._names():
            registry = Registry(self._config, "", name=name)
            version = registry.champion()
            if version is None:
                continue
            accepted, refused = self._accepted.get(name), self._refused.get(name)
            if accepted and accepted[0].number == version.number:
                self._refused.pop(name, None)  # the alias went back
            elif not (refused and refused[0] == version.number and refused[1].lasting):
                yield registry, version

    def _checked(self, registry: Registry, version: Version) -> Package:
        try:
            package = cached_package(self._config, registry, version, threads=1)
        except TrackingError:
            raise
        except OSError as error:
            raise UnfitModel(
                "not_stored",
                f"it cannot be stored in inference.cache ({error.strerror or type(error).__name__})",
                lasting=False,
            ) from error
        except (WorkError, DataError) as error:
            reason = f"its files cannot be used ({type(error).__name__})"
            raise UnfitModel("unreadable", reason) from error
        check_samples(package)
        return package
