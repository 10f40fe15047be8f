"""Tables about other patents stop the ingest, by name; a sample of patents does not."""

import pytest

from patent_spark.cli import main
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.store import Store
from patent_spark.stages.ingest.joins import CITED
from tests.support.releases import write_release
from tests.support.small_ingest import ingest_release

IDS = [str(4_000_000 + i) for i in range(200)]


def tables(**others):
    usual = {
        "g_patent": [{"patent_id": id_, "patent_date": "1976-06-01", "withdrawn": "0"} for id_ in IDS],
        "g_patent_abstract": [{"patent_id": id_, "patent_abstract": "text"} for id_ in IDS],
        "g_us_patent_citation": [
            {"patent_id": id_, "citation_patent_id": IDS[i // 2]} for i, id_ in enumerate(IDS)
        ],
        "g_cpc_current": [{"patent_id": id_, "cpc_sequence": 0, "cpc_class": "A63"} for id_ in IDS],
        "g_us_rel_doc": [{"patent_id": id_} for id_ in IDS],
    }
    return usual | others


@pytest.fixture
def ingest(tmp_path):
    return lambda release: ingest_release(tmp_path, release, notes={"data_to_date": "2020-06-30"})


def test_a_sound_release_meets_itself(ingest):
    code, store = ingest(tables())
    assert code == 0
    joins = store.metadata(IngestMetadata).joins
    assert {name: (join.rows, join.unmatched) for name, join in joins.items()} == {
        "CITATIONS (citing)": (200, 0), CITED: (200, 0), "CPC": (200, 0), "ABSTRACTS": (200, 0),
        "RELATED_DOCUMENTS": (200, 0),
    }  # fmt: skip


ELSEWHERE = [
    {"patent_id": str(9_000_000 + i), "cpc_sequence": 0, "cpc_class": "A63", "patent_abstract": "text"}
    for i in range(200)
]


@pytest.mark.parametrize(
    ("file", "table"),
    [
        ("g_us_patent_citation", "CITATIONS"),
        ("g_cpc_current", "CPC"),
        ("g_patent_abstract", "ABSTRACTS"),
        ("g_us_rel_doc", "RELATED_DOCUMENTS"),
    ],
)
def test_a_table_about_other_patents_is_named_with_examples(ingest, capsys, file, table):
    code, _ = ingest(tables(**{file: ELSEWHERE}))
    message = capsys.readouterr().err.splitlines()[-1]
    assert code == 3
    assert all(fact in message for fact in (table, "200 of 200", "9000000", "9000001")), message


def test_cited_ids_of_no_form_that_is_known(ingest, capsys):
    cited = [{"patent_id": id_, "citation_patent_id": f"pat{i}x"} for i, id_ in enumerate(IDS)]
    code, _ = ingest(tables(g_us_patent_citation=cited))
    message = capsys.readouterr().err.splitlines()[-1]
    assert code == 3
    assert all(fact in message for fact in ("cited", "200 of 200", "pat0x")), message


def test_a_sample_of_patents_cites_others_and_passes(ingest):
    sample = [str(4_000_000 + 5_000 * i) for i in range(200)]
    release = {
        file: [row | {"patent_id": sample[i]} for i, row in enumerate(rows)]
        for file, rows in tables().items()
    }
    for i, row in enumerate(release["g_us_patent_citation"]):
        row["citation_patent_id"] = str(4_000_001 + 4_999 * i)
    code, store = ingest(release)
    join = store.metadata(IngestMetadata).joins[CITED]
    assert (code, join.rows) == (0, 200) and join.unmatched > 190


def test_whole_tables_with_a_sample_of_patents_pass_when_asked_for(tmp_path):
    others = [row | {"patent_id": str(5_000_000 + i)} for i, row in enumerate(tables()["g_cpc_current"] * 10)]
    sampled = tables(g_cpc_current=[*tables()["g_cpc_current"], *others])
    for least, expected in ((0.1, 3), (0.09, 0), (0, 0)):
        code, _ = ingest_release(
            tmp_path,
            sampled,
            f"ingest.min_matched_fraction={least}",
            notes={"data_to_date": "2020-06-30"},
        )
        assert code == expected


def test_what_users_find_in_zips_is_read(tmp_path, ingest):
    import zipfile

    write_release(tmp_path / "release", tables(), {"data_to_date": "2020-06-30"})
    path = tmp_path / "release" / "g_patent.tsv.zip"
    with zipfile.ZipFile(path) as archive:
        content = archive.read("g_patent.tsv")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("data")
        archive.writestr("data/g_patent.tsv", content)
        archive.writestr("__MACOSX/data/._g_patent.tsv", b"\x00\x05\x16\x07")
        archive.writestr("data/.DS_Store", b"\x00")
    notes = tmp_path / "release" / "release.json"
    notes.write_bytes(b"\xef\xbb\xbf" + notes.read_bytes())
    sets = (f"source.path={tmp_path / 'release'}", f"warehouse.root={tmp_path / 'w'}")
    assert main(["ingest", *(part for each in sets for part in ("--set", each))]) == 0
    assert Store(tmp_path / "w").read_arrow("PATENTS").num_rows == 200
