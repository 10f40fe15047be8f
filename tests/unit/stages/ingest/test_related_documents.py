"""RELATED_DOCUMENTS from a file that a release may lack: through the command line, from zips to the table."""

import pytest

from patent_spark.core.metadata import IngestMetadata
from tests.support.messages import line_with, no_line_with
from tests.support.small_ingest import ingest_release

PATENTS = [
    {"patent_id": "3930271", "patent_type": "utility", "patent_date": "1976-01-06", "withdrawn": 0},
    {"patent_id": "10123456", "patent_type": "utility", "patent_date": "2018-11-13", "withdrawn": 0},
]
RELATED = [
    ("10123456", "continuation", "parent document", "14/123,456"),
    ("10123456", "continuation", "parent grant document", "09876543"),
    ("10123456", "continuation_in_part", "parent_doc", "13123456"),
    ("10123456", "Division", "parent-grant-document", "RE0038,999"),
    ("10123456", "reissue", "parent_grant_doc", "Re. 12 x"),
    ("10123456", "us_provisional_application", "", "60/123456"),
    ("10123456", "us-provisional-application", "NULL", "60123457"),
    ("10123456", "related-publication", "", "US 20150123456 A1"),
    ("10123456", "continuation", "parent pct document", "PCT/US2013/012345"),
    ("3930271", "continuation", "child-doc", ""),
    ("D345393", "", "parent", "29123456"),
]
BAD = [("", "continuation", "parent", "1"), ("10;123", "division", "parent", "1")]
NAMES = ("patent_id", "related_doc_type", "related_doc_kind", "related_doc_number")
OTHERS = {
    "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "A glove."}],
    "g_us_patent_citation": [{"patent_id": "10123456", "citation_patent_id": "3930271"}],
    "g_cpc_current": [{"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A63"}],
}
FILE = [*(dict(zip(NAMES, row, strict=True)) for row in RELATED + BAD), '"3930271"\t"US"']
EXPECTED = [
    ("10123456", 10123456, "14/123,456", None, "continuation", "parent"),
    ("10123456", 10123456, "09876543", 9876543, "continuation", "parent-grant"),
    ("10123456", 10123456, "13123456", None, "continuation-in-part", "parent"),
    ("10123456", 10123456, "RE0038,999", (18 * 27 + 5) * 12 * 10**12 + 38999, "division", "parent-grant"),
    ("10123456", 10123456, "Re. 12 x", None, "reissue", "parent-grant"),
    ("10123456", 10123456, "60/123456", None, "us-provisional-application", None),
    ("10123456", 10123456, "60123457", None, "us-provisional-application", None),
    ("10123456", 10123456, "US 20150123456 A1", None, "related-publication", None),
    ("10123456", 10123456, "PCT/US2013/012345", None, "continuation", "parent-pct"),
    ("3930271", 3930271, None, None, "continuation", "child"),
    ("D345393", 48 * 10**12 + 345393, "29123456", None, None, "parent"),
]


@pytest.fixture
def ingest(tmp_path):
    fixed = ("ingest.max_reject_fraction=0.3", "release.data_to_date=2020-06-30")
    return lambda tables, *sets, **options: ingest_release(tmp_path, tables, *fixed, *sets, **options)


def rows_in(store):
    names = ("patent_id", "patent_key", "related_number", "related_key", "relation", "related_kind")
    return [tuple(row[name] for name in names) for row in store.read_arrow("RELATED_DOCUMENTS").to_pylist()]


def test_todays_file_with_the_spellings_of_all_years(ingest, capsys):
    code, store = ingest({"g_patent": PATENTS, **OTHERS, "g_us_rel_doc": FILE})
    assert code == 0
    messages = capsys.readouterr().err
    line_with(messages, "g_us_rel_doc.tsv.zip", "14 rows", "3 rejected")
    assert no_line_with(messages, "usreldoc.tsv.zip")
    assert rows_in(store) == EXPECTED
    rejects = [(row["file"], row["row"], row["reason"]) for row in store.read_arrow("REJECTS").to_pylist()]
    assert sorted(rejects) == [
        ("g_us_rel_doc.tsv.zip", 13, "empty patent_id"),
        ("g_us_rel_doc.tsv.zip", 14, "patent_id has not a patent's form"),
        ("g_us_rel_doc.tsv.zip", 15, "too few fields"),
    ]
    metadata = store.metadata(IngestMetadata)
    assert metadata.related_documents_from == "g_us_rel_doc.tsv.zip"
    assert metadata.rows_in["RELATED_DOCUMENTS"] == 14
    assert metadata.rejected["RELATED_DOCUMENTS"] == {
        "too few fields": 1,
        "empty patent_id": 1,
        "patent_id has not a patent's form": 1,
    }


def test_the_older_names_give_the_same_table(ingest):
    patents = [{"id": row["patent_id"], "date": row["patent_date"], "withdrawn": 0} for row in PATENTS]
    names = ("patent_id", "doctype", "relkind", "reldocno")
    tables = {
        "patent": patents,
        "uspatentcitation": [{"patent_id": "10123456", "citation_id": "3930271"}],
        "cpc_current": [{"patent_id": "3930271", "sequence": 0, "subsection_id": "A63"}],
        "usreldoc": [dict(zip(names, row, strict=True)) for row in RELATED],
    }
    code, store = ingest(tables, name="old")
    assert code == 0
    assert rows_in(store) == EXPECTED
    assert store.metadata(IngestMetadata).related_documents_from == "usreldoc.tsv.zip"


def test_a_release_without_the_file_is_reported_once_and_has_an_empty_table(ingest, capsys):
    code, store = ingest({"g_patent": PATENTS, **OTHERS})
    assert code == 0
    messages = capsys.readouterr().err
    assert line_with(messages, "g_us_rel_doc.tsv.zip") == line_with(messages, "usreldoc.tsv.zip")
    assert rows_in(store) == []
    assert store.metadata(IngestMetadata).related_documents_from is None
    assert "RELATED_DOCUMENTS" not in store.metadata(IngestMetadata).rows_in


def test_a_file_without_rows_is_no_fault(ingest):
    code, store = ingest({"g_patent": PATENTS, **OTHERS, "g_us_rel_doc": []})
    assert code == 0
    assert rows_in(store) == []
    assert store.metadata(IngestMetadata).related_documents_from == "g_us_rel_doc.tsv.zip"


def test_too_many_bad_rows_stop_the_ingest(ingest, capsys):
    tables = {"g_patent": PATENTS, **OTHERS, "g_us_rel_doc": FILE}
    assert ingest(tables, "ingest.max_reject_fraction=0.2")[0] == 3
    facts = ("RELATED_DOCUMENTS", "3 of 14 rows", "21.4 %", "20 %", "ingest.max_reject_fraction")
    line_with(capsys.readouterr().err, "patent-spark: ", *facts)
