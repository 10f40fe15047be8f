"""Whether a text is like those that a model learned from: its length, and how rare its words are.

The rarity of a word is log2 of its place by frequency, and of an unknown word that of a place twice beyond
the last one; that of a text is their mean. In the reference, a text's mean varies by what texts are about and
by how few words it has: variance = between + within / words. The deviation is the mean in units of its
standard deviation, so that a title is judged as a title. One in a hundred reference texts is beyond the
limits; texts in another language, formulas and one word repeated are far beyond.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from patent_spark.core.metadata import Record
from patent_spark.inference.encoded_texts import EncodedTexts

_BELOW, _ABOVE = 0.002, 0.992
"""Shares of the reference texts below each limit; few texts use too common words."""
FEWEST = 100
"""Reference texts without which there are no limits."""


class TextReference(Record):
    """Texts like those that a model learned from, and new to it."""

    shortest: int
    """Known words that 99 of 100 of them have at least."""

    mean: float
    """Rarity of their words, over the texts."""
    between: float
    """Variance between texts beyond what their numbers of words explain."""
    within: float
    """Variance within a text, between its words."""
    lowest: float
    """Limits of the deviation."""
    highest: float
    texts: int
    """How many there were."""

    def unlike(self, encoded: EncodedTexts, vocabulary: int) -> NDArray[np.bool_]:
        """[n]: whether texts are outside the limits; those without a word are not judged.

        vocabulary: how many words the model knows.
        """
        deviation = self._deviation(*_rarity(encoded, vocabulary)[::2])
        outside: NDArray[np.bool_] = (deviation < self.lowest) | (deviation > self.highest)
        return outside & (encoded.words > 0)

    def _deviation(self, means: NDArray[np.float64], words: NDArray[np.float64]) -> NDArray[np.float64]:
        deviation: NDArray[np.float64] = (means - self.mean) / np.sqrt(self.between + self.within / words)
        return deviation


def fit_text_reference(encoded: EncodedTexts, vocabulary: int) -> TextReference | None:
    """What these texts are like; None for fewer than FEWEST texts, or all alike."""
    encoded = encoded.take(encoded.words > 0)
    if len(encoded) < FEWEST:
        return None
    means, within, words = _rarity(encoded, vocabulary)
    typical = float(within.mean())
    between = max(0.0, float(means.var() - typical * (1 / words).mean()))
    if between + typical == 0:
        return None
    fitted = TextReference(
        shortest=int(np.quantile(encoded.known, 0.01)),
        mean=float(means.mean()),
        between=between,
        within=typical,
        lowest=0,
        highest=0,
        texts=len(encoded),
    )
    lowest, highest = np.quantile(fitted._deviation(means, words), [_BELOW, _ABOVE])
    return fitted.model_copy(update={"lowest": float(lowest), "highest": float(highest)})


def _rarity(
    encoded: EncodedTexts, vocabulary: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the words' rarity in each text, and its number of words (at least 1).

    Of the known words those that the model reads stand for all.
    """
    words = np.maximum(encoded.words, 1).astype(np.float64)
    known = encoded.known / words
    read = encoded.tokens > 0
    count = np.maximum(read.sum(axis=1), 1)
    rarity = np.log2(np.maximum(encoded.tokens, 1), dtype=np.float64)
    unknown = np.log2(2 * max(vocabulary, 1))
    means = known * rarity.sum(axis=1) / count + (1 - known) * unknown
    squares = known * (rarity**2).sum(axis=1) / count + (1 - known) * unknown**2
    return means, np.maximum(squares - means**2, 0), words
