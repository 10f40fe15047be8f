"""truth.parquet: what the simulator knows of each patent and the files of a release do not say."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.simulate.arrays import Ints
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.known_effects import KnownEffects
from patent_spark.stages.simulate.population import Patents, Population
from patent_spark.stages.simulate.tables import Tables

TRUTH_SCHEMA = pa.schema(
    [
        ("patent_id", pa.string()),
        ("cpc_class", pa.string()),
        ("text_class", pa.string()),
        ("level_signal", pa.string()),
        ("five_year_citations", pa.int32()),
        ("family_parent", pa.string()),
    ]
)
"""truth.parquet, one row per patent.

cpc_class is null without a class. text_class and level_signal are the class and the level that the text
signals. five_year_citations follow the default label rule. family_parent is the patent that this one
continues, or null.
"""
CHANCES = tuple(f"{level}_chance" for level in LEVELS)
"""Further columns with simulate.feature_effect: the chance of each level, given the level that the text
signals, the number of claims and how many citations the patent makes."""


class TruthTable:
    """Makes rows of truth.parquet for the patents of a population."""

    def __init__(self, population: Population, tables: Tables, known: KnownEffects) -> None:
        self._tables, self._known = tables, known
        further = [(name, pa.float32()) for name in CHANCES] if known.effect else []
        self.schema = pa.schema([*TRUTH_SCHEMA, *(pa.field(*each) for each in further)])
        self._codes = pa.array([CLASSES[k].code for k in population.classes])

    def rows(self, patents: Patents, ids: pa.Array, text_class: Ints, signal: Ints, counts: Ints) -> pa.Table:
        """One row per patent."""
        is_original = patents.origin == patents.index
        arrays = [
            ids,
            self._codes.take(pa.array(patents.cpc, mask=~patents.has_cpc)),
            self._codes.take(pa.array(text_class)),
            pa.array(LEVELS).take(pa.array(signal)),
            pa.array(counts.astype(np.int32)),
            pc.if_else(pa.array(is_original), None, self._tables.ids(patents.origin)),
        ]
        if self._known.effect:
            arrays += [pa.array(each.astype(np.float32)) for each in self._known.chances(patents, signal).T]
        return pa.Table.from_arrays(arrays, schema=self.schema)
