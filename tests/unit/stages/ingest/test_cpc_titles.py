"""CPC_TITLES from a file that a release may lack: through the command line, from zips to the table."""

import pytest

from patent_spark.core.metadata import IngestMetadata
from tests.support.messages import line_with
from tests.support.small_ingest import ingest_release

TABLES = {
    "g_patent": [
        {"patent_id": "3930271", "patent_type": "utility", "patent_date": "1976-01-06", "withdrawn": 0}
    ],
    "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "A glove."}],
    "g_us_patent_citation": [{"patent_id": "3930271", "citation_patent_id": "3930270"}],
    "g_cpc_current": [{"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A63"}],
}
NAMES = ("cpc_class", "cpc_class_title", "cpc_subclass", "cpc_subclass_title", "cpc_group", "cpc_group_title")
TITLES = [
    ("A63", "SPORTS; GAMES; AMUSEMENTS", "A63B", "APPARATUS FOR PHYSICAL TRAINING", "A63B1/00", "Bars"),
    ("A63", "SPORTS; GAMES; AMUSEMENTS", "A63C", "SKATES; SKIS", "A63C1/00", 'Skates with "runners"'),
    ("H10", None, "H10B", None, "H10B1/00", None),
]
BAD = ("A6", "SPORTS", "A6B", "TRAINING", "A6B1/00", "Bars")


@pytest.fixture
def ingest(tmp_path):
    fixed = ("ingest.max_reject_fraction=0.3", "release.data_to_date=2020-06-30")

    def ingest(titles=None):
        files = [dict(zip(NAMES, (field or "" for field in row), strict=True)) for row in titles or ()]
        tables = TABLES if titles is None else {**TABLES, "g_cpc_title": files}
        code, store = ingest_release(tmp_path, tables, *fixed)
        assert code == 0
        return store

    return ingest


def rows_in(store):
    return [tuple(row[name] for name in NAMES) for row in store.read_arrow("CPC_TITLES").to_pylist()]


def test_the_titles_of_a_release(ingest, capsys):
    store = ingest([*TITLES, BAD])
    line_with(capsys.readouterr().err, "g_cpc_title.tsv.zip", "4 rows", "1 rejected")
    assert rows_in(store) == TITLES
    metadata = store.metadata(IngestMetadata)
    assert metadata.rows_in["CPC_TITLES"] == 4
    assert metadata.rejected["CPC_TITLES"] == {"cpc_class is not a letter and two digits": 1}


def test_a_release_without_the_file_has_an_empty_table(ingest):
    store = ingest()
    assert rows_in(store) == []
    assert "CPC_TITLES" not in store.metadata(IngestMetadata).rows_in


def test_a_file_without_rows_is_no_fault(ingest):
    assert rows_in(ingest([])) == []
