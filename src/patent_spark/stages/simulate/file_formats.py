"""Files and columns of a release: PatentsView's of today, and those of the older dumps."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Layout:
    """One file: its name, and each column with the field that it holds."""

    file: str
    columns: tuple[tuple[str, str], ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in the order of the columns."""
        return tuple(field for _, field in self.columns)

    def of_year(self, year: int) -> Layout:
        """That year's file, of a table whose file name has {year} in it."""
        return replace(self, file=self.file.format(year=year))


NUMBERS = frozenset({"sequence", "withdrawn", "claims", "rule_47", "exemplary"})
"""Fields that are written bare; all others stand in double quotes."""

CURRENT = {
    "patent": Layout("g_patent", (
        ("patent_id", "id"), ("patent_type", "type"), ("patent_date", "date"), ("patent_title", "title"),
        ("wipo_kind", "kind"), ("num_claims", "claims"), ("withdrawn", "withdrawn"), ("filename", "filename"),
    )),
    "abstract": Layout("g_patent_abstract", (("patent_id", "id"), ("patent_abstract", "abstract"))),
    "citation": Layout("g_us_patent_citation", (
        ("patent_id", "id"), ("citation_sequence", "sequence"), ("citation_patent_id", "cited_id"), ("citation_date", "cited_date"),
        ("record_name", "name"), ("wipo_kind", "kind"), ("citation_category", "category"),
    )),
    "cpc": Layout("g_cpc_current", (
        ("patent_id", "id"), ("cpc_sequence", "sequence"), ("cpc_section", "section"), ("cpc_class", "class"),
        ("cpc_subclass", "subclass"), ("cpc_group", "group"), ("cpc_type", "cpc_type"),
    )),
    "application": Layout("g_application", (
        ("application_id", "application_id"), ("patent_id", "id"), ("patent_application_type", "series"), ("filing_date", "date"),
        ("series_code", "series"), ("rule_47_flag", "rule_47"),
    )),
    "related": Layout("g_us_rel_doc", (
        ("patent_id", "id"), ("related_doc_number", "related"), ("published_country", "country"), ("related_doc_type", "relation"),
        ("related_doc_kind", "relation_kind"), ("related_doc_published_date", "date"), ("related_doc_status", "status"),
        ("related_doc_sequence", "sequence"), ("wipo_kind", "kind"),
    )),
    "cpc_title": Layout("g_cpc_title", (
        ("cpc_subclass", "subclass"), ("cpc_subclass_title", "subclass_title"), ("cpc_group", "group"), ("cpc_group_title", "group_title"),
        ("cpc_class", "class"), ("cpc_class_title", "class_title"),
    )),
}  # fmt: skip

OLD = {
    "patent": Layout("patent", (
        ("id", "id"), ("type", "type"), ("number", "id"), ("country", "country"), ("date", "date"), ("abstract", "abstract"), ("title", "title"),
        ("kind", "kind"), ("num_claims", "claims"), ("filename", "filename"), ("withdrawn", "withdrawn"),
    )),
    "citation": Layout("uspatentcitation", (
        ("uuid", "uuid"), ("patent_id", "id"), ("citation_id", "cited_id"), ("date", "cited_date"), ("name", "name"), ("kind", "kind"),
        ("country", "country"), ("category", "category"), ("sequence", "sequence"),
    )),
    "cpc": Layout("cpc_current", (
        ("uuid", "uuid"), ("patent_id", "id"), ("section_id", "section"), ("subsection_id", "class"), ("group_id", "subclass"),
        ("subgroup_id", "group"), ("category", "cpc_type"), ("sequence", "sequence"),
    )),
    "related": Layout("usreldoc", (
        ("uuid", "uuid"), ("patent_id", "id"), ("doctype", "relation"), ("relkind", "relation_kind"), ("reldocno", "related"),
        ("country", "country"), ("date", "date"), ("status", "status"), ("sequence", "sequence"), ("kind", "kind"),
    )),
}  # fmt: skip

LAYOUTS = {"current": CURRENT, "old": OLD}

CLAIMS = {
    "current": Layout("g_claims_{year}", (
        ("patent_id", "id"), ("claim_sequence", "sequence"), ("claim_text", "claim"), ("dependent", "dependent"),
        ("claim_number", "claim_number"), ("exemplary", "exemplary"),
    )),
    "old": Layout("claims_{year}", (
        ("uuid", "uuid"), ("patent_id", "id"), ("text", "claim"), ("dependent", "dependent"), ("sequence", "sequence"), ("exemplary", "exemplary"),
    )),
}  # fmt: skip
"""The table with a file for each grant year."""
