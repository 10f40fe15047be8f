"""The nearest patents as a table for a terminal."""

from __future__ import annotations

from patent_spark.inference.similar.encoders import DOCUMENT, WORDS
from patent_spark.inference.similar.records import Neighbor, SimilarPatentsAnswer

_VECTORS = {DOCUMENT: "document vectors", WORDS: "averaged word vectors"}
_TITLE = 70
"""Characters of a title that are shown."""


def as_text(answer: SimilarPatentsAnswer) -> str:
    """A line about the search, and one for each neighbor, the nearest first."""
    lines = [_heading(answer)]
    if not answer.neighbors:
        return f"{lines[0]}\nno patent passes the filters"
    width = max(len(each.patent_id) for each in answer.neighbors)
    lines.append(f"similarity  distance  {'patent':>{width}}  granted     class  cited  title")
    return "\n".join([*lines, *(_line(each, width) for each in answer.neighbors)])


def _heading(answer: SimilarPatentsAnswer) -> str:
    query = answer.query
    text = f"text {query.id}" if query.id else "the text"
    about = f"patent {query.patent_id}" if query.patent_id else f"{text} ({query.known_words} known words)"
    filters = [f"granted before {query.granted_before}"] if query.granted_before else []
    filters += [f"class {', '.join(query.classes)}"] if query.classes else []
    filters += [] if query.include_family or not query.patent_id else ["without its family"]
    made_by = f"{_VECTORS[answer.vectors]} of {answer.model}"
    return (
        f"similar to {about} among {answer.patents:,} patents of {answer.release_id}, by {made_by}"
        f"{': ' if filters else ''}{', '.join(filters)}"
    )


def _line(neighbor: Neighbor, width: int) -> str:
    title, granted = neighbor.title or "", str(neighbor.grant_date or "")
    shown = title if len(title) <= _TITLE else f"{title[: _TITLE - 1]}…"
    return (
        f"{neighbor.similarity:10.3f}  {neighbor.distance:8.3f}  {neighbor.patent_id:>{width}}  "
        f"{granted:<10}  {neighbor.cpc_class or '':5}  {neighbor.citations:5,}  {shown}"
    )
