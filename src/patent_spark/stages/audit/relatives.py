"""Patent families, derived a second time: from equal abstracts, and from related documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset
from numpy.typing import NDArray

_WHITE_SPACE = str.maketrans(dict.fromkeys(" \t\n\v\f\r\u00a0"))
_PROVISIONAL = "us-provisional-application"
_CONTINUED = (
    "continuation",
    "continuation-in-part",
    "division",
    "substitution",
    "addition",
    "reissue",
    "continuing-reissue",
    "us-divisional-reissue",
    "reexamination",
    "us-reexamination-reissue-merger",
)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_FULL_NUMBER = 8
"""Characters of an application's number with its series. Shorter numbers occur in several series."""


def abstract_families(abstracts: Path) -> pd.DataFrame:
    """One row per patent with an abstract: patent_key, link.

    The link is equal for abstracts that differ only in case or white space. Empty abstracts have none.
    """
    parts = [pd.DataFrame({"patent_key": [], "link": []}, dtype=np.int64)]
    dataset = pyarrow.dataset.dataset(abstracts, format="parquet")
    for batch in dataset.to_batches(columns=["patent_key", "abstract"]):
        texts = [_normalised(text or "") for text in batch["abstract"].to_pylist()]
        links = np.array([hash(text) for text in texts], np.int64)
        frame = pd.DataFrame({"patent_key": batch["patent_key"].to_numpy(), "link": links})
        parts.append(frame[[text != "" for text in texts]])
    return pd.concat(parts, ignore_index=True)


def document_links(related: pd.DataFrame) -> pd.DataFrame:
    """patent_key, link: a link for each document that a patent goes back to, and for each patent that is one.

    related: rows of RELATED_DOCUMENTS, with related_key -1 where it is unknown. Applications whose number
    lacks its series are left out.
    """
    applications, granted = _parent_applications(related), _parent_patents(related)
    patent = "patent " + granted["related_key"].astype(str)
    keys = [applications["patent_key"], granted["patent_key"], granted["related_key"]]
    links = pd.concat(["application " + applications["number"], patent, patent])
    return pd.DataFrame({"patent_key": pd.concat(keys).to_numpy(), "link": pd.factorize(links)[0]})


def connected_patents(keys: NDArray[np.int64] | pd.Series, *links: pd.DataFrame) -> NDArray[np.int64]:
    """These patents and all that are linked to one of them, directly or over others, sorted.

    links: frames of patent_key and link. Two patents with an equal link in one frame are linked.
    """
    connected: NDArray[np.int64] = np.unique(keys)
    while True:
        parts = [connected]
        for frame in links:
            shared = frame.loc[frame["patent_key"].isin(connected), "link"]
            parts.append(frame.loc[frame["link"].isin(shared), "patent_key"].to_numpy())
        wider: NDArray[np.int64] = np.unique(np.concatenate(parts))
        if len(wider) == len(connected):
            return wider
        connected = wider


def _parent_applications(related: pd.DataFrame) -> pd.DataFrame:
    """Rows that name an application the patent goes back to, with its normalised `number`."""
    numbers = related["related_number"].fillna("").str.upper().str.replace("[^A-Z0-9]", "", regex=True)
    kind, relation = related["related_kind"].fillna(""), related["relation"]
    continued = relation.isin(_CONTINUED) & kind.isin(["parent", "parent-pct"])
    provisional = relation.eq(_PROVISIONAL) & kind.ne("child")
    named = (numbers.str.len() >= _FULL_NUMBER) & numbers.str.strip(_LETTERS + "0").ne("")
    return related.assign(number=numbers)[(continued | provisional) & named]


def _parent_patents(related: pd.DataFrame) -> pd.DataFrame:
    """Rows that name a patent the patent goes back to."""
    parent = related["related_kind"].fillna("").eq("parent-grant")
    return related[related["relation"].isin(_CONTINUED) & parent & related["related_key"].ge(0)]


def _normalised(text: str) -> str:
    return text.lower().translate(_WHITE_SPACE)
