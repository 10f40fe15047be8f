"""The files of a release: which table each becomes, and what its columns are called.

PatentsView's names of today and those of the older dumps. Columns are found by name, so their order and
further columns do not matter. citation_date is not read: it is the cited document's date with the day forced
to 01, and must never be used for the citation window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from patent_spark.core.errors import DataError
from patent_spark.core.schemas import (
    ABSTRACTS,
    CITATIONS,
    CLAIMS,
    CPC,
    CPC_TITLES,
    PATENTS,
    RELATED_DOCUMENTS,
)


@dataclass(frozen=True)
class FileFormat:
    """One file of a release, the table whose rules it follows, and the file's names of the columns read."""

    table: str
    file: str
    columns: dict[str, str]
    repeating: tuple[str, ...] = ()
    """Columns with few distinct values in a stretch of rows; they are read as a dictionary."""
    extra_table: str | None = None
    """A second table made from the same usable rows."""
    year: int | None = None
    """The grant year of the file's rows, for a table with one file per year; `file` then contains {year}."""
    optional: bool = False
    """A release may lack the file, and the file may have no rows."""
    optional_columns: tuple[str, ...] = ()
    """Those of `columns` that the file may lack; they are null then."""

    @property
    def grouped(self) -> tuple[str, ...]:
        """Those of them whose equal values stand in rows next to each other."""
        return tuple(name for name in self.repeating if name == "patent_id")

    @property
    def archive(self) -> str:
        """The zip that holds the file."""
        return self.file.format(year=self.year) + ".zip"

    @property
    def part(self) -> str:
        """Names this file's share of the table."""
        return self.table if self.year is None else f"{self.table}-{self.year}"

    @property
    def file_prefix(self) -> str:
        """How the names of its Parquet files begin."""
        return f"part-{self.year or 0}"

    @property
    def tables(self) -> tuple[str, ...]:
        """All tables made from this file."""
        return (self.table,) if self.extra_table is None else (self.table, self.extra_table)


_REPEATING = {
    PATENTS.name: ("patent_type", "grant_date", "withdrawn", "num_claims"),
    CPC.name: ("patent_id", "cpc_sequence", "cpc_class", "cpc_subclass", "cpc_type"),
    CITATIONS.name: ("patent_id", "citation_category"),
    CLAIMS.name: ("patent_id", "claim_sequence"),
    RELATED_DOCUMENTS.name: ("patent_id", "relation", "related_kind"),
    CPC_TITLES.name: ("cpc_class", "cpc_class_title", "cpc_subclass", "cpc_subclass_title"),
}


_OPTIONAL = {PATENTS.name: ("num_claims",)}


def _format(
    table: str, file: str, columns: dict[str, str], *, extra_table: str | None = None, optional: bool = False
) -> FileFormat:
    return FileFormat(
        table,
        file,
        columns,
        _REPEATING.get(table, ()),
        extra_table,
        optional=optional,
        optional_columns=_OPTIONAL.get(table, ()),
    )


CURRENT = (
    _format(
        PATENTS.name,
        "g_patent.tsv",
        {
            "patent_id": "patent_id",
            "patent_type": "patent_type",
            "grant_date": "patent_date",
            "title": "patent_title",
            "withdrawn": "withdrawn",
            "num_claims": "num_claims",
        },
    ),
    _format(
        ABSTRACTS.name, "g_patent_abstract.tsv", {"patent_id": "patent_id", "abstract": "patent_abstract"}
    ),
    _format(
        CITATIONS.name,
        "g_us_patent_citation.tsv",
        {
            "patent_id": "patent_id",
            "citation_patent_id": "citation_patent_id",
            "citation_category": "citation_category",
        },
    ),
    _format(
        CPC.name,
        "g_cpc_current.tsv",
        {
            "patent_id": "patent_id",
            "cpc_sequence": "cpc_sequence",
            "cpc_class": "cpc_class",
            "cpc_subclass": "cpc_subclass",
            "cpc_type": "cpc_type",
        },
    ),
)
"""PatentsView's files of today."""

OLD = (
    _format(
        PATENTS.name,
        "patent.tsv",
        {
            "patent_id": "id",
            "patent_type": "type",
            "grant_date": "date",
            "title": "title",
            "withdrawn": "withdrawn",
            "num_claims": "num_claims",
            "abstract": "abstract",
        },
        extra_table=ABSTRACTS.name,
    ),
    _format(
        CITATIONS.name,
        "uspatentcitation.tsv",
        {"patent_id": "patent_id", "citation_patent_id": "citation_id", "citation_category": "category"},
    ),
    _format(
        CPC.name,
        "cpc_current.tsv",
        {
            "patent_id": "patent_id",
            "cpc_sequence": "sequence",
            "cpc_class": "subsection_id",
            "cpc_subclass": "group_id",
            "cpc_type": "category",
        },
    ),
)
"""The files of the older dumps."""

CURRENT_CLAIMS = _format(
    CLAIMS.name,
    "g_claims_{year}.tsv",
    {"patent_id": "patent_id", "claim_sequence": "claim_sequence", "claim_text": "claim_text"},
)
OLD_CLAIMS = _format(
    CLAIMS.name,
    "claims_{year}.tsv",
    {"patent_id": "patent_id", "claim_sequence": "sequence", "claim_text": "text"},
)

CURRENT_RELATED_DOCUMENTS = _format(
    RELATED_DOCUMENTS.name,
    "g_us_rel_doc.tsv",
    {
        "patent_id": "patent_id",
        "related_number": "related_doc_number",
        "relation": "related_doc_type",
        "related_kind": "related_doc_kind",
    },
    optional=True,
)
OLD_RELATED_DOCUMENTS = _format(
    RELATED_DOCUMENTS.name,
    "usreldoc.tsv",
    {
        "patent_id": "patent_id",
        "related_number": "reldocno",
        "relation": "doctype",
        "related_kind": "relkind",
    },
    optional=True,
)

CURRENT_CPC_TITLES = _format(
    CPC_TITLES.name,
    "g_cpc_title.tsv",
    {column: column for column, _, _ in CPC_TITLES.columns},
    optional=True,
)


def find_formats(folder: Path, claims: bool = False) -> tuple[FileFormat, ...]:
    """The files of a release folder: those of today's names or, if it has more of them, of the older names.

    Includes the files of related documents and of CPC titles if they are there and, with `claims`, the claims
    file of each year. The older dumps' titles are in three files, which are not read.
    Raises DataError when a file is missing.
    """
    if not folder.is_dir():
        raise DataError(
            f"{folder} is not a folder; set source.path to the folder of a release",
            folder=folder,
            setting="source.path",
        )
    present = {path.name for path in folder.iterdir()}
    formats = max((CURRENT, OLD), key=lambda formats: len(formats) - len(_missing(formats, present)))
    related, yearly = CURRENT_RELATED_DOCUMENTS, CURRENT_CLAIMS
    if formats is OLD:
        related, yearly = OLD_RELATED_DOCUMENTS, OLD_CLAIMS
    if missing := _missing(formats, present):
        names = ", ".join(f"{each.archive} ({' and '.join(each.tables)})" for each in missing)
        raise DataError(
            f"{folder} has no {names}{_similar(missing[0], present)}; "
            f"files found: {', '.join(sorted(present)) or 'none'}",
            folder=folder,
            file=missing[0].archive,
            table=missing[0].table,
        )
    if related.archive in present:
        formats += (related,)
    if CURRENT_CPC_TITLES.archive in present:
        formats += (CURRENT_CPC_TITLES,)
    return formats + _format_of_each_year(folder, present, yearly) if claims else formats


def _format_of_each_year(folder: Path, present: set[str], yearly: FileFormat) -> tuple[FileFormat, ...]:
    named = re.compile(re.escape(yearly.file).replace(r"\{year\}", r"(\d{4})") + r"\.zip")
    years = sorted(int(match[1]) for match in map(named.fullmatch, present) if match)
    if not years:
        name = yearly.file.format(year="YYYY") + ".zip"
        raise DataError(
            f"{folder} has no {name}, one for each grant year ({yearly.table}); "
            "add them, or remove claims from text.fields",
            folder=folder,
            file=name,
            table=yearly.table,
            setting="text.fields",
        )
    return tuple(replace(yearly, year=year) for year in years)


def _similar(missing: FileFormat, present: set[str]) -> str:
    """What to do with a file that may be the missing one: one that is not zipped, or has another ending."""
    stem = missing.file.removesuffix(".tsv").lower()
    similar = sorted(name for name in present if re.match(re.escape(stem) + r"(?![a-z_])", name.lower()))
    return f" (zip or rename {', '.join(similar)})" if similar else ""


def _missing(formats: tuple[FileFormat, ...], present: set[str]) -> list[FileFormat]:
    return [each for each in formats if each.archive not in present]
