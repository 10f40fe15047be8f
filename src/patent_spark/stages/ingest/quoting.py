"""How a TSV file uses quotes, seen from its first rows: around all texts, where needed, or not at all."""

from __future__ import annotations

import re
from enum import Enum

_SNIFFED_LINES = 200
_SNIFFED_BYTES = 1 << 21
_QUOTED_FIELD = re.compile(rb'(?:^|\t)"[^\t]*"\r?(?:\t|$)')
_PROPER_FIELD = re.compile(rb'(?<![^\t\n])"(?:[^"]|"")*+"(?=[\t\r\n])')
"""A field in quotes whose inner quotes are doubled; it may have several lines."""
_BARE_START = re.compile(rb"(?m)^(?=[^\t\n]*[0-9])[A-Za-z0-9][A-Za-z0-9.,/ -]{0,39}\t")


class Quoting(Enum):
    """What quotes mean in a file."""

    IDS = "texts and ids stand in quotes"
    TEXTS = "ids stand without quotes, texts in quotes, or only those that need them"
    NONE = "no field is quoted: a quote is a character"


def find_quoting(sample: bytes, columns: int) -> Quoting:
    """The quoting of a file from the rows behind its header; the last of them may be cut off."""
    whole = [line for line in sample.split(b"\n", _SNIFFED_LINES) if line.count(b"\t") == columns - 1]
    if 2 * sum(map(bool, map(_QUOTED_FIELD.search, whole))) >= len(whole):
        ids = 2 * sum(line.startswith(b'"') for line in whole) >= len(whole)
        return Quoting.IDS if ids else Quoting.TEXTS
    return Quoting.TEXTS if _is_quoted_where_needed(sample[:_SNIFFED_BYTES]) else Quoting.NONE


def _is_quoted_where_needed(sample: bytes) -> bool:
    """Whether every quote belongs to a properly quoted field, and some of these fields need their quotes.

    In the older dumps quotes are characters: some are neither in pairs nor doubled, and two of them can seem
    to enclose many rows.
    """
    starts = [match.start() for match in _BARE_START.finditer(sample)]
    rows = sample[: starts[-1]] if starts else b""
    fields = _PROPER_FIELD.findall(rows)
    if sum(field.count(b'"') for field in fields) < rows.count(b'"'):
        return False
    needed = [field[1:-1] for field in fields if re.search(rb'[\t\n"]', field[1:-1])]
    return bool(needed) and not any(map(_BARE_START.search, needed))
