"""What makes a vector of a text: a model's network, or word vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from patent_spark.inference.model_source import OpenedModel

DOCUMENT, WORDS = "document", "words"
"""Kinds of vectors: settings of `index.vectors`."""


class TextEncoder(Protocol):
    """Makes vectors of texts; vectors of different identities cannot be compared."""

    @property
    def identity(self) -> str:
        """Digest of all that a vector depends on."""

    def text_of(self, fields: Mapping[str, str]) -> str:
        """The text that it reads of a title, an abstract, ..."""

    def vectors(self, texts: pa.ListArray) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """float32 [n, d] of texts as lists of words, and how many words of each are known."""


class DocumentEncoder:
    """The document vectors of a model: the pooled state that its last layer reads."""

    def __init__(self, model: OpenedModel, batch: int = 512) -> None:
        """batch: texts that the network reads at a time."""
        self._packed, self._batch = model.packed, batch
        self.identity = model.package.identity

    def text_of(self, fields: Mapping[str, str]) -> str:
        """As TextEncoder says: the parts that the model learned from."""
        return self._packed.text_of(fields)

    def vectors(self, texts: pa.ListArray) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """As TextEncoder says."""
        encoded = self._packed.encode_words(texts)
        return self._packed.document_vectors(encoded, self._batch), encoded.known
