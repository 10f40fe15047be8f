"""All CPC codes of test patents at the level of the labels: what multi-label metrics are about.

They are the inventional codes or, of a patent without any, all of them: the codes among which the label is
listed first. Additional codes are about matter beside the invention, and many (section Y) are mere tags.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.core.cpc_levels import CLASS, LABEL_LENGTHS, SUBCLASS
from patent_spark.core.store import Store

_ADDITIONAL = 1 << 32  # above the four characters of a code, below the patent
_COLUMNS = ("patent_key", "cpc_class", "cpc_subclass", "cpc_type")
_ROWS = 1 << 18


@dataclass(frozen=True)
class PatentCodes:
    """The codes of some patents, each once, in the order of the patents."""

    keys: NDArray[np.int64]
    """Patent keys, ascending."""
    starts: NDArray[np.int64]
    """[patents + 1]: where the codes of each patent start, and the end."""
    codes: NDArray[np.bytes_]

    def of(self, keys: NDArray[np.int64]) -> pa.ListArray:
        """The codes of each of these patents, as lists of strings; empty for a patent that has none."""
        if not len(self.keys):
            return pa.array([[]] * len(keys), pa.list_(pa.string()))
        places = _places(self.keys, keys)
        known = self.keys[places] == keys
        starts = self.starts[places]
        sizes = np.where(known, self.starts[places + 1] - starts, 0)
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        taken = np.repeat(starts - offsets[:-1], sizes) + np.arange(offsets[-1])
        codes = pa.array(self.codes[taken].astype("U4"), pa.string())
        return pa.ListArray.from_arrays(pa.array(offsets), codes)


def _places(ascending: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each key stands, or another place if it is not there."""
    return np.minimum(np.searchsorted(ascending, keys), len(ascending) - 1)


def read_patent_codes(store: Store, level: str, keys: NDArray[np.int64]) -> PatentCodes:
    """The codes of these patents from CPC, in pieces: about twenty bytes a patent and code are held."""
    wanted = np.unique(keys)
    batches = store.dataset("CPC").to_batches(columns=list(_COLUMNS), batch_size=_ROWS)
    found = [np.zeros(0, np.int64), *(_packed(batch, level, wanted) for batch in batches)]
    packed = np.unique(np.concatenate(found))
    patent, additional = packed >> 33, (packed & _ADDITIONAL) > 0
    inventional = np.zeros(len(wanted), bool)
    inventional[patent[~additional]] = True
    kept = ~additional | ~inventional[patent]
    codes = (packed[kept] & (_ADDITIONAL - 1)).astype("<u4").view("S4")
    starts = np.searchsorted(patent[kept], np.arange(len(wanted) + 1))
    return PatentCodes(wanted, starts, codes)


def _packed(batch: pa.RecordBatch, level: str, wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each code of a wanted patent: the patent's place, whether it is additional, the code."""
    keys = np.asarray(batch["patent_key"].fill_null(-1))
    if not len(wanted):
        return np.zeros(0, np.int64)
    places = _places(wanted, keys)
    rows = np.flatnonzero(wanted[places] == keys)
    chosen = batch.take(pa.array(rows))
    codes = _codes(chosen, level)
    known = np.asarray(codes.is_valid())
    text = np.asarray(pc.fill_null(codes, "")).astype("S4").view("<u4").astype(np.int64)
    additional = ~np.asarray(pc.fill_null(pc.equal(chosen["cpc_type"], "inventional"), False))
    packed = (places[rows].astype(np.int64) << 33) | np.where(additional, _ADDITIONAL, 0) | text
    distinct: NDArray[np.int64] = np.unique(packed[known])
    return distinct


def _codes(batch: pa.RecordBatch, level: str) -> pa.Array:
    """The codes of rows of CPC at a level; null for a subclass that is not its class and a letter."""
    classes = batch["cpc_class"]
    if level != SUBCLASS:
        return pc.utf8_slice_codeunits(classes, 0, LABEL_LENGTHS[level])
    codes = batch["cpc_subclass"]
    own_class = pc.equal(pc.utf8_slice_codeunits(codes, 0, LABEL_LENGTHS[CLASS]), classes)
    formed = pc.and_(own_class, pc.match_substring_regex(codes, "^.{3}[A-Z]$"))
    return pc.if_else(formed, codes, pa.scalar(None, pa.string()))
