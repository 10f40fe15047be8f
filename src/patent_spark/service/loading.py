"""Opened models as the service uses them, after they answered their own sample texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from patent_spark.config import Config
from patent_spark.core.store import open_store
from patent_spark.inference.model_package import Package
from patent_spark.inference.model_source import OpenedModel
from patent_spark.inference.prediction.predictor import Predictor
from patent_spark.inference.samples import TOLERANCE
from patent_spark.service.indexes import open_indexes
from patent_spark.service.live_models import LoadedModels, ModelVersion


class UnfitModel(Exception):
    """A model must not answer. `code` names the reason in the metrics; `lasting`: trying again is in vain."""

    def __init__(self, code: str, reason: str, lasting: bool = True) -> None:
        super().__init__(reason)
        self.code, self.reason, self.lasting = code, reason, lasting


def check_samples(package: Package) -> None:
    """Have a model answer its own sample texts, which also loads it whole.

    Raises UnfitModel when it does not give the answers that it gave when it was packed.
    """
    try:
        if not package.samples:
            raise UnfitModel("no_samples", "it has no sample texts to answer; register it again")
        difference = package.sample_difference()
    except UnfitModel:
        raise
    except Exception as error:  # of the network, the JSON, the disk: whatever spoils a package
        reason = f"its files cannot be used ({type(error).__name__})"
        raise UnfitModel("unreadable", reason) from error
    if not difference <= TOLERANCE:
        raise UnfitModel(
            "differs",
            f"its answers to its own sample texts differ by {difference:.2g} from those that it was "
            f"registered with (allowed: {TOLERANCE:g})",
        )


def loaded_models(config: Config, opened: Mapping[str, OpenedModel]) -> LoadedModels:
    """Opened models, by task, with the predictor that asks them. Clients see no path of a folder."""
    opened = {task: _named(model) for task, model in opened.items()}
    versions = {
        task: ModelVersion(
            task=task,
            name=model.name,
            version=model.version,
            release_id=model.release_id,
            identity=model.package.identity,
            classes=tuple(model.packed.labels),
        )
        for task, model in opened.items()
    }
    predictor = Predictor(opened, config.predict.min_confidence, open_store(config.warehouse))
    return LoadedModels(predictor, versions, open_indexes(config, opened))


def _named(model: OpenedModel) -> OpenedModel:
    """A model of a folder goes by the folder's name."""
    folder = model.package.folder.name
    return model if model.version else dataclasses.replace(model, name=folder, address=folder)
