"""The shell commands of a page, run one block after another."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

_FENCED = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^ {4}.*\n)+", re.MULTILINE)
_COMMAND = re.compile(r"^ {4}(?:make|patent-spark|deploy/)\S* *", re.MULTILINE)
_CODE = re.compile(r"# exit code (\d+)")


@dataclass(frozen=True)
class Block:
    """Some lines of shell, and the exit code that the page announces for them."""

    text: str
    code: int = 0

    def run(self, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """The finished process. Every line but the last has to succeed."""
        return subprocess.run(
            ["bash", "-emc", self.text],
            cwd=folder,
            env=os.environ | variables,
            capture_output=True,
            text=True,
            timeout=1200,
        )


def fenced_blocks(page: Path) -> list[Block]:
    """The fenced blocks of bash in a page."""
    found = _FENCED.findall(page.read_text())
    return [Block(text, int((_CODE.search(text) or ["", 0])[1])) for text in found]


def indented_commands(page: Path) -> list[str]:
    """The indented blocks of a page that begin with one of the project's commands."""
    return [block.strip() for block in _INDENTED.findall(page.read_text()) if _COMMAND.match(block)]


def program(folder: Path, name: str, *words: str | Path, after: tuple[str, ...] = ()) -> None:
    """A program in a folder that calls another one with its own arguments between `words` and `after`."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@" {shlex.join(after)}\n')
    path.chmod(0o755)
