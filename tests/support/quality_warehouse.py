"""A release of seven patents and seventeen citations in which every trap is met and every number can be
counted by hand."""

import datetime

from patent_spark.core.store import Store
from tests.support.factories import publish
from tests.support.ingested_tables import arrow_tables, run


def patent(id_, day, type_="utility", withdrawn=False):
    return {
        "patent_id": id_,
        "patent_type": type_,
        "grant_date": datetime.date.fromisoformat(day),
        "withdrawn": withdrawn,
    }


def cites(citing, cited, category=None):
    return {"patent_id": citing, "citation_patent_id": cited, "citation_category": category}


def cpc(id_, sequence, class_, kind="inventional"):
    return {"patent_id": id_, "cpc_sequence": sequence, "cpc_class": class_, "cpc_type": kind}


PATENTS = [
    patent("4000001", "2000-01-04"),
    patent("4000002", "2005-01-04"),  # the last day of 4000001's window
    patent("4000003", "2002-01-01", withdrawn=True),
    patent("D400004", "2001-06-05", "design"),
    patent("4000005", "2007-01-02"),  # its window is open at the end of 2010
    patent("4000006", "2008-01-01"),  # so is this one's
    patent("4003000", "2003-03-04"),
]
CITATIONS = [
    cites("4000002", "4000001", "cited by examiner"),  # within five years
    cites("4000002", "4000001", "cited by examiner"),  # the same again
    cites("4000005", "4000001", "cited by applicant"),  # after them
    cites("4000005", "4000001", "cited by other"),  # the same pair again
    cites("4000001", "4000002"),  # granted before the patent it cites
    cites("4000006", "3900000", "cited by examiner"),  # before 1976
    cites("4000006", "D1"),
    cites("4000006", "x-1"),
    cites("4000006", "4001500"),  # PATENTS has nothing between 4,000,006 and 4,003,000
    cites("4000006", "4002999"),
    cites("4000006", "9999999"),  # above the newest patent
    cites("4000003", "4000001"),  # by a withdrawn patent
    cites("4000002", "4000003"),  # of a withdrawn patent
    cites("4999999", "4000001"),  # by an unknown patent
    cites("4000003", "4000003"),
    cites("D400004", "D400004"),  # cites itself, within five years
    cites("4999999", "4001501"),
]
CPC = [
    cpc("4000001", 0, "A01"),
    cpc("4000001", 2, "B02"),  # after a gap
    cpc("4000001", 3, "B02"),
    cpc("4000002", 1, "A01"),  # does not start at 0, and stands twice
    cpc("4000002", 1, "A01"),
    cpc("4000005", 0, "H04"),
    cpc("4003000", 3, "H04", "additional"),
]
REJECTS = [
    {
        "table": "PATENTS",
        "file": "g_patent.tsv.zip",
        "row": 5,
        "reason": "unknown date",
        "content": '"1" "<b>"',
    },
    {"table": "PATENTS", "file": "g_patent.tsv.zip", "row": 7, "reason": "empty patent_id", "content": None},
    {
        "table": "CITATIONS",
        "file": "g_us_patent_citation.tsv.zip",
        "row": 3,
        "reason": "empty patent_id",
        "content": "x",
    },
]
FACTS = {
    "data_to_date": "2010-12-31",
    "data_to_date_from": "release.json",
    "related_documents_from": "g_us_rel_doc.tsv.zip",
    "rows_in": {"PATENTS": 9, "ABSTRACTS": 2, "CITATIONS": 18, "CPC": 7, "RELATED_DOCUMENTS": 6},
    "rejected": {
        "PATENTS": {"unknown date": 1, "empty patent_id": 1},
        "ABSTRACTS": {},
        "CITATIONS": {"empty patent_id": 1},
        "CPC": {},
        "RELATED_DOCUMENTS": {"too few fields": 1},
    },
}
ABSTRACTS = [{"patent_id": "4000001", "abstract": "A lamp."}]  # of two rows, one empty
RELATED_DOCUMENTS = [
    {"patent_id": id_, "relation": relation, "related_kind": kind, "related_number": number}
    for id_, relation, kind, number in [
        ("4000002", "continuation", "parent", "09123456"),
        ("4000002", "us-provisional-application", None, "60123456"),
        ("4000005", "division", "parent-pct", "PCT/US99/12345"),
        ("4000003", "division", "parent", "09123456"),  # withdrawn
        ("4000006", "related-publication", None, "20010123456"),
    ]
]  # fmt: skip
RELEASE = {
    "PATENTS": PATENTS,
    "ABSTRACTS": ABSTRACTS,
    "CITATIONS": CITATIONS,
    "CPC": CPC,
    "RELATED_DOCUMENTS": RELATED_DOCUMENTS,
    "REJECTS": REJECTS,
}


def labelled(root, engine, rows=None, release_id="first", metadata=None, *sets) -> Store:
    """A warehouse with that release, ingested and labelled."""
    store = Store(root)
    rows = RELEASE if rows is None else {"REJECTS": [], **rows}
    publish(
        store, "ingest", arrow_tables(rows), metadata={**FACTS, **(metadata or {})}, release_id=release_id
    )
    run(store, "label", engine, *sets)
    return store
