"""Rows of a release's own zipped files, read without the code of ingest."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from patent_spark.config import Config
from patent_spark.core.store import Store

PATENTS, CITATIONS, CLASSES = "patents", "citations", "classes"
_NAMES = {
    PATENTS: (
        ("patent", ("id", "date", "withdrawn")),
        ("g_patent", ("patent_id", "patent_date", "withdrawn")),
    ),
    CITATIONS: (
        ("uspatentcitation", ("patent_id", "citation_id", "category")),
        ("g_us_patent_citation", ("patent_id", "citation_patent_id", "citation_category")),
    ),
    CLASSES: (
        ("cpc_current", ("patent_id", "sequence", "subsection_id", "category")),
        ("g_cpc_current", ("patent_id", "cpc_sequence", "cpc_class", "cpc_type")),
    ),
}
"""File and columns of the old and of the current format. The current format wins where both are present."""
_BLOCK_BYTES = 1 << 24

Row = tuple[str, ...]


class RawRelease:
    """The zip files of a release: path and columns of each table."""

    def __init__(self, files: Mapping[str, tuple[Path, tuple[str, ...]]]) -> None:
        self._files = files

    def rows(self, table: str, column: int, values: Collection[str]) -> list[Row]:
        """The rows of a table with one of the values in a column.

        Empty fields are empty strings; malformed rows are skipped.
        """
        path, columns = self._files[table]
        wanted = pa.array(sorted(values), pa.string())
        rows: list[Row] = []
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
            for batch in _batches(file, columns):
                selected = batch.filter(pc.is_in(batch.column(column), wanted))
                rows += zip(*(selected.column(i).to_pylist() for i in range(len(columns))), strict=True)
        return rows


def find_release(store: Store, config: Config) -> RawRelease | None:
    """The release that the current tables were read from; None when its files are gone."""
    ingest = store.manifest("ingest")
    simulated = ingest.inputs.get("simulate") if ingest else None
    if not simulated and not config.source.path:
        return None
    folder = store.root / "simulate" / simulated / "RELEASE" if simulated else Path(config.source.path)
    files = {
        table: (folder / f"{file}.tsv.zip", columns)
        for table, names in _NAMES.items()
        for file, columns in names
        if (folder / f"{file}.tsv.zip").exists()
    }
    return RawRelease(files) if len(files) == len(_NAMES) else None


def _batches(file: IO[bytes], columns: tuple[str, ...]) -> pa.csv.CSVStreamingReader:
    """The columns of a TSV file as strings; malformed rows are skipped."""
    return pa.csv.open_csv(
        file,
        read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa.csv.ParseOptions(
            delimiter="\t", newlines_in_values=True, invalid_row_handler=lambda row: "skip"
        ),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(columns), column_types=dict.fromkeys(columns, pa.string())
        ),
    )
