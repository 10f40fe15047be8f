"""The card of a registered model, as a page and as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.core.store import write_text
from patent_spark.reporting.html import Table, render_page
from patent_spark.tracking.registry import DESCRIPTION


@dataclass(frozen=True)
class Section:
    """A part of a card."""

    title: str
    paragraphs: Sequence[str] = ()
    items: Sequence[str] = ()
    table: Table | None = None
    code: str = ""


@dataclass(frozen=True)
class Card:
    """What card.html and card.md say."""

    title: str
    lead: Sequence[str]
    sections: Sequence[Section]
    tags: Mapping[str, str]
    """The figures that the registry shows beside the version."""

    def html(self) -> str:
        """The whole card as a page."""
        return render_page("patent_spark.stages.register", "card.html", card=self)

    def markdown(self) -> str:
        """The whole card."""
        return re.sub(r"\n{3,}", "\n\n", render_page("patent_spark.stages.register", "card.md", card=self))

    def description(self) -> str:
        """As much of the card as the registry keeps: whole sections, from the first."""
        text, more = (
            self.markdown(),
            "\n\nThe whole card is card.html or card.md, among the files of this version.\n",
        )
        if len(text) <= DESCRIPTION:
            return text
        return text[: text[: DESCRIPTION - len(more)].rfind("\n## ")].rstrip() + more


def write_card(folder: Path, card: Card) -> None:
    """Write card.html and card.md."""
    write_text(folder / "card.html", card.html())
    write_text(folder / "card.md", card.markdown())
