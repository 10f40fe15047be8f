"""The files of a release that are downloaded: those that ingest reads."""

from __future__ import annotations

import re

REQUIRED = (
    "g_patent.tsv.zip",
    "g_patent_abstract.tsv.zip",
    "g_us_patent_citation.tsv.zip",
    "g_cpc_current.tsv.zip",
)
OPTIONAL = ("g_us_rel_doc.tsv.zip", "g_cpc_title.tsv.zip")
_CLAIMS = re.compile(r"g_claims_\d{4}\.tsv\.zip")
"""A file a year; they are many times as large as all the others together."""


def is_wanted(name: str, claims: bool) -> bool:
    """Whether a file is downloaded. claims: whether ingest is to read the claims."""
    return name in REQUIRED or name in OPTIONAL or (claims and is_claims(name))


def is_claims(name: str) -> bool:
    """Whether it is the claims file of a year."""
    return _CLAIMS.fullmatch(name) is not None
