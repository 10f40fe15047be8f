"""Pages of HTML that need nothing beside them: one look for all of them, numbers as a person reads them, figures inside."""

from __future__ import annotations

import base64
import datetime
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


def render_page(package: str, template: str, **content: Any) -> str:
    """A template of a package's folder `templates` as HTML; it extends base.html, and `made` is the time of day."""
    from jinja2 import DictLoader, Environment, StrictUndefined

    base = resources.files("patent_spark") / "templates"
    texts = {"base.html": (base / "base.html").read_text(), template: (resources.files(package) / "templates" / template).read_text()}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, loader=DictLoader(texts))
    environment.filters |= {"share": share, "number": number, "count": count, "form": form}
    assets = {name: (base / f"page.{name}").read_text() for name in ("css", "js")}
    made = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return environment.get_template(template).render(made=made, **assets, **content)


def picture(path: Path, caption: str, kind: str = "half") -> Picture:
    """A PNG file as a picture that is part of the page."""
    return Picture("data:image/png;base64," + base64.b64encode(path.read_bytes()).decode(), caption, kind)


def share(value: float | None, digits: int = 1) -> str:
    """0.714 as 71.4 %."""
    return "–" if value is None else f"{100 * value:.{digits}f} %"


def number(value: float | None, digits: int = 3) -> str:
    """A figure with three decimals."""
    return "–" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # never -0.000


def count(value: float | None) -> str:
    """A whole number with separators."""
    return "–" if value is None else f"{value:,.0f}"


def times(value: float | None) -> str:
    """A factor."""
    return "–" if value is None else f"{value:.1f} ×"


def form(value: float | None, name: str) -> str:
    """A value in the form that its row asks for."""
    return {"share": share, "number": number, "count": count, "times": times}[name](value)
