"""Texts as a model reads them: ids of the words that it knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.core.token_ids import split_words, token_ids


@dataclass(frozen=True)
class EncodedTexts:
    """Texts [n] for one model."""

    tokens: NDArray[np.int32]
    """[n, max_tokens], with 0 on the right."""
    known: NDArray[np.int64]
    """How many words of each text the model knows; those above max_tokens are not read."""
    words: NDArray[np.int64]
    """How many words each text has."""
    features: NDArray[np.float32] | None = None
    """[n, width]: what a model reads beside the text; None for one that reads the text alone."""

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: NDArray[Any] | slice) -> EncodedTexts:
        """Some of the texts, by their numbers, a mask or a slice."""
        features = None if self.features is None else self.features[rows]
        return EncodedTexts(self.tokens[rows], self.known[rows], self.words[rows], features)


class Vocabulary:
    """The words that a model knows; a word's id is its place, from 1."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids: Mapping[str, int] = dict(zip(self.words, count(1), strict=False))

    @cached_property
    def _column(self) -> pa.Array:
        return pa.array(self.words, pa.string())  # imports pandas, which encode() does without

    @classmethod
    def read(cls, path: Path) -> Vocabulary:
        """From a file with one word per line."""
        return cls(path.read_text(encoding="utf-8").splitlines())

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, texts: Sequence[str], max_tokens: int) -> EncodedTexts:
        """Texts by the rule of core.token_ids: split into words, unknown ones dropped, then cut."""
        tokens = np.zeros((len(texts), max_tokens), np.int32)
        known, words = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.int64)
        for row, text in enumerate(texts):
            split = split_words(text)
            ids = [self._ids[word] for word in split if word in self._ids]
            tokens[row, : len(ids)] = ids[:max_tokens]
            known[row], words[row] = len(ids), len(split)
        return EncodedTexts(tokens, known, words)

    def encode_words(self, texts: pa.ListArray, max_tokens: int) -> EncodedTexts:
        """The same for texts that are lists of words, as in TOKENS."""
        tokens, known = token_ids(texts, self._column, max_tokens)
        words = pc.fill_null(pc.list_value_length(texts), 0).to_numpy()
        return EncodedTexts(tokens.astype(np.int32, copy=False), known, words.astype(np.int64))
