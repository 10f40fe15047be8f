"""Pages of HTML that need nothing beside them: one look for all of them, numbers as a person reads them,
figures inside."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Picture:
    """A figure as a page shows it."""

    source: str
    """Data URI."""
    caption: str
    kind: str = "half"
    """half the page, all of it (whole), or `wide`: beyond its margins, with a click to full size."""


@dataclass(frozen=True)
class Cell:
    """A value as a reader sees it."""

    text: str
    range: str = ""
    """Its 95 % interval."""
    kind: str = ""
    """better, same or worse, for a difference; text."""
    key: float | str | None = None
    """What a table that sorts goes by."""


@dataclass(frozen=True)
class Row:
    """A line: its name, and a cell for each column; without cells, a heading."""

    name: str
    cells: Sequence[Cell] = ()


@dataclass(frozen=True)
class Table:
    """Columns' names, that of the first one included, and rows."""

    columns: list[str]
    rows: list[Row]


def aligned(rows: Sequence[Sequence[str]], *, right: bool = False) -> list[str]:
    """A line of text for each row, as many cells in each, their columns one below another."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:{'>' if right else '<'}{width}}" for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def render_page(package: str, template: str, **content: Any) -> str:
    """A template of a package's folder `templates`; a page extends base.html, tables.html has tables, `made`
    is the time of day.

    What is put into HTML is escaped; a template of Markdown takes it as it is.
    """
    from jinja2 import DictLoader, Environment, StrictUndefined

    base = resources.files("patent_spark.reporting") / "templates"
    texts = {name: (base / name).read_text() for name in ("base.html", "tables.html")}
    own = resources.files(package) / "templates"
    texts |= {each.name: each.read_text() for each in own.iterdir() if each.is_file()}
    escaped = template.endswith(".html")
    environment = Environment(
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader(texts),
    )
    environment.filters |= {"share": share, "number": number, "count": count, "form": form}
    assets = {name: (base / f"page.{name}").read_text() for name in ("css", "js")}
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(template).render(made=made, **assets, **content)


def with_place_filled(page: str, name: str, content: str) -> str:
    """A page with other HTML in a place that it keeps for it, between `<!-- place: name -->` and `<!-- end:
    name -->`.

    Raises ValueError when the page has no such place.
    """
    before, marker, rest = page.partition(f"<!-- place: {name} -->")
    _, end, after = rest.partition(f"<!-- end: {name} -->")
    if not (marker and end):
        raise ValueError(f"the page has no place for {name}")
    return before + marker + content + end + after


def picture(path: Path, caption: str, kind: str = "half") -> Picture:
    """A PNG file as a picture that is part of the page."""
    return Picture("data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(), caption, kind)


def share(value: float | None, digits: int = 1) -> str:
    """0.714 as 71.4 %."""
    return "–" if value is None else f"{number(100 * value, digits)} %"


def number(value: float | None, digits: int = 3) -> str:
    """A number with three decimals."""
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # never -0.000


def signed(value: float | None, points: bool = False, digits: int = 3) -> str:
    """A difference with its sign; points: of shares, in points of a hundred.

    What is rounded to nothing has no sign.
    """
    if value is None:
        return "–"
    value, digits = (100 * value, 1) if points else (value, digits)
    return f"{value:+.{digits}f}".replace("-", "−") if round(value, digits) else number(0, digits)


def interval_range(ends: Sequence[float], points: bool = False, digits: int = 3) -> str:
    """An interval of differences: −0.012 to +0.030; points: as in `signed`."""
    return f"{signed(ends[0], points, digits)} to {signed(ends[1], points, digits)}"


def count(value: float | None) -> str:
    """A whole number with separators."""
    return "–" if value is None else f"{value:,.0f}"


def times(value: float | None) -> str:
    """A factor."""
    return "–" if value is None else f"{value:.1f} ×"


def form(value: float | None, name: str) -> str:
    """A value in the form that its row asks for."""
    return {"share": share, "number": number, "count": count, "times": times}[name](value)
