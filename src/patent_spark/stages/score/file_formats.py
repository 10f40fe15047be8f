"""Parquet and CSV files as batches of text columns, read in one pass with little memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError

PARQUET, CSV = "parquet", "csv"
_ENDINGS = {
    ".parquet": PARQUET, ".pq": PARQUET,
    ".csv": CSV, ".csv.gz": CSV, ".tsv": CSV, ".tsv.gz": CSV,
}  # fmt: skip
_BLOCK = 8 << 20
"""Bytes of CSV that are parsed at once; also the longest row."""
_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class FileSet:
    """The files of an input, all of one format."""

    root: Path
    files: tuple[Path, ...]
    format: str
    delimiter: str


def file_set(place: str, wanted: str, delimiter: str) -> FileSet:
    """The files at `place`, a file or a folder with its subfolders, in the order of their names.

    Raises DataError when there are none, ConfigError when a folder holds both formats.
    """
    root = Path(place)
    if not root.exists():
        raise DataError(f"score.input = {place} does not exist", setting="score.input", file=place)
    if root.is_file():
        return FileSet(root.parent, (root,), wanted if wanted != "auto" else _required(root), delimiter)
    formats = {path: _format(path) for path in sorted(root.rglob("*")) if _is_visible(path, root)}
    kinds = {kind for kind in formats.values() if kind and wanted in ("auto", kind)}
    if len(kinds) > 1:
        raise ConfigError(
            f"score.input = {place} holds Parquet and CSV files; set score.format to one of them",
            setting="score.format",
        )
    if not kinds:
        raise DataError(
            f"score.input = {place} holds no file that ends in {', '.join(_ENDINGS)}",
            setting="score.input",
            file=place,
        )
    (kind,) = kinds
    return FileSet(root, tuple(path for path in formats if formats[path] == kind), kind, delimiter)


def batches(
    files: FileSet, path: Path, columns: Mapping[str, str], optional: Sequence[str] = ()
) -> Iterator[pa.RecordBatch]:
    """A file's columns as text, under the names that `columns` gives them (ours -> the file's).

    optional: columns that the file may lack; they are null then. Raises DataError for a file that cannot be
    read and for one without a column.
    """
    read = _parquet if files.format == PARQUET else _csv
    try:
        delimiter = "\t" if ".tsv" in path.suffixes else files.delimiter
        for batch in read(path, columns, delimiter, optional):
            texts = [_text(batch, name) for name in (*columns.values(), *optional)]
            yield pa.record_batch(texts, names=[*columns, *optional])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, files, error) from error


def _unreadable(path: Path, files: FileSet, error: Exception) -> DataError:
    """What is wrong with a file, and with which setting."""
    why = f"{path} cannot be read as {files.format}: {' '.join(str(error).split())[:300]}"
    if files.format == PARQUET:
        return DataError(why, file=str(path))
    between = "a tab" if ".tsv" in path.suffixes else f"score.delimiter = {files.delimiter!r}"
    return DataError(f"{why}; columns are separated by {between}", file=str(path), setting="score.delimiter")


def _parquet(
    path: Path, columns: Mapping[str, str], delimiter: str, optional: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    file = pq.ParquetFile(path)
    names = file.schema_arrow.names
    _require(path, columns, names)
    yield from file.iter_batches(_BATCH_ROWS, columns=_present(columns, optional, names))


def _present(columns: Mapping[str, str], optional: Sequence[str], names: Sequence[str]) -> list[str]:
    """The columns of a file that are read."""
    return list(dict.fromkeys([*columns.values(), *(name for name in optional if names.count(name) == 1)]))


def _csv(
    path: Path, columns: Mapping[str, str], delimiter: str, optional: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    settings = {
        "read_options": pyarrow.csv.ReadOptions(block_size=_BLOCK, use_threads=False),
        "parse_options": pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
    }
    # Everything as text: an id such as 08123456 is no number, and `NA` may be a title.
    names = [*columns.values(), *optional]
    texts = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    with pyarrow.csv.open_csv(path, convert_options=texts, **settings) as file:
        _require(path, columns, file.schema.names)
        for batch in file:
            yield batch.select(_present(columns, optional, file.schema.names))


def _text(batch: pa.RecordBatch, name: str) -> pa.Array:
    place = batch.schema.get_field_index(name)
    if place < 0:
        return pa.nulls(batch.num_rows, pa.string())
    column = batch.column(place)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def _require(path: Path, columns: Mapping[str, str], found: list[str]) -> None:
    for ours, theirs in columns.items():
        if found.count(theirs) != 1:
            setting = f"score.{'id' if ours == 'patent_id' else ours}_column"
            raise DataError(
                f"{path} has {'no' if theirs not in found else 'more than one'} column {theirs}; it has "
                f"{', '.join(found[:20])}; set {setting} to the one that holds the {ours}",
                file=str(path),
                column=theirs,
                setting=setting,
            )


def _format(path: Path) -> str | None:
    return next((kind for ending, kind in _ENDINGS.items() if path.name.lower().endswith(ending)), None)


def _required(path: Path) -> str:
    kind = _format(path)
    if kind is None:
        raise ConfigError(
            f"score.input = {path} ends in none of {', '.join(_ENDINGS)}; set score.format",
            setting="score.format",
        )
    return kind


def _is_visible(path: Path, root: Path) -> bool:
    """Spark and Sail leave files such as _SUCCESS beside the data."""
    return path.is_file() and not any(part.startswith(("_", ".")) for part in path.relative_to(root).parts)
