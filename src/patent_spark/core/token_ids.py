"""Texts as words and as token ids: the rule that shards, inference and served models share."""

from __future__ import annotations

import re
from html.entities import name2codepoint

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

ENTITY = (
    "&(?:amp;)*(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|"
    + "|".join(sorted({name.lower() for name in name2codepoint}))
    + ");"
)
"""An HTML entity in small letters, such as &lt; or &#181;, also escaped twice; of HTML 4's names alone."""


def split_words(text: str) -> list[str]:
    """The words of a text, lower-case runs of a-z and 0-9: the rule of core.tokenization.words_of."""
    return re.findall("[a-z0-9]+", re.sub(ENTITY, " ", text.lower()))


def token_ids(
    texts: pa.ListArray, vocabulary: pa.Array, max_tokens: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Ids of lists of words, int32 [n, max_tokens] with 0 on the right, and how many words of each are known.

    A word's id is its place in `vocabulary`, counted from 1. Unknown words are dropped, then the text is cut.
    """
    rows = np.repeat(np.arange(len(texts)), pc.fill_null(pc.list_value_length(texts), 0).to_numpy())
    ids = pc.fill_null(pc.index_in(texts.flatten().cast(pa.string()), vocabulary), -1).to_numpy() + 1
    rows, ids = rows[ids > 0], ids[ids > 0]
    known = np.bincount(rows, minlength=len(texts))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(known) - known, known)
    fits = place < max_tokens
    matrix = np.zeros((len(texts), max_tokens), "<i4")
    matrix[rows[fits], place[fits]] = ids[fits]
    return matrix, known
