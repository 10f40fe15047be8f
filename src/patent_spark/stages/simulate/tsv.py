"""Zipped TSV files as PatentsView writes them, streamed, with rows that are broken on purpose."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from patent_spark.stages.simulate.file_formats import NUMBERS, FileFormat
from patent_spark.stages.simulate.hashing import hashes

Columns = dict[str, pa.Array]
"""Arrays of equal length by field."""

_OPTIONS = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="needed")
_GROUPS = 32
"""The broken rows of a chunk stand in at most this many places."""

TOO_FEW, TOO_MANY, NO_ID, BAD_ID = "too few fields", "too many fields", "no patent id", "malformed patent id"
BAD_DATE, FAR_DATE, BAD_NUMBER = "impossible date", "date far off", "text in a number"
"""Kinds of broken rows."""
_UNUSABLE = {
    "type": "utility", "title": "Unusable", "abstract": "Unusable.", "kind": "B2", "country": "US",
    "filename": "ipg090224.xml", "claims": "1", "withdrawn": "0", "cited_id": "3930271",
    "cited_date": "1976-01-01", "name": "", "category": "", "section": "A", "class": "A01",
    "subclass": "A01B",
    "group": "A01B1/00", "cpc_type": "inventional", "application_id": "05/100000", "series": "05",
    "rule_47": "0", "subclass_title": "", "group_title": "", "class_title": "", "related": "10000000",
    "relation": "continuation", "relation_kind": "parent document", "status": "", "claim": "1. Unusable.",
    "dependent": "", "claim_number": "00001", "exemplary": "1",
}  # fmt: skip
"""The fields of a broken row that are not broken themselves."""


class TsvZip:
    """Writes one table: `name.tsv.zip` with `name.tsv` inside. The bytes depend on the rows alone.

    Fields are separated by tabs. Header and text are in double quotes, an inner quote is doubled, numbers
    are bare, unknown text is "". Compression runs in `executor`, one chunk behind. Its single worker keeps
    the chunks in order.
    """

    def __init__(
        self, folder: Path, file_format: FileFormat, seed: int, broken_fraction: float, executor: Executor
    ) -> None:
        self.name, self._format, self._seed, self._executor = file_format.file, file_format, seed, executor
        self._open = ExitStack()
        path = folder / f"{self.name}.tsv.zip"
        archive = zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self._open.enter_context(archive)
        member = archive.open(f"{self.name}.tsv", "w", force_zip64=True)
        self._member = self._open.enter_context(member)
        self._behind: Future[int] | None = None
        self._broken_each = broken_fraction / (1 - broken_fraction)
        self._broken_due = 0.0
        self.rows = 0
        self.broken: Counter[str] = Counter()
        self._put("\t".join(f'"{name}"' for name, _ in file_format.columns).encode() + b"\n")

    def write(self, columns: Columns) -> None:
        """Write some rows. Fields that the format does not have are left out."""
        count = len(columns["id"]) if "id" in columns else len(next(iter(columns.values())))
        extra = {
            "uuid": lambda: self._uuids(count),
            "country": lambda: pa.array(["US"]).take(pa.array(np.zeros(count, np.int8))),
        }
        arrays = [columns[field] if field in columns else extra[field]() for field in self._format.fields]
        table = pa.Table.from_arrays(arrays, names=[name for name, _ in self._format.columns])
        self._broken_due += self._broken_each * count
        broken = self._broken_lines(int(self._broken_due))
        self._broken_due -= int(self._broken_due)
        groups = np.array_split(np.array(broken, object), min(len(broken), _GROUPS)) if broken else []
        edges = np.linspace(0, count, len(groups) + 1).astype(int)
        for group, start, stop in zip(groups, edges, edges[1:], strict=False):
            self._put(_rendered(table.slice(start, stop - start)))
            self._put("".join(group).encode())
        if not groups:
            self._put(_rendered(table))
        self.rows += count + len(broken)

    def close(self) -> None:
        """Finish the file."""
        with self._open:
            self._settle()

    def _put(self, data: bytes | pa.Buffer) -> None:
        self._settle()
        self._behind = self._executor.submit(self._member.write, memoryview(data))

    def _settle(self) -> None:
        if self._behind is not None:
            self._behind.result()
            self._behind = None

    def _uuids(self, count: int) -> pa.Array:
        index = np.arange(self.rows, self.rows + count)
        digits = hashes(self._seed, f"uuid {self._format.file}", index).tobytes().hex().encode()
        offsets = pa.py_buffer(np.arange(0, 16 * count + 1, 16, dtype=np.int32))
        return pa.Array.from_buffers(pa.string(), count, [None, offsets, pa.py_buffer(digits)])

    def _broken_lines(self, count: int) -> list[str]:
        """Rows that cannot be used, each of one kind, with ids of their own. The kinds take turns."""
        kinds = [TOO_FEW, TOO_MANY]
        if "id" in self._format.fields:
            kinds += [NO_ID, BAD_ID]
        if "title" in self._format.fields:
            kinds += [BAD_DATE, FAR_DATE]
        if {"cpc_type", "claim"} & set(self._format.fields):
            kinds += [BAD_NUMBER]
        lines = []
        for k in range(count):
            total = self.broken.total()
            kind = kinds[total % len(kinds)]
            far = "9178-12-11" if k % 2 else "1074-03-05"
            lines.append(self._broken_line(kind, 98_000_000 + total, far))
            self.broken[kind] += 1
        return lines

    def _broken_line(self, kind: str, number: int, far: str) -> str:
        values = {
            "id": {NO_ID: "", BAD_ID: f"{number // 1000}-{number % 1000}/x"}.get(kind, str(number)),
            "date": {BAD_DATE: "2009-02-30", FAR_DATE: far}.get(kind, "2009-02-24"),
            "sequence": "first" if kind == BAD_NUMBER else "0",
            "uuid": f"{number:016x}",
            **_UNUSABLE,
        }
        bare = NUMBERS if kind != BAD_NUMBER else NUMBERS - {"sequence"}
        fields = [values[field] if field in bare else f'"{values[field]}"' for field in self._format.fields]
        if kind == TOO_FEW:
            fields = fields[:-1]
        if kind == TOO_MANY:
            fields.append('"surplus"')
        return "\t".join(fields) + "\n"


class YearlyZips:
    """A table with one file per grant year. Its rows have a field `year` and come in the order of grants."""

    def __init__(self, open_year: Callable[[int], TsvZip]) -> None:
        self._open_year = open_year
        self.files: dict[int, TsvZip] = {}

    def write(self, columns: Columns) -> None:
        """Write some rows, each to the file of its year."""
        years = columns["year"].to_numpy()
        for year in np.unique(years).tolist():
            if year not in self.files:
                # The file of the year before is complete.
                self.close()
                self.files[year] = self._open_year(year)
            rows = pa.array(years == year)
            self.files[year].write({field: column.filter(rows) for field, column in columns.items()})

    def close(self) -> None:
        """Finish the files."""
        for file in self.files.values():
            file.close()


def _rendered(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    csv.write_csv(table, sink, _OPTIONS)
    return sink.getvalue()
