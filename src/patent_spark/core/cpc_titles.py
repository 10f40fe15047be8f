"""Titles of the sections and classes of the CPC, which ship with the program.

Source: the CPC scheme of the European Patent Office and the United States Patent and Trademark Office; see
data/cpc_titles.tsv. A release's own g_cpc_title is in CPC_TITLES.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from patent_spark.core.cpc_levels import LABEL_LENGTHS, SUBCLASS, class_of

_FILE = Path(__file__).parent / "data" / "cpc_titles.tsv"


@cache
def cpc_titles() -> dict[str, str]:
    """Title by section (G) and class (G06)."""
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))


def cpc_title(code: str) -> str:
    """The title of a class or section; of another code, a few words with that of its class or section."""
    titles = cpc_titles()
    if code in titles:
        return titles[code]
    if len(code) == LABEL_LENGTHS[SUBCLASS] and (of_class := titles.get(class_of(code) or "")):
        return f"a subclass of {class_of(code)}: {of_class}"
    section = titles.get(code[:1])
    return f"not a class of the CPC (section {code[:1]}: {section})" if section else "not a class of the CPC"
