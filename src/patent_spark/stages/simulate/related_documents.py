"""Rows of g_us_rel_doc: whom a patent continues or divides. Most relatives repeat their parent's abstract, by a setting some do not."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.hashing import hashes, integers, uniforms
from patent_spark.stages.simulate.population import UTILITY, Patents, Population
from patent_spark.stages.simulate.tables import Tables
from patent_spark.stages.simulate.tsv import Columns

_TYPES = ("continuation", "division", "related-publication")
_KINDS = ("parent document", "parent grant document", "child document", "")
"""Of the four rows about a parent: its application, its patent, the own application, and the own application's publication."""
_WEEKS = 156


class Relatives:
    """Columns by field, for the patents of a population."""

    def __init__(self, population: Population, tables: Tables, share: float) -> None:
        self._population, self._tables, self._share = population, tables, share

    def rows(self, patents: Patents, ids: pa.Array) -> Columns:
        """Rows of g_us_rel_doc, four a patent with a parent. Application numbers are eight digits, of each patent others."""
        parent = self._parents(patents)
        children = np.flatnonzero(parent != patents.index)
        own, parent = patents.index[children], parent[children]
        names = (
            _applications(parent),
            self._tables.ids(parent),
            _applications(own),
            pc.binary_join_element_wise("2004", _applications(own), ""),
        )
        rows = np.arange(4 * len(own)).reshape(4, -1).T.ravel()  # the four of a patent stand together
        sequence = np.tile(np.arange(4, dtype=np.int32), len(own))
        divides = np.repeat(uniforms(self._population.seed, "divides", own) < 0.3, 4)
        blank = pa.array([""]).take(pa.array(np.zeros(len(sequence), np.int8)))
        return {
            "id": ids.take(pa.array(np.repeat(children, 4))),
            "related": pa.concat_arrays(names).take(pa.array(rows)),
            "relation": pa.array(_TYPES).take(pa.array(np.where(sequence == 3, 2, divides))),
            "relation_kind": pa.array(_KINDS).take(pa.array(sequence)),
            "date": blank, "status": blank, "sequence": pa.array(sequence), "kind": blank,
        }  # fmt: skip

    def _parents(self, patents: Patents) -> np.ndarray:
        """Whom each patent names as its parent: the one whose abstract it repeats, by chance another one, or itself for none."""
        seed, starts = self._population.seed, self._population.calendar.starts
        low, high = starts[np.maximum(patents.week - _WEEKS, 0)], starts[patents.week]
        other = low + integers(hashes(seed, "relative", patents.index), 0, 1 << 40) % np.maximum(
            high - low, 1
        )
        chosen = (patents.origin == patents.index) & (patents.kind == UTILITY) & (high > low)
        chosen &= (uniforms(seed, "related", patents.index) < self._share) & (
            self._population.numbered(other)[0] == UTILITY
        )
        return np.where(chosen, other, patents.origin)


def _applications(index: np.ndarray) -> pa.Array:
    return pc.cast(pa.array(10_000_000 + index), pa.string())
