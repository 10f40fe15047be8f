"""Where each column of a table stands in a release: PatentsView's file and column names of today, and those of the older dumps.

Columns are found by name, so their order and any further columns do not matter. citation_date is left out on purpose:
it is the cited document's date with the day forced to 01, and must never be used for the citation window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from patent_spark.core.errors import DataError
from patent_spark.core.schemas import ABSTRACTS, CITATIONS, CLAIMS, CPC, PATENTS, RELATED_DOCUMENTS


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
    year: int | None = None
    """The grant year whose rows the file holds, of a table with a file for each year; its `file` then has {year} for it."""
    optional: bool = False
    """Whether a release may lack the file, and the file rows."""

    @property
    def archive(self) -> str:
        """The zip that holds the file."""
        return self.file.format(year=self.year) + ".zip"

    @property
    def part(self) -> str:
        """The name that tells this file's share of the table from those of other files."""
        return self.table if self.year is None else f"{self.table}-{self.year}"

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables made from this file."""
        return (self.table,) if self.extra_table is None else (self.table, self.extra_table)


_PATENT_REPEATING = ("patent_type", "grant_date", "withdrawn")
_CPC_REPEATING = ("patent_id", "cpc_sequence", "cpc_class", "cpc_subclass", "cpc_type")
_CITATION_REPEATING = ("patent_id", "citation_category")
_CLAIM_REPEATING = ("patent_id", "claim_sequence")
_RELATIVE_REPEATING = ("patent_id", "relation", "related_kind")

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


CURRENT_CLAIMS = Layout(
    CLAIMS.name, "g_claims_{year}.tsv",
    {"patent_id": "patent_id", "claim_sequence": "claim_sequence", "claim_text": "claim_text"},
    _CLAIM_REPEATING,
)  # fmt: skip
OLD_CLAIMS = Layout(
    CLAIMS.name, "claims_{year}.tsv",
    {"patent_id": "patent_id", "claim_sequence": "sequence", "claim_text": "text"},
    _CLAIM_REPEATING,
)  # fmt: skip

CURRENT_RELATED_DOCUMENTS = Layout(
    RELATED_DOCUMENTS.name, "g_us_rel_doc.tsv",
    {
        "patent_id": "patent_id", "related_number": "related_doc_number", "relation": "related_doc_type", "related_kind": "related_doc_kind",
    },
    _RELATIVE_REPEATING,
    optional=True,
)  # fmt: skip
OLD_RELATED_DOCUMENTS = Layout(
    RELATED_DOCUMENTS.name, "usreldoc.tsv",
    {"patent_id": "patent_id", "related_number": "reldocno", "relation": "doctype", "related_kind": "relkind"},
    _RELATIVE_REPEATING,
    optional=True,
)  # fmt: skip


def find_layouts(folder: Path, claims: bool = False) -> tuple[Layout, ...]:
    """The generation of names that a release folder uses; of both, today's. Raises DataError when a file is missing.

    The file of related documents is among them if it is there. With `claims`, so are those of claims, one for each year
    that is there.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; set source.path to the folder of a release")
    found = {path.name for path in folder.iterdir()}
    layouts = max((CURRENT, OLD), key=lambda layouts: len(layouts) - len(_missing(layouts, found)))
    relatives, yearly = (
        (CURRENT_RELATED_DOCUMENTS, CURRENT_CLAIMS)
        if layouts is CURRENT
        else (OLD_RELATED_DOCUMENTS, OLD_CLAIMS)
    )
    if missing := _missing(layouts, found):
        names = ", ".join(f"{layout.archive} ({' and '.join(layout.tables)})" for layout in missing)
        raise DataError(f"{folder} has no {names}; files found: {', '.join(sorted(found)) or 'none'}")
    if relatives.archive in found:
        layouts += (relatives,)
    return layouts + _of_each_year(folder, found, yearly) if claims else layouts


def _of_each_year(folder: Path, found: set[str], yearly: Layout) -> tuple[Layout, ...]:
    named = re.compile(re.escape(yearly.file).replace(r"\{year\}", r"(\d{4})") + r"\.zip")
    years = sorted(int(match[1]) for match in map(named.fullmatch, found) if match)
    if not years:
        name = yearly.file.format(year="YYYY")
        raise DataError(
            f"{folder} has no {name}.zip, one for each grant year ({yearly.table}); add them, or leave claims out of text.fields"
        )
    return tuple(replace(yearly, year=year) for year in years)


def _missing(layouts: tuple[Layout, ...], found: set[str]) -> list[Layout]:
    return [layout for layout in layouts if layout.archive not in found]
