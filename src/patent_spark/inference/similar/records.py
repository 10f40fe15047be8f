"""The nearest patents as typed records: what `similar --json` prints and the service answers."""

from __future__ import annotations

import datetime

from patent_spark.core.metadata import Record


class Neighbor(Record):
    """A patent near the one asked about."""

    patent_id: str
    title: str | None
    cpc_class: str | None
    """The class listed first; null without any."""
    grant_date: datetime.date | None
    citations: int
    """Distinct citing patents in the release, at any time."""
    similarity: float
    """Cosine of the angle between the two vectors; 1 for equal ones."""
    distance: float
    """1 - similarity."""


class SimilarQuery(Record):
    """What was asked."""

    patent_id: str | None = None
    """The patent; null for a text."""
    id: str | None = None
    """Of the text, as it was given."""
    known_words: int | None = None
    """Words of the text that have a vector; null for a patent."""
    top: int
    granted_before: datetime.date | None = None
    classes: tuple[str, ...] = ()
    include_family: bool = False


class SimilarPatentsAnswer(Record):
    """The nearest patents, and what they were found with."""

    query: SimilarQuery
    vectors: str
    """document or words."""
    model: str
    """Where the model comes from that made the vectors; the word vectors' stage for `words`."""
    identity: str
    """Digest of what made the vectors."""
    release_id: str
    """The release whose patents are searched."""
    patents: int
    """How many have a vector."""
    neighbors: tuple[Neighbor, ...]
    """The nearest first."""
