"""Where each column of a table stands in a release: PatentsView's file and column names of today, and those of the older dumps.

Columns are found by name, so their order and any further columns do not matter. citation_date is left out on purpose:
it is the cited document's date with the day forced to 01, and must never be used for the citation window.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patent_spark.checks import DataError
from patent_spark.schemas import ABSTRACTS, CITATIONS, CPC, PATENTS


@dataclass(frozen=True)
class Layout:
    """One file of a release, the table it is judged as, and the file's name for each column that is read."""

    table: str
    file: str
    columns: dict[str, str]
    repeating: tuple[str, ...] = ()
    """Columns with few distinct values in a stretch of rows, worth reading as a dictionary."""
    extra_table: str | None = None
    """A second table made from the same good rows."""

    @property
    def archive(self) -> str:
        """The zip that holds the file."""
        return self.file + ".zip"

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables made from this file."""
        return (self.table,) if self.extra_table is None else (self.table, self.extra_table)


_PATENT_REPEATING = ("patent_type", "grant_date", "withdrawn")
_CPC_REPEATING = ("patent_id", "cpc_sequence", "cpc_class", "cpc_subclass", "cpc_type")
_CITATION_REPEATING = ("patent_id", "citation_category")

CURRENT = (
    Layout(
        PATENTS.name, "g_patent.tsv",
        {"patent_id": "patent_id", "patent_type": "patent_type", "grant_date": "patent_date", "title": "patent_title", "withdrawn": "withdrawn"},
        _PATENT_REPEATING,
    ),
    Layout(ABSTRACTS.name, "g_patent_abstract.tsv", {"patent_id": "patent_id", "abstract": "patent_abstract"}),
    Layout(
        CITATIONS.name, "g_us_patent_citation.tsv",
        {"patent_id": "patent_id", "citation_patent_id": "citation_patent_id", "citation_category": "citation_category"},
        _CITATION_REPEATING,
    ),
    Layout(
        CPC.name, "g_cpc_current.tsv",
        {
            "patent_id": "patent_id", "cpc_sequence": "cpc_sequence", "cpc_class": "cpc_class", "cpc_subclass": "cpc_subclass",
            "cpc_type": "cpc_type",
        },
        _CPC_REPEATING,
    ),
)  # fmt: skip

OLD = (
    Layout(
        PATENTS.name, "patent.tsv",
        {
            "patent_id": "id", "patent_type": "type", "grant_date": "date", "title": "title", "withdrawn": "withdrawn",
            "abstract": "abstract",
        },
        _PATENT_REPEATING,
        extra_table=ABSTRACTS.name,
    ),
    Layout(
        CITATIONS.name, "uspatentcitation.tsv",
        {"patent_id": "patent_id", "citation_patent_id": "citation_id", "citation_category": "category"},
        _CITATION_REPEATING,
    ),
    Layout(
        CPC.name, "cpc_current.tsv",
        {
            "patent_id": "patent_id", "cpc_sequence": "sequence", "cpc_class": "subsection_id", "cpc_subclass": "group_id",
            "cpc_type": "category",
        },
        _CPC_REPEATING,
    ),
)  # fmt: skip


def find_layouts(folder: Path) -> tuple[Layout, ...]:
    """The generation of names that a release folder uses; of both, today's. Raises DataError when a file is missing."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; set source.path to the folder of a release")
    found = {path.name for path in folder.iterdir()}
    layouts = max((CURRENT, OLD), key=lambda layouts: len(layouts) - len(_missing(layouts, found)))
    if missing := _missing(layouts, found):
        names = ", ".join(f"{layout.archive} ({' and '.join(layout.tables)})" for layout in missing)
        raise DataError(f"{folder} has no {names}; files found: {', '.join(sorted(found)) or 'none'}")
    return layouts


def _missing(layouts: tuple[Layout, ...], found: set[str]) -> list[Layout]:
    return [layout for layout in layouts if layout.archive not in found]
