"""Broken releases: one line with the facts, exit code 3, and the version published before stays."""

import json
import shutil
import struct
import zipfile

import pyarrow.parquet as pq
import pytest

from patent_spark.cli import main
from patent_spark.core.store import Store
from patent_spark.stages.ingest import writers
from tests.support.messages import line_with
from tests.support.releases import CURRENT, tsv, write_release, write_zip

PATENT = {
    "patent_id": "3930271",
    "patent_type": "utility",
    "patent_date": "1976-01-06",
    "patent_title": "Golf glove",
    "withdrawn": 0,
}
RELEASE = {
    "g_patent": [PATENT],
    "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "A glove."}],
    "g_us_patent_citation": [
        {"patent_id": "3930271", "citation_sequence": 0, "citation_patent_id": "1701273"}
    ],
    "g_cpc_current": [
        {
            "patent_id": "3930271",
            "cpc_sequence": 0,
            "cpc_class": "A41",
            "cpc_subclass": "A41D",
            "cpc_type": "inventional",
        }
    ],
}
PATENTS_ZIP, CPC_ZIP = "g_patent.tsv.zip", "g_cpc_current.tsv.zip"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A warehouse in which a sound release is published."""
    home = tmp_path_factory.mktemp("published")
    folder = write_release(home / "sound", RELEASE)
    assert ingest(home, folder) == 0
    return home


@pytest.fixture
def folder(tmp_path):
    """A sound release, for the test to break."""
    return write_release(tmp_path / "release", RELEASE)


def ingest(home, folder, *sets):
    sets = (f"source.path={folder}", f"warehouse.root={home / 'warehouse'}", *sets)
    return main(["ingest", "--force", *(part for setting in sets for part in ("--set", setting))])


@pytest.fixture
def refused(published, folder, capsys):
    """Ingest a broken release: exit code 3, one error line with these facts, and no harm done."""

    def run(*facts, sets=(), where=folder):
        store = Store(published / "warehouse")
        before = store.manifest("ingest")
        assert ingest(published, where, *sets) == 3
        assert store.manifest("ingest") == before
        assert store.read_arrow("PATENTS")["patent_id"].to_pylist() == ["3930271"]
        assert [path.name for path in (store.root / "ingest").iterdir() if path.is_dir()] == [before.version]
        messages = capsys.readouterr().err
        line = line_with(messages, "patent-spark: ")
        return line_with(line, *facts)

    return run


def test_no_folder(refused, folder):
    refused("source.path", f"{folder}/nowhere", "not a folder", where=folder / "nowhere")


@pytest.mark.parametrize(
    ("table", "made"),
    [
        ("g_patent", "PATENTS"),
        ("g_patent_abstract", "ABSTRACTS"),
        ("g_us_patent_citation", "CITATIONS"),
        ("g_cpc_current", "CPC"),
    ],
)
def test_no_table_file(refused, folder, table, made):
    (folder / f"{table}.tsv.zip").unlink()
    others = ", ".join(sorted(f"{name}.tsv.zip" for name in CURRENT if name != table))
    error = refused(folder, f"{table}.tsv.zip ({made})", others)
    assert not [
        name for name in ("PATENTS", "ABSTRACTS", "CITATIONS", "CPC") if name in error and name != made
    ]


def test_no_table_file_of_an_old_release(refused, tmp_path):
    folder = write_release(tmp_path / "old", {"patent": [], "cpc_current": []})
    present = "cpc_current.tsv.zip, patent.tsv.zip"
    error = refused(folder, "uspatentcitation.tsv.zip (CITATIONS)", present, where=folder)
    assert "g_patent" not in error


def test_an_empty_folder(refused, tmp_path):
    (tmp_path / "empty").mkdir()
    refused("g_patent.tsv.zip (PATENTS)", "g_cpc_current.tsv.zip (CPC)", "none", where=tmp_path / "empty")


def test_no_column(refused, folder):
    columns = ["patent_id", "cpc_sequence", "subsection_id"]
    write_zip(folder, "g_cpc_current", tsv("g_cpc_current", [], columns))
    refused(folder / CPC_ZIP, "no column cpc_class", ", ".join(columns))


def test_a_column_twice(refused, folder):
    columns = ["patent_id", "patent_id", "patent_abstract"]
    write_zip(folder, "g_patent_abstract", tsv("g_patent_abstract", [], columns))
    refused(folder / "g_patent_abstract.tsv.zip", "more than one column patent_id", ", ".join(columns))


def test_a_truncated_zip(refused, folder):
    path = folder / PATENTS_ZIP
    path.write_bytes(path.read_bytes()[:-40])
    refused(path, "truncated", "download")


def test_not_a_zip(refused, folder):
    (folder / PATENTS_ZIP).write_text("<html>Sign in</html>")
    refused(folder / PATENTS_ZIP, "not a zip", "download")


def test_a_zip_of_no_bytes(refused, folder):
    (folder / PATENTS_ZIP).write_bytes(b"")
    refused(folder / PATENTS_ZIP, "empty", "0 bytes", "download")


def test_a_bad_checksum(refused, folder):
    path = folder / PATENTS_ZIP
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("g_patent.tsv", tsv("g_patent", [PATENT]))
    path.write_bytes(path.read_bytes().replace(b"Golf glove", b"Gulf glove"))
    refused(path, "corrupt", "CRC-32", "'g_patent.tsv'", "download")


def test_damage_in_the_middle(refused, folder):
    rows = [PATENT | {"patent_id": 4000000 + i, "num_claims": i * i} for i in range(50_000)]
    path = write_zip(folder, "g_patent", tsv("g_patent", rows))
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 64] = bytes(64)
    path.write_bytes(content)
    refused(path, "corrupt", "download")


def test_two_members(refused, folder):
    with zipfile.ZipFile(folder / PATENTS_ZIP, "a") as archive:
        archive.writestr("other.tsv", "hello")
    refused(folder / PATENTS_ZIP, "2 files", "g_patent.tsv", "other.tsv")


def test_an_encrypted_member(refused, folder):
    path = folder / PATENTS_ZIP
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    content[6] |= 1
    content[directory + 8] |= 1
    path.write_bytes(content)
    refused(path, "g_patent.tsv", "encrypted")


def test_an_unknown_packing(refused, folder):
    path = folder / PATENTS_ZIP
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    for place in (8, directory + 10):
        struct.pack_into("<H", content, place, 98)
    path.write_bytes(content)
    refused(path, "PPMd", "Deflate")


def test_a_file_of_no_bytes(refused, folder):
    write_zip(folder, "g_patent", b"")
    refused(folder / PATENTS_ZIP, ": g_patent.tsv", "empty", "0 bytes")


@pytest.mark.parametrize("table", sorted(CURRENT))
def test_a_header_alone(refused, folder, table):
    write_zip(folder, table, tsv(table, []))
    refused(folder / f"{table}.tsv.zip", "no rows")


@pytest.mark.parametrize(
    "row",
    [
        b'"4"\t"utility"\t"1976-01-06"\t"Caf\xe9"\t""\t1\t0\t""\n',
        b'"4"\t"Caf\xe9"\n',
        b'"4"\t"\xff"\t"1976-01-06"\t"Cafe"\t""\t1\t0\t""\n',
    ],
)
def test_bytes_that_are_not_utf8(refused, folder, row):
    write_zip(folder, "g_patent", tsv("g_patent", [PATENT, '"too"\t"few"', PATENT]) + row)
    refused(folder / PATENTS_ZIP, "row 5 ", "UTF-8", "download")


def test_a_header_that_is_not_utf8(refused, folder):
    write_zip(folder, "g_patent", tsv("g_patent", [PATENT]).decode().encode("utf-16"))
    refused(folder / PATENTS_ZIP, "header", "UTF-8", "UTF-16")
    write_zip(folder, "g_patent", "Caf\u00e9\t".encode("latin-1") + tsv("g_patent", [PATENT]))
    refused(folder / PATENTS_ZIP, "header", "UTF-8", "byte 3")


def test_a_quote_that_is_never_closed(refused, folder):
    endless = '"5"\t"utility"\t"1976-01-06"\t"no end' + " and on" * 300_000
    write_zip(folder, "g_patent", tsv("g_patent", [PATENT, endless]))
    refused(folder / PATENTS_ZIP, "row 3 ", "1 MB", "quote", "ingest.block_mb", sets=["ingest.block_mb=1"])


def test_too_many_rejects(refused, folder, published):
    rows = [PATENT | {"patent_id": 4000000 + i} for i in range(95)]
    rows += [PATENT | {"patent_id": 5000000 + i, "patent_date": "1976-02-31"} for i in range(4)]
    rows += [PATENT | {"patent_id": ""}]
    write_zip(folder, "g_patent", tsv("g_patent", rows))
    kept = published / "warehouse" / "logs" / "rejects-PATENTS.parquet"
    counts = (
        "PATENTS",
        "5 of 100 rows",
        "5 %",
        "2 %",
        "unknown date 4",
        "1976-01-27",
        "empty patent_id 1",
        "row 97",
    )
    refused(*counts, "ingest.max_reject_fraction", kept, sets=["ingest.max_reject_fraction=0.02"])
    assert pq.read_table(kept)["row"].to_pylist() == [97, 98, 99, 100, 101]


def test_rejects_up_to_the_limit_pass(tmp_path, folder):
    rows = [PATENT | {"patent_id": 4000000 + i} for i in range(98)] + [
        PATENT | {"patent_date": ""},
        PATENT | {"patent_id": "?"},
    ]
    write_zip(folder, "g_patent", tsv("g_patent", rows))
    assert ingest(tmp_path, folder, "ingest.max_reject_fraction=0.02") == 0
    assert Store(tmp_path / "warehouse").manifest("ingest").tables["REJECTS"]["rows"] == 2


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("{not json", ("not JSON", "line 1 column 2")),
        ("[]", ("release_id", "data_to_date", "list")),
        (json.dumps({"data_to_date": "30/09/2025"}), ("data_to_date", "'30/09/2025'")),
    ],
)
def test_a_release_json_that_cannot_be_read(refused, folder, text, facts):
    path = folder / "release.json"
    path.write_text(text)
    refused(path, *facts)


def test_no_patent_to_take_the_date_from(refused, folder):
    write_zip(folder, "g_patent", tsv("g_patent", [PATENT | {"patent_date": ""}]))
    refused(folder, "release.data_to_date", sets=["ingest.max_reject_fraction=1.0"])


@pytest.mark.parametrize("groups", [0, 3])
def test_a_full_disk_is_not_blamed_on_the_release(published, folder, monkeypatch, capsys, groups):
    """An error while writing, at once or in the middle of a file, is exit code 1, and does no harm either."""
    written, write = [], writers._File._write

    def no_space(self, group):
        if len(written) == groups:
            raise OSError(28, "No space left on device")
        written.append(group)
        write(self, group)

    monkeypatch.setattr(writers, "_GROUP_ROWS", 1)
    monkeypatch.setattr(writers._File, "_write", no_space)
    before = Store(published / "warehouse").manifest("ingest")
    assert ingest(published, folder) == 1
    line_with(capsys.readouterr().err, "ingest failed", "OSError", "Errno 28")
    assert Store(published / "warehouse").manifest("ingest") == before


def test_a_simulated_release_that_is_gone(tmp_path, capsys):
    assert main(["ingest", "--set", "source.kind=simulate", "--set", f"warehouse.root={tmp_path}"]) == 3
    line_with(capsys.readouterr().err, "`patent-spark simulate`")
    shutil.rmtree(tmp_path)
