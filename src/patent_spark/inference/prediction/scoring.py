"""What a model says of documents, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.records import DIGITS, TextFacts

if TYPE_CHECKING:
    from patent_spark.inference.model_package import PackedTask


@dataclass(frozen=True)
class Scored:
    """One model on one document."""

    probabilities: NDArray[np.float32]
    """float32 [labels], calibrated."""
    facts: TextFacts


def score(packed: PackedTask, documents: Sequence[Document]) -> list[Scored]:
    """One model on some documents."""
    encoded = packed.encode([packed.text_of(document.fields) for document in documents])
    read = np.count_nonzero(encoded.tokens, axis=1)
    return [
        Scored(row, TextFacts(words=int(words), known_words=int(known), read_words=int(each)))
        for row, words, known, each in zip(
            packed.probabilities(encoded), encoded.words, encoded.known, read, strict=True
        )
    ]


def shown(probability: float | np.floating[Any]) -> float:
    """A probability as every answer shows it."""
    return round(float(probability), DIGITS)
