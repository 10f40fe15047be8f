"""The patents of an index, in the order of its vectors: what filters read and what is shown of each.

The file is Arrow's, uncompressed and memory-mapped, so that opening it reads nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from patent_spark.core.patent_ids import patent_id
from patent_spark.inference.similar.filters import Filters

SCHEMA = pa.schema(
    [
        ("patent_key", pa.int64()),
        ("family", pa.int64()),
        ("grant_date", pa.date32()),
        ("class_code", pa.int16()),
        ("citations", pa.int64()),
        ("title", pa.string()),
    ]
)
_UNKNOWN_DATE, _NO_CLASS = np.iinfo(np.int32).max, -1
_KEPT_MASKS = 16


@dataclass(frozen=True)
class ShownPatent:
    """What is shown of a patent."""

    patent_id: str
    title: str | None
    cpc_class: str | None
    grant_date: datetime.date | None
    citations: int


class IndexedPatentsWriter:
    """Writes the file, block by block, and gives each class a number."""

    def __init__(self, path: Path) -> None:
        self._file = pa.ipc.new_file(str(path), SCHEMA)
        self._codes: dict[str, int] = {}

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes met so far; their place is the code of the file."""
        return tuple(self._codes)

    def write(self, patents: pa.Table) -> None:
        """Add rows with the columns of SCHEMA, but `cpc_class` for `class_code`."""
        codes = [
            None if code is None else self._codes.setdefault(code, len(self._codes))
            for code in patents["cpc_class"].to_pylist()
        ]
        columns = [
            pa.chunked_array([pa.array(codes, pa.int16())])
            if field.name == "class_code"
            else patents[field.name].cast(field.type)
            for field in SCHEMA
        ]
        self._file.write_table(pa.table(columns, schema=SCHEMA).combine_chunks())

    def __enter__(self) -> IndexedPatentsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class IndexedPatents:
    """The file, opened."""

    def __init__(self, path: Path, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._rows = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self._masked = lru_cache(_KEPT_MASKS)(self._mask)

    @cached_property
    def keys(self) -> NDArray[np.int64]:
        """patent_key of each row."""
        return self._numbers("patent_key")

    @cached_property
    def _family(self) -> NDArray[np.int64]:
        return self._numbers("family")

    @cached_property
    def granted(self) -> NDArray[np.int32]:
        """Grant day of each row, from 1970-01-01; the largest number when it is unknown."""
        days: NDArray[np.int32] = (
            self._rows["grant_date"].cast(pa.int32()).fill_null(_UNKNOWN_DATE).to_numpy()
        )
        return days

    @cached_property
    def _class_code(self) -> NDArray[np.int16]:
        return np.asarray(self._rows["class_code"].fill_null(_NO_CLASS).to_numpy(), np.int16)

    def row_of(self, key: int) -> int | None:
        """The row of a patent; None when it is not in the index."""
        rows = np.flatnonzero(self.keys == key)
        return int(rows[0]) if len(rows) else None

    def family_of(self, row: int) -> NDArray[np.int64]:
        """The rows of a patent's family, its own among them."""
        return np.flatnonzero(self._family == self._family[row])

    def allowed(self, filters: Filters) -> tuple[NDArray[np.bool_] | None, int]:
        """A mask over the rows that pass the filters, None for all of them, and how many pass.

        The family is not looked at, because it depends on the patent asked about.
        """
        if filters.granted_before is None and not filters.classes:
            return None, self._rows.num_rows
        return self._masked(filters.granted_before, tuple(sorted(set(filters.classes))))

    def shown(self, row: int) -> ShownPatent:
        """What is shown of a row."""
        key, title, granted, code, citations = (
            self._rows[name][row].as_py()
            for name in ("patent_key", "title", "grant_date", "class_code", "citations")
        )
        cpc_class = None if code is None else self.classes[code]
        return ShownPatent(patent_id(key), title, cpc_class, granted, citations)

    def _mask(
        self, granted_before: datetime.date | None, classes: tuple[str, ...]
    ) -> tuple[NDArray[np.bool_], int]:
        mask = np.ones(self._rows.num_rows, np.bool_)
        if granted_before is not None:
            mask &= self.granted < (granted_before - datetime.date(1970, 1, 1)).days
        if classes:
            codes = [code for code, name in enumerate(self.classes) if name in classes]
            mask &= np.isin(self._class_code, codes)
        mask.flags.writeable = False  # it is kept for the next query
        return mask, int(mask.sum())

    def _numbers(self, name: str) -> NDArray[np.int64]:
        return np.asarray(self._rows[name].to_numpy(), np.int64)
