"""The levels of the CPC that technology can be predicted at. The length of a label tells its level."""

from __future__ import annotations

from collections.abc import Sequence

SECTION, CLASS, SUBCLASS = "section", "class", "subclass"
LABEL_LENGTHS = {SECTION: 1, CLASS: 3, SUBCLASS: 4}
"""Characters of a label of each level: H, H04, H04L."""
PLURALS = {SECTION: "sections", CLASS: "classes", SUBCLASS: "subclasses"}


def level_of(labels: Sequence[str]) -> str:
    """The level of a model's labels of technology; the default level if they have the length of none."""
    length = max(map(len, labels), default=LABEL_LENGTHS[CLASS])
    return next((level for level, own in LABEL_LENGTHS.items() if own == length), CLASS)


def class_of(label: str) -> str | None:
    """The CPC class of a class or subclass; a section has none."""
    width = LABEL_LENGTHS[CLASS]
    return label[:width] if len(label) >= width else None
