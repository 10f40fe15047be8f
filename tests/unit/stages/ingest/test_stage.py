"""Whole releases through the command line: what the tables, the rejects and the manifest contain."""

import datetime
import hashlib
import threading
import time
import zlib

import pytest

from patent_spark.cli import main
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.progress import Progress
from patent_spark.core.store import Store
from patent_spark.stages.ingest import writers
from patent_spark.stages.ingest.file_formats import CURRENT
from patent_spark.stages.ingest.file_ingest import FileOutcome
from patent_spark.stages.ingest.stage import read_in_parallel
from tests.support.errors import raises
from tests.support.messages import line_with
from tests.support.releases import tsv, write_release, write_zip

D = datetime.date

PATENTS = [
    {
        "patent_id": "3930271",
        "patent_type": "utility",
        "patent_date": "1976-01-06",
        "patent_title": 'A "golf"\nglove',
        "withdrawn": 0,
    },
    '"3930272"\t"utility"',
    {
        "patent_id": "D345393",
        "patent_type": "design",
        "patent_date": "1994-03-29",
        "patent_title": "",
        "withdrawn": 1,
    },
    {"patent_id": "4000000", "patent_date": "1976-02-30", "withdrawn": 0},
    {
        "patent_id": "4000000",
        "patent_type": "utility",
        "patent_date": "1976-12-28",
        "patent_title": "Kept",
        "withdrawn": 0,
    },
    {"patent_id": "3930271", "patent_date": "1999-01-01", "withdrawn": 0},
    {"patent_id": "4000001", "patent_date": "9178-12-11", "withdrawn": 0},
]
ABSTRACTS = [
    {"patent_id": "3930271", "patent_abstract": "First.\nSecond \t line."},
    {"patent_id": "D345393", "patent_abstract": ""},
    {"patent_id": "3930271", "patent_abstract": "Again."},
    {"patent_id": "", "patent_abstract": "Whose?"},
]
CITATIONS = [
    {
        "patent_id": "4000000",
        "citation_sequence": 0,
        "citation_patent_id": "3930271",
        "citation_date": "1976-01-01",
        "citation_category": "",
    },
    {
        "patent_id": "4000000",
        "citation_sequence": 0,
        "citation_patent_id": "3930271",
        "citation_date": "1976-01-01",
        "citation_category": "",
    },
    {
        "patent_id": "4000000",
        "citation_sequence": 1,
        "citation_patent_id": "2001/1234",
        "citation_category": "cited by other",
    },
    {"patent_id": "no", "citation_sequence": 1, "citation_patent_id": "3930271"},
]
CPC = [
    {
        "patent_id": "4000000",
        "cpc_sequence": 3,
        "cpc_class": "H04",
        "cpc_subclass": "H04L",
        "cpc_type": "inventional",
    },
    {"patent_id": "4000000", "cpc_sequence": "", "cpc_class": "H04"},
]
RELEASE = {
    "g_patent": PATENTS,
    "g_patent_abstract": ABSTRACTS,
    "g_us_patent_citation": CITATIONS,
    "g_cpc_current": CPC,
}


@pytest.fixture
def ingest(tmp_path):
    """Ingest a release folder; returns the store."""

    def run(folder, *sets):
        root = tmp_path / "warehouse"
        sets = (f"source.path={folder}", f"warehouse.root={root}", "ingest.max_reject_fraction=1.0", *sets)
        assert main(["ingest", *(part for setting in sets for part in ("--set", setting))]) == 0
        return Store(root)

    return run


def test_a_release_of_today(tmp_path, ingest):
    store = ingest(write_release(tmp_path / "r", RELEASE), "release.data_to_date=2020-06-30")
    design = 48 * 10**12 + 345393
    assert store.read_arrow("PATENTS").to_pylist() == [
        _patent(3930271, "3930271", "utility", D(1976, 1, 6), 'A "golf"\nglove', False),
        _patent(design, "D345393", "design", D(1994, 3, 29), None, True),
        _patent(4000000, "4000000", "utility", D(1976, 12, 28), "Kept", False),
    ]
    assert store.read_arrow("ABSTRACTS").to_pylist() == [
        {"patent_key": 3930271, "patent_id": "3930271", "abstract": "First.\nSecond \t line."}
    ]
    assert store.read_arrow("CITATIONS").to_pylist() == [
        _citation(4000000, 3930271, "4000000", "3930271", None),
        _citation(4000000, 3930271, "4000000", "3930271", None),
        _citation(4000000, None, "4000000", "2001/1234", "cited by other"),
    ]
    assert store.read_arrow("CPC").to_pylist() == [
        {
            "patent_key": 4000000,
            "patent_id": "4000000",
            "cpc_sequence": 3,
            "cpc_class": "H04",
            "cpc_subclass": "H04L",
            "cpc_type": "inventional",
        }
    ]


def test_bad_rows_are_in_rejects_with_file_row_and_reason(tmp_path, ingest):
    store = ingest(write_release(tmp_path / "r", RELEASE), "release.data_to_date=2020-06-30")
    actual = {
        (row["table"], row["file"], row["row"], row["reason"])
        for row in store.read_arrow("REJECTS").to_pylist()
    }
    assert actual == {
        ("PATENTS", "g_patent.tsv.zip", 3, "too few fields"),
        ("PATENTS", "g_patent.tsv.zip", 5, "unknown date"),
        ("PATENTS", "g_patent.tsv.zip", 7, "patent_id stands in an earlier row"),
        ("PATENTS", "g_patent.tsv.zip", 8, "grant date outside 1790-07-31..2020-06-30"),
        ("ABSTRACTS", "g_patent_abstract.tsv.zip", 4, "patent_id stands in an earlier row"),
        ("ABSTRACTS", "g_patent_abstract.tsv.zip", 5, "empty patent_id"),
        ("CITATIONS", "g_us_patent_citation.tsv.zip", 5, "patent_id has not a patent's form"),
        ("CPC", "g_cpc_current.tsv.zip", 3, "empty cpc_sequence"),
    }
    content = {
        row["row"]: row["content"]
        for row in store.read_arrow("REJECTS").to_pylist()
        if row["table"] == "PATENTS"
    }
    assert content[3] == '"3930272"\t"utility"'
    assert content[5].startswith('"4000000"\t""\t"1976-02-30"')


def test_the_manifest_has_the_metadata(tmp_path, ingest, capsys):
    notes = {
        "release_id": "r-7",
        "data_to_date": "2020-06-30",
        "attainable": {"technology": {"accuracy": 0.9}},
        "synonyms": [["car", "auto"]],
    }
    metadata = ingest(write_release(tmp_path / "r", RELEASE, notes)).metadata(IngestMetadata)
    files = {
        path.name: {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "crc32": f"{zlib.crc32(tsv(name, rows)):08x}",
        }
        for name, rows in RELEASE.items()
        for path in [tmp_path / "r" / f"{name}.tsv.zip"]
    }
    assert metadata.to_json() | {"joins": None} == {
        "folder": str(tmp_path / "r"),
        "source": "",
        "files": files,
        "release_id": "r-7",
        "data_to_date": "2020-06-30",
        "data_to_date_from": "release.json",
        "generator_rates": {"technology": {"accuracy": 0.9}},
        "synonyms": [["car", "auto"]],
        "rows_in": {"PATENTS": 7, "ABSTRACTS": 4, "CITATIONS": 4, "CPC": 2},
        "rejected": {
            "PATENTS": {
                "too few fields": 1,
                "unknown date": 1,
                "grant date outside 1790-07-31..2020-06-30": 1,
                "patent_id stands in an earlier row": 1,
            },
            "ABSTRACTS": {"empty patent_id": 1, "patent_id stands in an earlier row": 1},
            "CITATIONS": {"patent_id has not a patent's form": 1},
            "CPC": {"empty cpc_sequence": 1},
        },
        "cited_malformed": 1,
        "without_abstract": 1,
        "lost": {},
        "respelled": {},
        "joins": None,
        "blank": {"PATENTS.title": 4},
        "related_documents_from": None,
    }
    line_with(capsys.readouterr().err, "g_patent.tsv.zip", "7 rows", "4 rejected")


def test_the_old_names_give_the_same_tables(tmp_path, ingest):
    abstracts = {"3930271": "First.\nSecond \t line."}
    new = {
        "id": "patent_id",
        "type": "patent_type",
        "date": "patent_date",
        "title": "patent_title",
        "withdrawn": "withdrawn",
    }
    patents = [
        row
        if isinstance(row, str)
        else {old: row.get(name, "") for old, name in new.items()}
        | {"abstract": abstracts.get(row["patent_id"], "")}
        for row in PATENTS
    ]
    citations = [
        {
            "patent_id": row["patent_id"],
            "citation_id": row["citation_patent_id"],
            "category": row.get("citation_category", ""),
        }
        for row in CITATIONS
    ]
    classes = [
        {
            "patent_id": row["patent_id"],
            "sequence": row["cpc_sequence"],
            "subsection_id": row["cpc_class"],
            "group_id": row.get("cpc_subclass", ""),
            "category": row.get("cpc_type", ""),
        }
        for row in CPC
    ]
    old = write_release(
        tmp_path / "old", {"patent": patents, "uspatentcitation": citations, "cpc_current": classes}
    )
    names = ("PATENTS", "ABSTRACTS", "CITATIONS", "CPC")
    of_today = ingest(write_release(tmp_path / "new", RELEASE), "release.data_to_date=2020-06-30")
    expected = {name: of_today.read_arrow(name) for name in names}
    store = ingest(old, "release.data_to_date=2020-06-30")
    assert {name: store.read_arrow(name) for name in names} == expected
    assert store.metadata(IngestMetadata).rows_in == {"PATENTS": 7, "ABSTRACTS": 7, "CITATIONS": 4, "CPC": 2}


def test_columns_are_found_by_name(tmp_path, ingest):
    folder = write_release(tmp_path / "r", RELEASE)
    columns = ("extra", "withdrawn", "patent_title", "patent_date", "patent_id", "patent_type")
    write_zip(
        folder, "g_patent", tsv("g_patent", [row for row in PATENTS if not isinstance(row, str)], columns)
    )
    patents = ingest(folder, "release.data_to_date=2020-06-30").read_arrow("PATENTS").to_pylist()
    assert [(row["patent_id"], row["patent_type"], row["withdrawn"]) for row in patents] == [
        ("3930271", "utility", False),
        ("D345393", "design", True),
        ("4000000", "utility", False),
    ]


def test_where_data_to_date_and_the_id_come_from(tmp_path, ingest, capsys):
    folder = write_release(tmp_path / "spring", RELEASE)
    metadata = ingest(folder).metadata(IngestMetadata)
    assert (metadata.release_id, metadata.data_to_date, metadata.data_to_date_from) == (
        "spring-1994-03-29",
        datetime.date(1994, 3, 29),
        "newest grant date",
    )
    line_with(capsys.readouterr().err, "1994-03-29", "newest grant date", "release.data_to_date")
    assert (
        f"grant date outside 1790-07-31..{datetime.datetime.now(datetime.UTC).date()}"
        in metadata.rejected["PATENTS"]
    )

    write_release(folder, {}, {"release_id": "autumn", "data_to_date": "2021-12-31"})
    metadata = ingest(folder, "release.data_to_date=1990-01-01", "release.id=mine").metadata(IngestMetadata)
    assert (metadata.release_id, metadata.data_to_date, metadata.data_to_date_from) == (
        "mine",
        datetime.date(1990, 1, 1),
        "release.data_to_date",
    )
    line_with(capsys.readouterr().err, "release.data_to_date", "1990-01-01", "release.json", "2021-12-31")
    assert metadata.rejected["PATENTS"]["grant date outside 1790-07-31..1990-01-01"] == 3


def test_the_first_failure_stops_the_files_beside_it():
    begun = threading.Event()
    whole = []

    def read(format_, on_read):
        if format_ is CURRENT[0]:
            begun.wait(10)
            raise DataError("the first file that fails", file="first")
        for _ in range(10_000):
            on_read(1)
            begun.set()
            time.sleep(0.001)
        whole.append(format_)
        return FileOutcome(format_)

    with raises(DataError, file="first"):
        read_in_parallel([*CURRENT[1:], CURRENT[0]], read, Progress("ingest"), at_a_time=4)
    assert not whole, "the other files were read to their end"


@pytest.mark.engine
def test_spark_reads_the_tables(tmp_path, ingest, session):
    store = ingest(write_release(tmp_path / "r", RELEASE), "release.data_to_date=2020-06-30")
    counts = {
        name: store.read(session, name).count()
        for name in ("PATENTS", "ABSTRACTS", "CITATIONS", "CPC", "REJECTS")
    }
    assert counts == {"PATENTS": 3, "ABSTRACTS": 1, "CITATIONS": 3, "CPC": 1, "REJECTS": 8}
    row = store.read(session, "PATENTS").where("withdrawn").collect()[0]
    assert row.asDict() == _patent(48 * 10**12 + 345393, "D345393", "design", D(1994, 3, 29), None, True)


def _patent(key, id_, type_, date, title, withdrawn):
    return {
        "patent_key": key,
        "patent_id": id_,
        "patent_type": type_,
        "grant_date": date,
        "title": title,
        "withdrawn": withdrawn,
        "num_claims": None,
    }


def _citation(citing, cited, id_, cited_id, category):
    names = {
        "citing_key": citing,
        "cited_key": cited,
        "patent_id": id_,
        "citation_patent_id": cited_id,
        "citation_category": category,
    }
    return names | {"may_repeat": True}  # so few rows that all are of the block's first or last citing patent


def test_all_rows_are_marked_when_those_of_a_citing_patent_are_not_adjacent(
    tmp_path, ingest, caplog, monkeypatch
):
    citations = [
        {"patent_id": citing, "citation_patent_id": str(cited)}
        for citing in ("7", "8", "9")
        for cited in range(1, 5)
    ]
    folder = write_release(tmp_path / "r", RELEASE | {"g_us_patent_citation": citations})
    assert (
        ingest(folder).read_arrow("CITATIONS")["may_repeat"].to_pylist()
        == [True] * 4 + [False] * 4 + [True] * 4
    )
    folder = write_release(
        tmp_path / "s",
        RELEASE | {"g_us_patent_citation": [*citations, {"patent_id": "8", "citation_patent_id": "3"}]},
    )
    monkeypatch.setattr(writers, "_GROUP_ROWS", 4)  # the table is in several files
    with caplog.at_level("INFO", logger="patent_spark"):
        store = ingest(folder)
    assert store.read_arrow("CITATIONS")["may_repeat"].to_pylist() == [True] * 13
    line_with(caplog.text, "g_us_patent_citation.tsv.zip", "citing patent", "label stage")
