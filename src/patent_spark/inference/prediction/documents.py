"""A document that a prediction is asked for, and the text that a model reads of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patent_spark.core.token_ids import split_words


@dataclass(frozen=True)
class Document:
    """What is known of a patent: each part may be empty."""

    title: str
    abstract: str
    id: str | None = None
    """Given back with the answer."""
    claims: str = ""
    """Only read by models that learned from claims too."""
    cpc_class: str | None = None
    """Its class, if known: the reference for its citation level; else the predicted class."""

    def text(self, fields: Sequence[str]) -> str:
        """The fields that a model reads, in its order, as the stage `text` joins them."""
        return " ".join(filter(None, (getattr(self, field) for field in fields)))

    def has_words(self, fields: Sequence[str]) -> bool:
        """Whether there is anything to read: a run of a-z or 0-9."""
        return bool(split_words(self.text(fields)))
