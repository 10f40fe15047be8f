"""Releases as the portal and Zenodo describe them."""

import pytest

from patent_spark.config import load_config
from patent_spark.core.errors import DataError
from patent_spark.sources.file_names import OPTIONAL, REQUIRED, is_wanted
from patent_spark.sources.odp import OdpSource
from patent_spark.sources.zenodo import ZenodoSource
from patent_spark.stages.ingest.file_formats import (
    CURRENT,
    CURRENT_CLAIMS,
    CURRENT_CPC_TITLES,
    CURRENT_RELATED_DOCUMENTS,
)
from tests.support.errors import raises


class Metadata:
    """Answers every address with the same metadata."""

    def __init__(self, values):
        self._values = values

    def json(self, _):
        return self._values


def odp_files(*files):
    return {"bulkDataProductBag": [{"productFileBag": {"fileDataBag": list(files)}}]}


def odp_file(name, day="2025-09-30", released="2026-04-10 08:01:00", uri=""):
    return {
        "fileName": name, "fileSize": 7, "fileDataToDate": day, "fileReleaseDate": released,
        "fileDownloadURI": uri,
    }  # fmt: skip


def releases(*files):
    return OdpSource(load_config()[0], Metadata(odp_files(*files))).releases()


def whole(**about):
    return [odp_file(name, **about) for name in REQUIRED]


def test_the_files_that_are_downloaded_are_those_that_ingest_reads():
    assert {format_.archive for format_ in CURRENT} == {*REQUIRED}
    assert {CURRENT_RELATED_DOCUMENTS.archive, CURRENT_CPC_TITLES.archive} == {*OPTIONAL}
    claims = CURRENT_CLAIMS.file.format(year=1976) + ".zip"
    assert is_wanted(claims, claims=True) and not is_wanted(claims, claims=False)
    assert not is_wanted("g_inventor_disambiguated.tsv.zip", claims=True)


def test_a_release_is_the_files_of_one_data_to_date_the_newest_first():
    old = whole(day="2025-06-30", released="2025-10-01 00:00:00")
    related = odp_file("g_us_rel_doc.tsv.zip", released="2026-04-12 00:00:00")
    new = [*whole(), related, odp_file("g_cpc_title.tsv.zip"), odp_file("PV.pdf")]
    newest, oldest = releases(*old, *new)
    assert (newest.id, oldest.id) == ("PVGPATDIS-2025-09-30-r20260412", "PVGPATDIS-2025-06-30-r20251001")
    assert (str(newest.data_to_date), str(newest.released)) == ("2025-09-30", "2026-04-12")
    assert {file.name for file in newest.files} == {*REQUIRED, *OPTIONAL}
    assert newest.size == 42


def test_files_that_are_published_again_make_another_release():
    assert releases(*whole())[0].id != releases(*whole(released="2026-05-01 00:00:00"))[0].id


def test_an_incomplete_release_is_left_out_and_said(capsys):
    (release,) = releases(*whole(day="2025-06-30"), odp_file("g_patent.tsv.zip"))
    assert str(release.data_to_date) == "2025-06-30"
    said = capsys.readouterr().err
    assert "2025-09-30" in said and "g_cpc_current.tsv.zip" in said


def test_a_product_without_tables_is_named():
    with raises(DataError, file="g_patent.tsv.zip"):
        releases(odp_file("PV.pdf"))


BASE = "https://api.uspto.gov/api/v1/datasets/products/files/"


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        ("", "PVGPATDIS/g_patent.tsv.zip"),
        ("https://data.uspto.gov/ui/datasets/products/files/PVGPATDIS/2025/g_patent.tsv.zip",
         "PVGPATDIS/2025/g_patent.tsv.zip"),
        ("https://evil.example/files/../../steal", "PVGPATDIS/g_patent.tsv.zip"),
        ("https://evil.example/files/x?key=@evil.example", "PVGPATDIS/g_patent.tsv.zip"),
        ("https://evil.example/g_patent.tsv.zip", "PVGPATDIS/g_patent.tsv.zip"),
    ],
)  # fmt: skip
def test_files_are_requested_below_the_configured_address_whatever_the_metadata_says(uri, place):
    (release,) = releases(odp_file("g_patent.tsv.zip", uri=uri), *whole()[1:])
    assert {file.name: file.url for file in release.files}["g_patent.tsv.zip"] == BASE + place


def zenodo(*keys, sets=()):
    files = [{"key": key, "size": 7, "checksum": "md5:0815"} for key in keys]
    config, _ = load_config(sets=[*sets])
    return ZenodoSource(config, Metadata({"files": files})).releases()


def test_a_record_gives_checksums_and_addresses():
    (release,) = zenodo(*REQUIRED, "README.md")
    assert [(file.name, file.md5) for file in release.files] == [(name, "0815") for name in REQUIRED]
    assert release.files[0].url == ("https://zenodo.org/api/records/15058362/files/g_patent.tsv.zip/content")


def test_a_record_does_not_say_its_data_to_date():
    (other,) = zenodo(*REQUIRED, sets=["source.record=1"])
    assert (other.id, other.data_to_date) == ("zenodo-1", None)
    (told,) = zenodo(*REQUIRED, sets=["source.record=1", "release.data_to_date=2020-06-30"])
    assert str(told.data_to_date) == "2020-06-30"


def test_a_record_without_the_tables_is_named():
    with raises(DataError, file="g_cpc_current.tsv.zip", setting="source.record"):
        zenodo(*REQUIRED[:3])
