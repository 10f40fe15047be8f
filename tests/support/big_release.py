"""Millions of citations as ingested tables, uniform or skewed: the load of the cluster tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from patent_spark.core.store import Store, arrow_schema
from tests.support.ingested_tables import publish_release

FIRST, FIRST_DAY, DAYS = 4_000_000, np.datetime64("1976-01-06"), 40 * 365
CLASSES = np.array([f"{letter}{number:02d}" for letter in "ABCDEFGH" for number in range(10)])
DOMINANT = "H99"


def publish_big_release(
    root: Path,
    patents: int,
    citations: int,
    *,
    of_one_patent: int = 0,
    in_one_class: float = 0.0,
    mark_repeats: bool = False,
) -> Store:
    """A warehouse with `patents` and `citations` rows, optionally skewed.

    of_one_patent: citations of the first patent. in_one_class: share of the patents in one class.
    mark_repeats: each row says whether it may repeat, as after ingest; otherwise all rows are compared.
    """
    random = np.random.default_rng(5)
    keys, days = np.arange(FIRST, FIRST + patents), np.sort(random.integers(0, DAYS, patents))
    citing = random.integers(1, patents, citations)
    cited = (citing * random.random(citations)).astype(int)
    citing[:of_one_patent], cited[:of_one_patent] = np.resize(np.arange(1, patents), of_one_patent), 0
    order = random.permutation(citations)
    citing, cited = keys[citing[order]], keys[cited[order]]
    marks = {"may_repeat": _occur_twice(citing * np.int64(2**32) + cited)} if mark_repeats else {}
    classes = np.where(random.random(patents) < in_one_class, DOMINANT, random.choice(CLASSES, patents))
    tables = {
        "PATENTS": {
            "patent_key": keys,
            "patent_id": keys,
            "grant_date": FIRST_DAY + days,
            "withdrawn": np.zeros(patents, bool),
        },
        "ABSTRACTS": {"patent_key": keys[:0]},
        "RELATED_DOCUMENTS": {"patent_key": keys[:0]},
        "CITATIONS": {
            "citing_key": citing,
            "patent_id": citing,
            "cited_key": cited,
            "citation_patent_id": cited,
        }
        | marks,
        "CPC": {
            "patent_key": keys,
            "patent_id": keys,
            "cpc_sequence": np.zeros(patents, int),
            "cpc_class": classes,
        },
    }
    return publish_release(
        root, {name: _table(name, columns) for name, columns in tables.items()}, FIRST_DAY + DAYS, files=4
    )


def _occur_twice(pairs: np.ndarray) -> np.ndarray:
    _, place, times = np.unique(pairs, return_inverse=True, return_counts=True)
    return times[place] > 1


def _table(name: str, columns: Mapping[str, Any]) -> pa.Table:
    schema, rows = arrow_schema(name), len(next(iter(columns.values())))
    arrays = {
        field.name: pa.array(columns[field.name]) if field.name in columns else pa.nulls(rows)
        for field in schema
    }
    return pa.table(arrays).cast(schema)
