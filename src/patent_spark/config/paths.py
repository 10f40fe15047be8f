"""Paths among the settings: `~` is the home directory, and what an engine would read as syntax is refused
at once."""

from __future__ import annotations

import re
from pathlib import Path

from patent_spark.config.errors import ConfigError

_SYNTAX = re.compile(r"[{}\[\]*?\\#\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")
"""Patterns of file names ({a,b}, [ab], *, ?), escapes (\\n, %20), the fragment of an address (#), control
characters.

Engines, and MLflow's database address, read them as such: tables would be empty, or stand elsewhere.
"""


def home_expanded(path: str) -> str:
    """The path with `~` or `~user` at its beginning replaced."""
    return str(Path(path).expanduser()) if path.startswith("~") else path


def check_root(root: str) -> None:
    """Raise ConfigError when the warehouse's directory, or one above it, has characters that engines take
    for syntax."""
    match = _SYNTAX.search(str(Path(root).absolute()))
    if match:
        raise ConfigError(
            f"warehouse.root = {root!r} holds {match[0]!r}, which the engines read as syntax; "
            "choose a directory without { } [ ] * ? \\ # and without % followed by two digits",
            setting="warehouse.root",
            character=match[0],
        )
