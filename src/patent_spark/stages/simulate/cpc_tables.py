"""The rows of a release's two CPC tables: the classes of patents, and the titles of classes."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.arrays import choose
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.hashing import hashes, integers, ragged, successive, uniform
from patent_spark.stages.simulate.population import Patents, Population
from patent_spark.stages.simulate.tsv import Columns

SUBCLASSES, GROUPS = 4, 12
"""Subclasses of each class, and groups of each subclass."""


class CpcTables:
    """Makes CPC rows for the patents of a population, as columns by field."""

    def __init__(self, population: Population) -> None:
        self._population, self._seed = population, population.seed

    def rows(self, patents: Patents, ids: pa.Array) -> Columns:
        """Rows of g_cpc_current, about seven for each patent that has a class.

        Inventional rows usually come first. Sequences have gaps, some rows occur twice, and a few patents
        have no inventional row. The class of a patent is that of its first inventional row or else of its
        first row.
        """
        keep = np.flatnonzero(patents.has_cpc)
        base = hashes(self._seed, "cpc", patents.index[keep])
        value = uniform(successive(base, 0))
        rows = np.minimum(1 + np.floor(-5.3 * np.log1p(-value)).astype(np.int64), 60)
        owner, step = ragged(rows)
        flags = uniform(successive(base, 1))
        # An additional row comes before the first inventional one.
        preceded = (flags < 0.03) & (rows > 1)
        only_additional = flags > 0.995
        inventional = 1 + (uniform(successive(base, 2)) * rows * 0.6).astype(np.int64)
        place = step - preceded[owner]
        kind = ((place >= 0) & (place < inventional[owner]) & ~only_additional[owner]).astype(np.int64)
        draws = successive(base[owner], step + 10)
        main = place == 0
        main |= only_additional[owner] & (step == 0)
        same = main | ((uniform(draws) < 0.6) & (place >= 0))
        other = self._population.draw_class(uniform(successive(draws, 0)))
        cpc = np.where(same, patents.cpc[keep][owner], other)
        group = cpc * SUBCLASSES * GROUPS + integers(successive(draws, 1), 0, SUBCLASSES * GROUPS)
        # The sequence skips a number here; in one of twelve patents it is the first.
        gap = integers(successive(base, 3), 0, 12)
        sequence = step + (step >= gap[owner])
        again = np.repeat(np.arange(len(owner)), 1 + (uniform(successive(draws, 2)) < 0.001))
        take = pa.array(group[again])
        return {
            "id": ids.take(pa.array(keep)).take(pa.array(owner[again])),
            "sequence": pa.array(sequence[again].astype(np.int32)),
            **{field: array.take(take) for field, array in self._groups.items()},
            "cpc_type": choose(("additional", "inventional"), kind[again]),
        }

    def titles(self) -> Columns:
        """Rows of g_cpc_title, one per group."""
        rows = []
        for place in self._population.classes:
            code, _, title = CLASSES[place]
            for letter in "BCDFGHJKLMN"[place % 3 : place % 3 + SUBCLASSES]:
                subclass = code + letter
                for number in range(1, 2 * GROUPS, 2):
                    group = (f"{subclass}{number}/{place % 7 * 2:02}", f"{title}, {letter}{number}")
                    rows.append((subclass, f"{title}, part {letter}", *group, code, title))
        fields = ("subclass", "subclass_title", "group", "group_title", "class", "class_title")
        values = zip(*rows, strict=True)
        columns = {field: pa.array(column) for field, column in zip(fields, values, strict=True)}
        return columns | {"section": pc.utf8_slice_codeunits(columns["class"], 0, 1)}

    @cached_property
    def _groups(self) -> Columns:
        columns = self.titles()
        return {field: columns[field] for field in ("section", "class", "subclass", "group")}
