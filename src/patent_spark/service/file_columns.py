"""CSV files: their rows as documents, and the columns that scoring adds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from patent_spark.core.features import given_or_unknown
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.records import Prediction
from patent_spark.service.refusal import Refusal

ADDED = (
    "predicted_class",
    "predicted_class_title",
    "class_probability",
    "second_class",
    "second_class_probability",
    "predicted_citation_level",
    "citation_level_probability",
    "top1_probability",
    "look_yourself",
    "known_words",
    "warnings",
)
"""Columns that are added; a file that has them already gets them anew."""

_TITLES = {"title": "title", "patent_title": "title", "abstract": "abstract", "patent_abstract": "abstract"}
"""Names of the columns that are read, in any case."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True)
class CsvFile:
    """A file that was checked: it is read again, row by row, while it is scored."""

    body: bytes
    delimiter: str
    header: tuple[str, ...]
    rows: int

    def kept(self) -> list[int]:
        """Places of the columns that are given back."""
        return [place for place, name in enumerate(self.header) if name not in ADDED]

    def read(self) -> Iterator[list[str]]:
        """Its rows after the header, each as long as the header."""
        reader = _reader(self.body, self.delimiter)
        next(reader)
        width = len(self.header)
        return (([*row, *[""] * width])[:width] for row in reader if row)

    def document(self, row: Sequence[str]) -> Document:
        """A row as a document."""
        parts = {"title": "", "abstract": ""}
        named = [(name.strip().lower(), cell) for name, cell in zip(self.header, row, strict=True)]
        for name, cell in named:
            part = _TITLES.get(name)
            if part:
                parts[part] = cell
        return Document(parts["title"], parts["abstract"], features=given_or_unknown(dict(named)))


def checked_csv(body: bytes, max_rows: int, max_characters: int) -> CsvFile:
    """A CSV file with columns title and abstract, separated by commas, semicolons or tabs.

    Raises Refusal: 400 for what is no UTF-8 or no CSV, 413 for too much, 422 for missing columns.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(400, "the file is not UTF-8; save it as CSV UTF-8", "encoding") from None
    if not text.strip():
        raise Refusal(422, "the file is empty", "empty")
    delimiter, header = _header(text)
    rows = _counted(body, delimiter, max_rows, max_characters)
    if not rows:
        raise Refusal(422, "the file has no row after its header", "empty")
    return CsvFile(body, delimiter, header, rows)


def _header(text: str) -> tuple[str, tuple[str, ...]]:
    line = text.partition("\n")[0]
    for delimiter in _DELIMITERS:
        try:
            header = tuple(next(csv.reader([line], delimiter=delimiter), ()))
        except csv.Error:
            continue
        if {_TITLES.get(name.strip().lower()) for name in header} >= {"title", "abstract"}:
            return delimiter, header
    raise Refusal(422, "the first line of the file must name the columns title and abstract", "columns")


def _counted(body: bytes, delimiter: str, max_rows: int, max_characters: int) -> int:
    rows = 0
    try:
        for row in _reader(body, delimiter):
            if sum(map(len, row)) > max_characters:
                raise Refusal(413, f"row {rows} has more than {max_characters:,} characters", "characters")
            rows += bool(row)
            if rows > max_rows + 1:
                raise Refusal(413, f"the file has more than {max_rows:,} rows", "rows")
    except csv.Error:
        raise Refusal(400, f"row {rows} is not valid CSV", "csv") from None
    return rows - 1


def _reader(body: bytes, delimiter: str) -> Iterator[list[str]]:
    text: TextIO = io.TextIOWrapper(io.BytesIO(body), "utf-8-sig", newline="")
    return csv.reader(text, delimiter=delimiter)


def added_cells(answer: Prediction | None) -> list[str]:
    """A cell for each of ADDED; all empty for a row without a text."""
    if answer is None:
        return ["", "", "", "", "", "", "", "", "yes", "0", "no_text"]
    technology, level = answer.technology, answer.citation_level
    cells = [""] * 5
    if technology is not None:
        cells[:3] = [technology.predicted, technology.title, _shown(technology.probability)]
        if len(technology.classes) > 1:
            cells[3:] = [technology.classes[1].label, _shown(technology.classes[1].probability)]
    levels = ["", "", ""]
    if level is not None:
        top1 = next((each.probability for each in level.levels if each.label == "top1"), None)
        levels = [level.predicted, _shown(level.probability), _shown(top1)]
    return [*cells, *levels, *_doubts(answer)]


def _doubts(answer: Prediction) -> list[str]:
    tasks = [task for task in (answer.technology, answer.citation_level) if task is not None]
    codes = sorted({str(warning.code) for task in tasks for warning in task.warnings})
    sure = all(task.confident for task in tasks)
    return ["no" if sure else "yes", str(max(task.text.known_words for task in tasks)), " ".join(codes)]


def _shown(probability: float | None) -> str:
    return "" if probability is None else f"{probability:.4f}"


def as_csv(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    """Rows as CSV whose cells no spreadsheet takes for formulas."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(
        [escaped(cell) for cell in row] for row in rows
    )
    return text.getvalue()


def escaped(cell: str) -> str:
    """A cell with an apostrophe before what a spreadsheet would run as a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
