"""Who belongs together, worked out anew: by abstracts, and by the names of related documents, from patent to patent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset
from numpy.typing import NDArray

_WHITE_SPACE = " \t\n\v\f\r\u00a0"
_PROVISIONAL = "us-provisional-application"
_CONTINUED = (
    "continuation", "continuation-in-part", "division", "substitution", "addition", "reissue", "continuing-reissue",
    "us-divisional-reissue", "reexamination", "us-reexamination-reissue-merger",
)  # fmt: skip
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def same_abstracts(abstracts: Path) -> pd.DataFrame:
    """patent_key, family: the same number for abstracts that are equal but for case and white space; empty ones have none."""
    parts = []
    for batch in pyarrow.dataset.dataset(abstracts, format="parquet").to_batches(
        columns=["patent_key", "abstract"]
    ):
        texts = [_folded(text or "") for text in batch["abstract"].to_pylist()]
        frame = pd.DataFrame(
            {
                "patent_key": batch["patent_key"].to_numpy(),
                "family": np.array([hash(text) for text in texts], np.int64),
            }
        )
        parts.append(frame[[text != "" for text in texts]])
    return pd.concat(
        [pd.DataFrame({"patent_key": [], "family": []}, dtype=np.int64), *parts], ignore_index=True
    )


def names_of(related: pd.DataFrame) -> pd.DataFrame:
    """patent_key, name: a number for each document that a patent goes back to, and one for itself when another goes back to it.

    related: rows of RELATED_DOCUMENTS, related_key -1 where unknown. An application's number has eight characters or more; a
    shorter one lacks its series, and other applications have the same.
    """
    related = related.assign(
        number=related["related_number"].fillna("").str.upper().str.replace("[^A-Z0-9]", "", regex=True)
    )
    kind, continued = related["related_kind"].fillna(""), related["relation"].isin(_CONTINUED)
    applied = related[
        (continued & kind.isin(["parent", "parent-pct"]))
        | (related["relation"].eq(_PROVISIONAL) & kind.ne("child"))
    ]
    applied = applied[(applied["number"].str.len() > 7) & applied["number"].str.strip(_LETTERS + "0").ne("")]
    granted = related[continued & kind.eq("parent-grant") & related["related_key"].ge(0)]
    named = "patent " + granted["related_key"].astype(str)
    keys = [applied["patent_key"], granted["patent_key"], granted["related_key"]]
    names = pd.concat(["application " + applied["number"], named, named])
    return pd.DataFrame({"patent_key": pd.concat(keys).to_numpy(), "name": pd.factorize(names)[0]})


def connected(keys: NDArray[np.int64], *names: pd.DataFrame) -> NDArray[np.int64]:
    """These patents and all that share a name with one of them, over any number of others. names: frames of patent_key, name."""
    keys = np.unique(keys)
    while True:
        parts = [keys]
        for frame in names:
            known = frame.loc[frame["patent_key"].isin(keys), "name"]
            parts.append(frame.loc[frame["name"].isin(known), "patent_key"].to_numpy())
        wider = np.unique(np.concatenate(parts))
        if len(wider) == len(keys):
            return wider
        keys = wider


def _folded(text: str) -> str:
    text = text.lower()
    for space in _WHITE_SPACE:
        text = text.replace(space, "")
    return text
