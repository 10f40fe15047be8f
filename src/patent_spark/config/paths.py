"""Paths among the settings: `~` is the home directory, and what an engine would read as syntax is refused
at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

from patent_spark.config.errors import ConfigError

_SYNTAX = re.compile(r"[{}\[\]*?\\#\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")
"""Patterns of file names ({a,b}, [ab], *, ?), escapes (\\n, %20), the fragment of an address (#), control
characters.

Engines, and MLflow's database address, read them as such: tables would be empty, or stand elsewhere.
"""

_BUCKETS = "s3://"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):/")


def home_expanded(path: str) -> str:
    """The path with `~` or `~user` at its beginning replaced."""
    return str(Path(path).expanduser()) if path.startswith("~") else path


def is_bucket(root: str) -> bool:
    """Whether a warehouse's root is in a bucket."""
    return root.startswith(_BUCKETS)


def copies_of(root: str, cache_dir: str) -> Path:
    """The folder for this machine's copies of a warehouse in a bucket."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(cache_dir) if cache_dir else caches / "patent_spark"
    return (folder / root.removeprefix(_BUCKETS).strip("/")).absolute()


def check_root(root: str) -> None:
    """Raise ConfigError when the warehouse's directory, or one above it, has characters that engines take
    for syntax, or when the root is an address of another kind than s3://bucket/prefix."""
    scheme = _SCHEME.match(root)
    if scheme and not _BUCKET.fullmatch(root):
        raise ConfigError(
            f"warehouse.root = {root!r} must be a directory or s3://bucket/prefix, where the bucket has 3 to "
            "63 lower-case letters, digits, dots and hyphens; gs, abfs and hdfs are not supported",
            setting="warehouse.root",
            scheme=scheme[1],
        )
    match = _SYNTAX.search(str(Path(root).absolute()))
    if match:
        raise ConfigError(
            f"warehouse.root = {root!r} holds {match[0]!r}, which the engines read as syntax; "
            "choose a directory without { } [ ] * ? \\ # and without % followed by two digits",
            setting="warehouse.root",
            character=match[0],
        )
