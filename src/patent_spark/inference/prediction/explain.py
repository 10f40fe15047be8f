"""What each word contributes to an answer, by occlusion: the text is scored again without the word.

Li et al. (2016), "Understanding neural networks through representation erasure". Effects do not add up: words
that say the same stand in for one another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from patent_spark.inference.prediction.records import DIGITS, WordEffect

if TYPE_CHECKING:
    from patent_spark.inference.model_package import PackedTask


def word_effects(
    packed: PackedTask, text: str, label: int, known: Mapping[str, int | str] | None = None
) -> tuple[WordEffect, ...]:
    """The words that the model reads of a text, by the size of their effect on a label's probability.

    label: its place among the model's labels. known: what is known beside the text; it stays the same. All
    variants of the text go through the model in one batch.
    """
    encoded = packed.encode([text], [known or {}])
    read = encoded.tokens[0]
    ids, first, counts = np.unique(read[read > 0], return_index=True, return_counts=True)
    if not len(ids):
        return ()
    variants = replace(
        encoded,
        tokens=np.vstack([read, *(_without(read, each) for each in ids)]),
        known=encoded.known[0] - np.concatenate([[0], counts]),
        words=np.repeat(encoded.words, len(ids) + 1),
        features=None if encoded.features is None else np.repeat(encoded.features, len(ids) + 1, axis=0),
    )
    probabilities = packed.probabilities(variants, batch=len(ids) + 1)[:, label].astype(np.float64)
    effects = np.round(probabilities[0] - probabilities[1:], DIGITS) + 0.0  # not -0
    order = np.lexsort([first, -np.abs(effects)])
    words = packed.vocabulary.words
    return tuple(
        WordEffect(word=words[ids[place] - 1], effect=float(effects[place]), occurrences=counts[place])
        for place in order
    )


def _without(tokens: NDArray[np.int32], word: int) -> NDArray[np.int32]:
    """The rest moves up, as if the word had never stood there; words beyond the end do not move in."""
    kept = tokens[tokens != word]
    return np.pad(kept, (0, len(tokens) - len(kept)))
