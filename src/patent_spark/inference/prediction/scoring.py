"""What a model says of documents, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.records import DIGITS, TextFacts
from patent_spark.inference.prediction.text_reference import TextReference

if TYPE_CHECKING:
    from patent_spark.inference.model_package import PackedTask


@dataclass(frozen=True)
class Scored:
    """One model on one document."""

    probabilities: NDArray[np.float32]
    """float32 [labels], calibrated."""
    facts: TextFacts
    unlike: bool
    """Whether the words are unlike those of the texts that the model learned from."""


def score(packed: PackedTask, documents: Sequence[Document], reference: TextReference | None) -> list[Scored]:
    """One model on some documents. reference: what it learned from; None: unknown, no text is unlike it."""
    texts = [packed.text_of(document.fields) for document in documents]
    encoded = packed.encode(texts, [document.known for document in documents])
    read = np.count_nonzero(encoded.tokens, axis=1)
    unlike = reference.unlike(encoded, len(packed.vocabulary)) if reference else read < 0
    return [
        Scored(row, TextFacts(words=int(words), known_words=int(known), read_words=int(each)), bool(odd))
        for row, words, known, each, odd in zip(
            packed.probabilities(encoded), encoded.words, encoded.known, read, unlike, strict=True
        )
    ]


def shown(probability: float | np.floating[Any]) -> float:
    """A probability as every answer shows it."""
    return round(float(probability), DIGITS)
