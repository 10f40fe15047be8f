"""The commands that the documentation shows."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from tests.support.small_run import ROOT

PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
_CODE = re.compile(r"^(?: {4}|\t)(.*)$")
_END = {"|", ">", ">>", "<", "&&", ";", "#", ")", "&"}
PLACEHOLDERS = {"TABLE": "LABELS", "NAME": "METRICS", "...": "x", "STAGE": "train", "N": "1", "FILE": "x"}
"""What stands for something in a command, and an example of it."""


@dataclass(frozen=True)
class Shown:
    """A command as a page shows it."""

    page: str
    line: int
    words: tuple[str, ...]

    def __str__(self):
        return f"{self.page}:{self.line} {shlex.join(self.words)}"


def code_lines(text):
    """Number and text of each line of code: of indented and fenced blocks, and what stands in backticks.

    A line that ends in a backslash goes on in the next one.
    """
    fenced, begun, first = False, "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("```"):
            fenced = not fenced
            continue
        found = _CODE.match(line)
        code = line.strip() if fenced else found[1].strip() if found else None
        if code is None:
            yield from ((number, each) for each in re.findall(r"`([^`]+)`", line))
            continue
        begun, first = begun + code.removesuffix("\\") + " ", first or number
        if not code.endswith("\\"):
            yield first, begun.strip()
            begun, first = "", 0


def shown_commands(program):
    """Every call of a program that a page shows with at least one argument."""
    for page in PAGES:
        for number, line in code_lines(page.read_text()):
            for words in calls(line, program):
                yield Shown(str(page.relative_to(ROOT)), number, words)


def calls(line, program):
    """Arguments of each call of a program in a line of shell, or of a crontab."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|>;&()<")
        lexer.whitespace_split = True
        words = [*lexer]
    except ValueError:  # prose or another language
        return
    for place, word in enumerate(words):
        first = place == 0 or words[place - 1] in ("|", "&&", ";", "4", "$", "(")
        if word.rpartition("/")[2] == program and (first or "/" in word):
            until = next((i for i in range(place + 1, len(words)) if words[i] in _END), len(words))
            arguments = words[place + 1 : until]
            if arguments[-1:] == ["..."] and not arguments[-2].startswith("--"):  # and so on
                arguments = arguments[:-1]
            if arguments:
                yield tuple(arguments)
