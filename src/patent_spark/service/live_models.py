"""The models that answer now, as one reference that a reload replaces."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.records import Prediction
from patent_spark.service.indexes import SimilarIndexes


def now() -> str:
    """The time, in UTC to the second, as /version shows it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Predicts(Protocol):
    """What the service needs of a predictor. Called by several threads at a time."""

    def predict(
        self,
        documents: Sequence[Document],
        top: int = 5,
        limit_to: Sequence[str] = (),
        explain: bool = False,
        first_row: int = 1,
    ) -> list[Prediction]:
        """One prediction a document, in order. first_row: the row of the first one."""
        ...


@dataclass(frozen=True)
class ModelVersion:
    """Which model answers for a task."""

    task: str
    name: str
    """In the registry, or a folder's name."""
    version: str
    """In the registry; empty outside it."""
    release_id: str
    identity: str
    """Digest of the model and its calibration."""
    classes: tuple[str, ...]
    """Its labels."""


@dataclass(frozen=True)
class LoadedModels:
    """Models that answer together. A request uses one of these from its beginning to its end."""

    predictor: Predicts
    versions: Mapping[str, ModelVersion]
    """By task."""
    similar: SimilarIndexes = field(default_factory=SimilarIndexes)
    """Nearest patents."""
    since: str = field(default_factory=now)
    """When they were loaded (UTC)."""


class LiveModels:
    """The current models. Replacing them is one assignment; requests in progress keep theirs."""

    def __init__(self, models: LoadedModels) -> None:
        self.current = models
