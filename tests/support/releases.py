"""Small releases in PatentsView's format on disk, written from rows."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

Row = Mapping[str, object]

CURRENT = {
    "g_patent": (
        "patent_id",
        "patent_type",
        "patent_date",
        "patent_title",
        "wipo_kind",
        "num_claims",
        "withdrawn",
        "filename",
    ),
    "g_patent_abstract": ("patent_id", "patent_abstract"),
    "g_us_patent_citation": (
        "patent_id",
        "citation_sequence",
        "citation_patent_id",
        "citation_date",
        "record_name",
        "wipo_kind",
        "citation_category",
    ),
    "g_cpc_current": (
        "patent_id",
        "cpc_sequence",
        "cpc_section",
        "cpc_class",
        "cpc_subclass",
        "cpc_group",
        "cpc_type",
    ),
}
OLD = {
    "patent": (
        "id",
        "type",
        "number",
        "country",
        "date",
        "abstract",
        "title",
        "kind",
        "num_claims",
        "filename",
        "withdrawn",
    ),
    "uspatentcitation": (
        "uuid",
        "patent_id",
        "citation_id",
        "date",
        "name",
        "kind",
        "country",
        "category",
        "sequence",
    ),
    "cpc_current": (
        "uuid",
        "patent_id",
        "section_id",
        "subsection_id",
        "group_id",
        "subgroup_id",
        "category",
        "sequence",
    ),
}
_RELATED = {
    "g_us_rel_doc": (
        "patent_id",
        "related_doc_number",
        "published_country",
        "related_doc_type",
        "related_doc_kind",
        "related_doc_published_date",
        "related_doc_status",
        "related_doc_sequence",
        "wipo_kind",
    ),
    "usreldoc": (
        "uuid",
        "patent_id",
        "doctype",
        "relkind",
        "reldocno",
        "country",
        "date",
        "status",
        "sequence",
        "kind",
    ),
}
_TITLES = {
    "g_cpc_title": (
        "cpc_subclass",
        "cpc_subclass_title",
        "cpc_group",
        "cpc_group_title",
        "cpc_class",
        "cpc_class_title",
    ),
}
_CLAIMS = {
    "g_claims_{}": ("patent_id", "claim_sequence", "claim_text", "dependent", "claim_number", "exemplary"),
    "claims_{}": ("uuid", "patent_id", "text", "dependent", "sequence", "exemplary"),
}
COLUMNS = (
    CURRENT
    | OLD
    | _RELATED
    | _TITLES
    | {name.format(year): columns for name, columns in _CLAIMS.items() for year in range(1976, 2026)}
)

_NUMBERS = {
    "num_claims",
    "withdrawn",
    "citation_sequence",
    "cpc_sequence",
    "sequence",
    "claim_sequence",
    "related_doc_sequence",
}


def tsv(table: str, rows: Iterable[Row | str], columns: Sequence[str] | None = None) -> bytes:
    """The table as PatentsView writes it.

    A row is its fields by column name (others are empty) or a whole line as text.
    """
    columns = columns or COLUMNS[table]
    lines = ["\t".join(f'"{column}"' for column in columns)]
    lines += [
        row if isinstance(row, str) else "\t".join(_field(column, row.get(column, "")) for column in columns)
        for row in rows
    ]
    return "".join(line + "\n" for line in lines).encode()


def write_zip(folder: Path, table: str, content: bytes) -> Path:
    """`<table>.tsv.zip` with one member; returns its path."""
    path = folder / f"{table}.tsv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{table}.tsv", content)
    return path


def write_release(folder: Path, tables: Mapping[str, Iterable[Row | str]], notes: Row | None = None) -> Path:
    """A release folder with these tables (rows as for `tsv`) and, with `notes`, a release.json."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        write_zip(folder, table, tsv(table, rows))
    if notes is not None:
        (folder / "release.json").write_text(json.dumps(notes))
    return folder


def _field(column: str, value: object) -> str:
    if column in _NUMBERS and value != "":
        return str(value)
    text = str(value).replace('"', '""')
    return f'"{text}"'
