"""Which code made a table or a model."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from patent_spark import __version__
from patent_spark.config import digest

_RULES = ("core/schemas.py", "core/patent_ids.py", "core/shuffle.py", "core/patent_rules.py")
"""The ground floor's modules that decide what is in a table; the others decide how it is stored and shown."""


def source_digest(folders: Iterable[str]) -> str:
    """A digest of the package's sources in some of its folders and of the rules they share, also from a zip."""
    package = files("patent_spark")
    chosen = [(name, package.joinpath(name)) for name in _RULES]
    for folder in folders:
        chosen += _sources(folder, package.joinpath(*folder.split(".")))
    return digest([(name, source.read_text(encoding="utf-8")) for name, source in chosen])


def _sources(name: str, folder: Traversable) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            found += _sources(f"{name}/{entry.name}", entry)
        elif entry.name.endswith((".py", ".html", ".css", ".js")):
            found.append((f"{name}/{entry.name}", entry))
    return found


def code_version() -> str:
    """The package's version, and the git commit when it runs from a checkout."""
    commit = git_commit()
    return f"{__version__}+{commit[:12]}" if commit else __version__


def git_commit() -> str:
    """The commit of the checkout that the package runs from, `-dirty` with changes; empty when it runs from elsewhere."""
    here = Path(__file__)

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", here.parent, *arguments], capture_output=True, text=True, check=True, timeout=10
        )
        return done.stdout.strip()

    try:
        git(
            "ls-files", "--error-unmatch", here.name
        )  # not merely installed below some other project's checkout
        return git("rev-parse", "HEAD") + (
            "-dirty" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return ""
