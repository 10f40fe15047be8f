"""CLAIMS from a file a grant year: through the command line, to the table, the rejects and the manifest."""

import pytest

from patent_spark.cli import main
from patent_spark.core.metadata import IngestMetadata
from tests.support.messages import line_with
from tests.support.small_ingest import ingest_release

PATENTS = [
    {"patent_id": "3930271", "patent_type": "utility", "patent_date": "1976-01-06", "withdrawn": 0},
    {"patent_id": "4065811", "patent_type": "utility", "patent_date": "1978-01-03", "withdrawn": 0},
    {"patent_id": "D345393", "patent_type": "design", "patent_date": "1978-03-28", "withdrawn": 0},
]
CLAIMS = {
    1976: [
        {
            "patent_id": "3930271",
            "claim_sequence": 1,
            "claim_text": '2. A glove as\nin "claim" 1.',
            "dependent": "claim 1",
        },
        {"patent_id": "3930271", "claim_sequence": 0, "claim_text": "1. A glove."},
        {"patent_id": "3930271", "claim_sequence": 0, "claim_text": "1. A glove."},
        {"patent_id": "3930271", "claim_sequence": "first", "claim_text": "What?"},
    ],
    1978: [
        {"patent_id": "4065811", "claim_sequence": 0, "claim_text": ""},
        {"patent_id": "", "claim_sequence": 0, "claim_text": "Whose?"},
        '"D345393"\t1',
        {"patent_id": "D345393", "claim_sequence": 0, "claim_text": "As shown."},
    ],
}
OTHERS = {
    "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "A glove."}],
    "g_us_patent_citation": [{"patent_id": "4065811", "citation_patent_id": "3930271"}],
    "g_cpc_current": [{"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A63"}],
}
TODAY = {"g_patent": PATENTS, **OTHERS, **{f"g_claims_{year}": rows for year, rows in CLAIMS.items()}}
ASKED = "text.fields=[title, claims]"


@pytest.fixture
def ingest(tmp_path):
    fixed = ("ingest.max_reject_fraction=1.0", "release.data_to_date=2020-06-30")
    return lambda tables, *sets, **options: ingest_release(tmp_path, tables, *fixed, *sets, **options)


def test_the_files_of_all_years_become_one_table(ingest, capsys):
    code, store = ingest(TODAY, ASKED)
    assert code == 0
    line_with(
        capsys.readouterr().err, "g_claims_1976.tsv.zip to g_claims_1978.tsv.zip", "8 rows", "3 rejected"
    )
    rows = store.read_arrow("CLAIMS").to_pylist()
    assert [
        (row["patent_id"], row["patent_key"], row["claim_sequence"], row["claim_text"]) for row in rows
    ] == [
        ("3930271", 3930271, 1, '2. A glove as\nin "claim" 1.'),
        ("3930271", 3930271, 0, "1. A glove."),
        ("3930271", 3930271, 0, "1. A glove."),
        ("4065811", 4065811, 0, None),
        ("D345393", 48 * 10**12 + 345393, 0, "As shown."),
    ]
    rejects = [
        (row["file"], row["row"], row["reason"])
        for row in store.read_arrow("REJECTS").to_pylist()
        if row["table"] == "CLAIMS"
    ]
    assert sorted(rejects) == [
        ("g_claims_1976.tsv.zip", 5, "claim_sequence is not a whole number from 0"),
        ("g_claims_1978.tsv.zip", 3, "empty patent_id"),
        ("g_claims_1978.tsv.zip", 4, "too few fields"),
    ]
    metadata = store.metadata(IngestMetadata)
    assert metadata.rows_in == {"PATENTS": 3, "ABSTRACTS": 1, "CITATIONS": 1, "CPC": 1, "CLAIMS": 8}
    assert metadata.rejected["CLAIMS"] == {
        "claim_sequence is not a whole number from 0": 1,
        "too few fields": 1,
        "empty patent_id": 1,
    }


def test_the_older_names_give_the_same_table(ingest):
    expected = ingest(TODAY, ASKED)[1].read_arrow("CLAIMS")
    patents = [{"id": row["patent_id"], "date": row["patent_date"], "withdrawn": 0} for row in PATENTS]
    claims = {
        f"claims_{year}": [
            row
            if isinstance(row, str)
            else {"patent_id": row["patent_id"], "sequence": row["claim_sequence"], "text": row["claim_text"]}
            for row in rows
        ]
        for year, rows in CLAIMS.items()
    }
    cpc = [{"patent_id": "3930271", "sequence": 0, "subsection_id": "A63"}]
    tables = {
        "patent": patents,
        "uspatentcitation": [{"patent_id": "4065811", "citation_id": "3930271"}],
        "cpc_current": cpc,
        **claims,
    }
    code, store = ingest(tables, ASKED, name="old")
    assert code == 0
    assert store.read_arrow("CLAIMS") == expected


def test_claims_that_nobody_asks_for_are_not_read(ingest, capsys):
    code, store = ingest({**TODAY, "g_claims_1976": ["not a row"]})
    assert code == 0
    assert set(store.metadata(IngestMetadata).rows_in) == {"PATENTS", "ABSTRACTS", "CITATIONS", "CPC"}
    assert main(["where", "CLAIMS", "--set", f"warehouse.root={store.root}"]) == 3
    line_with(capsys.readouterr().err, "CLAIMS", "current ingest", "`patent-spark ingest`")


def test_asking_for_claims_redoes_the_ingest(ingest, capsys):
    ingest(TODAY)
    ingest(TODAY)
    assert "ingest    skipped" in capsys.readouterr().err
    ingest(TODAY, ASKED)
    assert "skipped" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("years", "facts"),
    [([], ("g_claims_YYYY.tsv.zip", "CLAIMS", "text.fields")), ([1976], ("g_claims_1978.tsv.zip", "CLAIMS"))],
)
def test_a_missing_file_is_named(ingest, capsys, years, facts):
    code, _ = ingest(
        {"g_patent": PATENTS, **OTHERS, **{f"g_claims_{year}": CLAIMS[year] for year in years}}, ASKED
    )
    assert code == 3
    line_with(capsys.readouterr().err, "patent-spark: ", *facts)
