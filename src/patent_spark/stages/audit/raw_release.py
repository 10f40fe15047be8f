"""Rows of a release's own zipped files, read without the code of ingest and without its parser.

Ingest reads quoted fields, which a stray quote can mislead. Here each line is split at its tabs and quotes
have no meaning; the lines of a text with line breaks are put together until the row has all its fields.
"""

from __future__ import annotations

import re
import unicodedata
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from patent_spark.config import Config
from patent_spark.core.metadata import IngestMetadata
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
        ("cpc_current", ("patent_id", "sequence", "subsection_id", "category", "group_id")),
        ("g_cpc_current", ("patent_id", "cpc_sequence", "cpc_class", "cpc_type", "cpc_subclass")),
    ),
}
"""File and columns of the old and of the current format. The current format wins where both are present."""
_BLOCK_BYTES = 1 << 24

_IDS = ("id", "patent_id", "citation_id", "citation_patent_id")
_CODED = ("category", "citation_category", "cpc_type")

_GROUPS = r"[1-9][0-9]{0,2}(?:[,'’_][0-9]{3})+|[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}|[1-9][0-9]*"
"""The digits of an id, plain or in groups of three."""

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
        with zipfile.ZipFile(path) as archive, archive.open(_member(archive)) as file:
            for batch in _batches(file, columns):
                selected = batch.filter(pc.is_in(_plain_ids(batch.column(column)), wanted))
                fields = [selected.column(i).to_pylist() for i in range(len(columns))]
                for i, name in enumerate(columns):
                    if name in _IDS:
                        fields[i] = _plain_ids(selected.column(i)).to_pylist()
                    elif name in _CODED:
                        fields[i] = [re.sub(r"[\s_-]+", " ", text).strip(" .").lower() for text in fields[i]]
                    else:
                        fields[i] = [re.sub(r"[T ]00:00:00\S*$", "", text.strip()) for text in fields[i]]
                rows += zip(*fields, strict=True)
        return rows


def _simulated(store: Store, version: str) -> Path:
    """The folder of a simulated release; it is missing when that version is gone."""
    kept = [each for each in store.manifests("simulate") if each.version == version]
    return store.directory_in(kept[0], "RELEASE") if kept else store.root / "simulate" / version


def find_release(store: Store, config: Config) -> RawRelease | None:
    """The release that the current tables were read from; None when its files are gone."""
    ingest = store.manifest("ingest")
    if ingest is None:
        return None
    if simulated := ingest.inputs.get("simulate"):
        folder = _simulated(store, simulated)
    elif config.source.kind == "folder" and config.source.path:
        folder = Path(config.source.path)
    else:
        read = ingest.metadata_if_readable(IngestMetadata)
        if read is None or not read.folder:
            return None
        folder = Path(read.folder)
    files = {
        table: (folder / f"{file}.tsv.zip", columns)
        for table, names in _NAMES.items()
        for file, columns in names
        if (folder / f"{file}.tsv.zip").exists()
    }
    return RawRelease(files) if len(files) == len(_NAMES) else None


def _member(archive: zipfile.ZipFile) -> str:
    """The TSV file among what zip programs add."""
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/") and name[-1:] != "/"]
    names = [name for name in names if "/." not in f"/{name}"]
    return next((name for name in names if name.lower().endswith(".tsv")), names[0])


def _batches(file: IO[bytes], columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """The columns of a TSV file as strings without the quotes around them; other rows are skipped."""
    header = file.readline().decode("utf-8-sig").rstrip("\r\n").split("\t")
    names = [re.sub("[ -]", "_", name.strip(' "').lower()) for name in header]
    broken: list[str] = []

    def keep(row: pa.csv.InvalidRow) -> str:
        broken.append(row.text)
        return "skip"

    with pa.csv.open_csv(
        file,
        read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES, column_names=names),
        parse_options=pa.csv.ParseOptions(delimiter="\t", quote_char=False, invalid_row_handler=keep),
        convert_options=pa.csv.ConvertOptions(
            include_columns=list(columns), column_types=dict.fromkeys(columns, pa.string())
        ),
    ) as reader:
        for batch in reader:
            stripped = [pc.ascii_trim(batch.column(i), '"') for i in range(len(columns))]
            yield pa.RecordBatch.from_arrays(stripped, list(columns))
    rows = [[row[names.index(name)].strip('"') for name in columns] for row in _joined(broken, len(names))]
    if rows:
        yield pa.RecordBatch.from_arrays([pa.array(each) for each in zip(*rows, strict=True)], list(columns))


def _joined(lines: Iterable[str], width: int) -> Iterator[list[str]]:
    """Rows whose texts have line breaks, from the lines that had too few fields."""
    row: list[str] = []
    for line in lines:
        fields = line.split("\t")
        row = [*row[:-1], f"{row[-1]}\n{fields[0]}", *fields[1:]] if row else fields
        if len(row) >= width:
            if len(row) == width:
                yield row
            row = []


def _plain_ids(ids: pa.Array) -> pa.Array:
    """Ids in PatentsView's form: without country, kind, separators, decimals and leading zeros."""
    unusual = pc.invert(pc.match_substring_regex(ids, "^[A-Z]{0,3}[1-9][0-9]*$"))
    if not pc.any(unusual).as_py():
        return ids
    distinct = ids.filter(unusual).dictionary_encode()
    plain = pa.array([_plain_id(text) for text in distinct.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(ids, unusual, plain.take(distinct.indices))


def _plain_id(text: str) -> str:
    """One id in PatentsView's form; what is none comes out as something that no patent has."""
    text = unicodedata.normalize("NFKC", text).upper()
    text = re.sub(r"""["'=\[\](){}<>\u200b-\u200f\u2060\ufeff]|^\s*\+|\s""", "", text)
    if re.fullmatch(r"[0-9][.,][0-9]*E\+?[0-9]+", text):
        number = Decimal(text.replace(",", "."))
        lost_digits = len(text.partition("E")[0]) - 2 < int(text.partition("E")[2])
        return text if lost_digits or number != int(number) else str(int(number))
    for pattern, replacement in (
        (r"^(?:PATENTS?[./-]*)?(?:U\.?S\.?)?[./-]*(?:PAT(?:ENT)?S?)?[./-]*(?:NOS?\.?|#)?", ""),
        (r"/EN$", ""),
        (r"([0-9])[./-]*[ABCEHPS][0-9]?$", r"\1"),
        (r"^(D)ES[.-]?|^(RE)I[.-]?|^([A-Z]{1,3})[.-]", r"\1\2\3"),
        (r"^PLT", "PP"),
    ):
        text = re.sub(pattern, replacement, text)
    grouped = re.fullmatch(rf"([A-Z]*)0*({_GROUPS})(?:\.|[.,]0+)?", text)
    return grouped[1] + re.sub("[^0-9]", "", grouped[2]) if grouped else text
