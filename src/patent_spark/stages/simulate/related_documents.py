"""Rows of g_us_rel_doc: the patents that a patent continues or divides.

A continuation repeats the abstract of its parent. A setting adds related patents that do not.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.arrays import Ints
from patent_spark.stages.simulate.hashing import hashes, integers, uniforms
from patent_spark.stages.simulate.population import UTILITY, Patents, Population
from patent_spark.stages.simulate.tables import Tables
from patent_spark.stages.simulate.tsv import Columns

_TYPES = ("continuation", "division", "related-publication")
_KINDS = ("parent document", "parent grant document", "child document", "")
"""The four rows of a child: the parent's application, the parent's patent, its own application and the
publication of its own application.
"""
_WEEKS = 156


class RelatedDocuments:
    """Rows of related documents for the patents of a population."""

    def __init__(self, population: Population, tables: Tables, share: float) -> None:
        self._population, self._tables, self._share = population, tables, share

    def rows(self, patents: Patents, ids: pa.Array) -> Columns:
        """Four rows for each patent with a parent. Each application number has eight digits and one
        patent.
        """
        parent = self._parents(patents)
        children = np.flatnonzero(parent != patents.index)
        own, parent = patents.index[children], parent[children]
        names = (
            _application_numbers(parent),
            self._tables.ids(parent),
            _application_numbers(own),
            pc.binary_join_element_wise("2004", _application_numbers(own), ""),
        )
        # The four rows of a patent are adjacent.
        rows = np.arange(4 * len(own)).reshape(4, -1).T.ravel()
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

    def _parents(self, patents: Patents) -> Ints:
        """The parent that each patent names; the patent itself if it names none.

        A continuation names the patent whose abstract it repeats. Of the others, a share names a random one.
        """
        seed, starts = self._population.seed, self._population.calendar.starts
        low, high = starts[np.maximum(patents.week - _WEEKS, 0)], starts[patents.week]
        draws = integers(hashes(seed, "relative", patents.index), 0, 1 << 40)
        other = low + draws % np.maximum(high - low, 1)
        chosen = (patents.origin == patents.index) & (patents.kind == UTILITY) & (high > low)
        chosen &= uniforms(seed, "related", patents.index) < self._share
        chosen &= self._population.numbered(other)[0] == UTILITY
        return np.where(chosen, other, patents.origin)


def _application_numbers(index: Ints) -> pa.Array:
    return pc.cast(pa.array(10_000_000 + index), pa.string())
