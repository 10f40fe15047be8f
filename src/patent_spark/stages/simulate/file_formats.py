"""Files and columns of a release: the current ones of PatentsView and those of its older dumps."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class FileFormat:
    """One file: its name, and for each column the field it holds."""

    file: str
    columns: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in the order of the columns."""
        return tuple(field for _, field in self.columns)

    def for_year(self, year: int) -> FileFormat:
        """The file of one grant year, for a table whose file name contains {year}."""
        return replace(self, file=self.file.format(year=year))


NUMBERS = frozenset({"sequence", "withdrawn", "claims", "rule_47", "exemplary"})
"""Fields written without quotes. All others are written in double quotes."""

CURRENT = {
    "patent": FileFormat("g_patent", (
        ("patent_id", "id"), ("patent_type", "type"), ("patent_date", "date"), ("patent_title", "title"),
        ("wipo_kind", "kind"), ("num_claims", "claims"), ("withdrawn", "withdrawn"),
        ("filename", "filename"),
    )),
    "abstract": FileFormat("g_patent_abstract", (("patent_id", "id"), ("patent_abstract", "abstract"))),
    "citation": FileFormat("g_us_patent_citation", (
        ("patent_id", "id"), ("citation_sequence", "sequence"), ("citation_patent_id", "cited_id"),
        ("citation_date", "cited_date"), ("record_name", "name"), ("wipo_kind", "kind"),
        ("citation_category", "category"),
    )),
    "cpc": FileFormat("g_cpc_current", (
        ("patent_id", "id"), ("cpc_sequence", "sequence"), ("cpc_section", "section"),
        ("cpc_class", "class"), ("cpc_subclass", "subclass"), ("cpc_group", "group"),
        ("cpc_type", "cpc_type"),
    )),
    "application": FileFormat("g_application", (
        ("application_id", "application_id"), ("patent_id", "id"), ("patent_application_type", "series"),
        ("filing_date", "date"), ("series_code", "series"), ("rule_47_flag", "rule_47"),
    )),
    "related": FileFormat("g_us_rel_doc", (
        ("patent_id", "id"), ("related_doc_number", "related"), ("published_country", "country"),
        ("related_doc_type", "relation"), ("related_doc_kind", "relation_kind"),
        ("related_doc_published_date", "date"), ("related_doc_status", "status"),
        ("related_doc_sequence", "sequence"), ("wipo_kind", "kind"),
    )),
    "cpc_title": FileFormat("g_cpc_title", (
        ("cpc_subclass", "subclass"), ("cpc_subclass_title", "subclass_title"), ("cpc_group", "group"),
        ("cpc_group_title", "group_title"), ("cpc_class", "class"), ("cpc_class_title", "class_title"),
    )),
}  # fmt: skip

OLD = {
    "patent": FileFormat("patent", (
        ("id", "id"), ("type", "type"), ("number", "id"), ("country", "country"), ("date", "date"),
        ("abstract", "abstract"), ("title", "title"), ("kind", "kind"), ("num_claims", "claims"),
        ("filename", "filename"), ("withdrawn", "withdrawn"),
    )),
    "citation": FileFormat("uspatentcitation", (
        ("uuid", "uuid"), ("patent_id", "id"), ("citation_id", "cited_id"), ("date", "cited_date"),
        ("name", "name"), ("kind", "kind"), ("country", "country"), ("category", "category"),
        ("sequence", "sequence"),
    )),
    "cpc": FileFormat("cpc_current", (
        ("uuid", "uuid"), ("patent_id", "id"), ("section_id", "section"), ("subsection_id", "class"),
        ("group_id", "subclass"), ("subgroup_id", "group"), ("category", "cpc_type"),
        ("sequence", "sequence"),
    )),
    "related": FileFormat("usreldoc", (
        ("uuid", "uuid"), ("patent_id", "id"), ("doctype", "relation"), ("relkind", "relation_kind"),
        ("reldocno", "related"), ("country", "country"), ("date", "date"), ("status", "status"),
        ("sequence", "sequence"), ("kind", "kind"),
    )),
}  # fmt: skip

FORMATS = {"current": CURRENT, "old": OLD}

CLAIMS = {
    "current": FileFormat("g_claims_{year}", (
        ("patent_id", "id"), ("claim_sequence", "sequence"), ("claim_text", "claim"),
        ("dependent", "dependent"), ("claim_number", "claim_number"), ("exemplary", "exemplary"),
    )),
    "old": FileFormat("claims_{year}", (
        ("uuid", "uuid"), ("patent_id", "id"), ("text", "claim"), ("dependent", "dependent"),
        ("sequence", "sequence"), ("exemplary", "exemplary"),
    )),
}  # fmt: skip
"""The table with one file per grant year."""
