"""A document that a prediction is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

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
    features: Mapping[str, int | str] = field(default_factory=dict)
    """What else is known beside the text, by column of FEATURES."""

    @property
    def fields(self) -> dict[str, str]:
        """The parts that a text can be made of."""
        return {"title": self.title, "abstract": self.abstract, "claims": self.claims}

    @property
    def known(self) -> dict[str, int | str]:
        """All that is known beside the text."""
        return {**({"cpc_class": self.cpc_class} if self.cpc_class else {}), **self.features}

    def has_words(self, fields: Sequence[str] = ("title", "abstract", "claims")) -> bool:
        """Whether there is anything to read in some parts: a run of a-z or 0-9."""
        return any(split_words(self.fields[field]) for field in fields)
