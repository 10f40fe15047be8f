"""What this package uses of opened models: the interface of inference.model_source and model_package."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.model_files import TaskDescription


@dataclass(frozen=True)
class EncodedTexts:
    """Texts as token ids."""

    tokens: NDArray[np.int32]
    """[n, max_tokens], 0 on the right."""
    known: NDArray[np.int64]
    """[n]: known words of each text."""
    words: NDArray[np.int64]
    """[n]: words of each text."""


class PackedTask(Protocol):
    """The model of one task."""

    @property
    def about(self) -> TaskDescription:
        """Labels, lengths, text."""

    def encode(self, texts: Sequence[str]) -> EncodedTexts:
        """Texts as token ids."""

    def probabilities(self, encoded: EncodedTexts, batch: int = ...) -> NDArray[np.float32]:
        """[n, labels], calibrated."""


class Package(Protocol):
    """The folder of a model."""

    @property
    def folder(self) -> Path:
        """Where it is."""


class OpenedModel(Protocol):
    """A model of a task and where it came from."""

    @property
    def packed(self) -> PackedTask:
        """The model."""

    @property
    def package(self) -> Package:
        """Its package."""

    @property
    def name(self) -> str:
        """In the registry, or of its folder."""

    @property
    def version(self) -> str:
        """In the registry; empty outside it."""

    @property
    def release_id(self) -> str:
        """The release that it learned from."""

    @property
    def address(self) -> str:
        """models:/name/version, or its folder."""
