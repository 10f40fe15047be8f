"""The number of claims in PATENTS: a column that a release may lack."""

import pytest

from patent_spark.core.metadata import IngestMetadata
from tests.support.releases import CURRENT, OLD
from tests.support.small_ingest import ingest_release

PATENT = {"patent_id": "3930271", "patent_type": "utility", "patent_date": "1976-01-06", "withdrawn": 0}
OTHERS = {
    "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "A glove."}],
    "g_us_patent_citation": [{"patent_id": "3930271", "citation_patent_id": "3930270"}],
    "g_cpc_current": [{"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A63"}],
}
OLD_PATENT = {
    "id": "3930271",
    "type": "utility",
    "date": "1976-01-06",
    "abstract": "A glove.",
    "withdrawn": 0,
}
OLD_TABLES = {
    "patent": [OLD_PATENT | {"num_claims": 12}],
    "uspatentcitation": [{"patent_id": "3930271", "citation_id": "3930270"}],
    "cpc_current": [{"patent_id": "3930271", "sequence": 0, "subsection_id": "A63"}],
}


def num_claims(store):
    return dict(
        zip(*store.read_arrow("PATENTS", ["patent_id", "num_claims"]).to_pydict().values(), strict=True)
    )


def test_todays_files(tmp_path):
    patents = [PATENT | {"num_claims": 20}, PATENT | {"patent_id": "3930272", "num_claims": "many"}]
    code, store = ingest_release(tmp_path, {"g_patent": patents, **OTHERS})
    assert code == 0
    assert num_claims(store) == {"3930271": 20, "3930272": None}
    assert store.metadata(IngestMetadata).blank["PATENTS.num_claims"] == 1
    assert store.metadata(IngestMetadata).rejected.get("PATENTS", {}) == {}


def test_the_older_files(tmp_path):
    code, store = ingest_release(tmp_path, OLD_TABLES)
    assert code == 0
    assert num_claims(store) == {"3930271": 12}


@pytest.mark.parametrize(
    ("file", "header", "tables"),
    [("g_patent", CURRENT, {"g_patent": [PATENT], **OTHERS}), ("patent", OLD, OLD_TABLES)],
)
def test_a_release_without_the_column(tmp_path, monkeypatch, file, header, tables):
    monkeypatch.setitem(header, file, tuple(name for name in header[file] if name != "num_claims"))
    row = {name: value for name, value in tables[file][0].items() if name != "num_claims"}
    code, store = ingest_release(tmp_path, {**tables, file: [row]})
    assert code == 0
    assert num_claims(store) == {"3930271": None}
    assert "PATENTS.num_claims" not in store.metadata(IngestMetadata).blank
