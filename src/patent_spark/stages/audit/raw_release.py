"""Rows of a release's own zipped files, found without what ingest made of them."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

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
"""File and columns of the older dumps, then of today, which win where both are there."""

Row = tuple[str, ...]


class RawRelease:
    """The zips of a release: path and columns of each table."""

    def __init__(self, files: Mapping[str, tuple[Path, tuple[str, ...]]]) -> None:
        self._files = files

    def rows(self, table: str, column: int, values: Collection[str]) -> list[Row]:
        """The rows of a table that have one of the values in a column; empty fields are empty texts, malformed rows are passed over."""
        path, columns = self._files[table]
        wanted = pa.array(sorted(values), pa.string())
        found: list[Row] = []
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
            reader = pa.csv.open_csv(
                file,
                read_options=pa.csv.ReadOptions(block_size=1 << 24),
                parse_options=pa.csv.ParseOptions(
                    delimiter="\t", newlines_in_values=True, invalid_row_handler=lambda row: "skip"
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=columns, column_types=dict.fromkeys(columns, pa.string())
                ),
            )
            for batch in reader:
                chosen = batch.filter(pc.is_in(batch.column(column), wanted))
                found += zip(*(chosen.column(i).to_pylist() for i in range(len(columns))), strict=True)
        return found


def find_release(store: Store, config: Config) -> RawRelease | None:
    """The release that the current tables were read from; None when its files are not there any longer."""
    ingest = store.manifest("ingest")
    made = ingest.inputs.get("simulate") if ingest else None
    folder = store.root / "simulate" / made / "RELEASE" if made else Path(config.source.path)
    files = {
        table: (folder / f"{file}.tsv.zip", columns)
        for table, names in _NAMES.items()
        for file, columns in names
        if (made or config.source.path) and (folder / f"{file}.tsv.zip").exists()
    }
    return RawRelease(files) if len(files) == len(_NAMES) else None
