"""Connections that are cut, files that change meanwhile, and what must not appear as a file."""

import errno
import hashlib
import json
import zipfile
from io import BytesIO

import pytest

from patent_spark.core.errors import DataError
from patent_spark.sources.errors import SourceError
from tests.support.downloads import BIG, Downloads, zip_of
from tests.support.errors import raises
from tests.support.release_server import Answer

MB = 1_000_000


def ranges(downloads: Downloads):
    return [request.headers.get("Range") for request in downloads.server.file_requests(BIG)]


def nothing_of_the_file(downloads: Downloads):
    return not any(name.startswith(BIG) for name in downloads.names())


@pytest.fixture
def big(odp):
    """Its largest file has 10 MB."""
    odp.server.files[BIG] = zip_of(10 * MB)
    return odp


def test_a_connection_that_is_cut_every_3_mb_goes_on_where_it_was(big):
    big.server.faults.cut_after = 3 * MB
    folder = big.fetch()
    assert (folder / BIG).read_bytes() == big.server.files[BIG]
    assert ranges(big) == [None, f"bytes={3 * MB}-", f"bytes={6 * MB}-", f"bytes={9 * MB}-"]
    assert big.names() == {*big.server.files, "release.json"}


def test_it_goes_on_so_often_and_no_more_and_the_next_call_takes_over(big):
    big.server.faults.cut_after = 3 * MB
    with raises(SourceError, file=BIG):
        big.fetch("source.resumes=1")
    assert ranges(big) == [None, f"bytes={3 * MB}-"]
    assert BIG not in big.names()
    assert (big.release / f"{BIG}.part").stat().st_size == 6 * MB
    big.server.faults.cut_after = None
    assert (big.fetch() / BIG).read_bytes() == big.server.files[BIG]
    assert ranges(big)[2:] == [f"bytes={6 * MB}-"]


def test_a_cut_that_brought_nothing_is_not_tried_again(odp):
    odp.server.faults.cut_after = 0
    with pytest.raises(SourceError):
        odp.fetch()
    assert len(odp.server.file_requests()) == 1


def test_a_server_that_always_sends_the_whole_file_is_read_anew(big):
    faults = big.server.faults
    faults.cut_after, faults.ignore_range = 3 * MB, True
    with pytest.raises(SourceError):
        big.fetch("source.resumes=2")
    assert (big.release / f"{BIG}.part").stat().st_size == 3 * MB
    faults.cut_after = None
    assert (big.fetch() / BIG).read_bytes() == big.server.files[BIG]


@pytest.mark.parametrize("wrong_etag", [False, True], ids=["answers 200", "answers 206 of the new file"])
def test_a_file_that_changes_in_the_middle_begins_anew(big, wrong_etag):
    faults = big.server.faults
    big.server.changed[BIG] = zip_of(10 * MB, seed=1)
    faults.cut_after, faults.change_after, faults.wrong_etag = 3 * MB, 1, wrong_etag
    folder = big.fetch()
    assert (folder / BIG).read_bytes() == big.server.changed[BIG] != big.server.files[BIG]


def test_without_etag_and_date_the_rest_is_not_asked_for(big):
    faults = big.server.faults
    faults.cut_after, faults.no_validators = 3 * MB, True
    with pytest.raises(SourceError):
        big.fetch("source.resumes=3")
    assert ranges(big) == [None] * 4


def test_what_arrived_of_another_file_is_not_gone_on_with(big):
    big.server.faults.cut_after = 3 * MB
    with pytest.raises(SourceError):
        big.fetch("source.resumes=0")
    note = big.release / f"{BIG}.part.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | {"url": "http://elsewhere/"}))
    big.server.faults.cut_after = None
    assert (big.fetch() / BIG).read_bytes() == big.server.files[BIG]
    assert ranges(big) == [None, None]


def test_more_bytes_than_the_file_has_are_thrown_away(big):
    big.server.faults.cut_after = 3 * MB
    with pytest.raises(SourceError):
        big.fetch("source.resumes=0")
    (big.release / f"{BIG}.part").write_bytes(bytes(11 * MB))
    big.server.faults.cut_after = None
    assert (big.fetch() / BIG).read_bytes() == big.server.files[BIG]


def test_all_bytes_that_are_here_need_no_request(big):
    big.server.faults.cut_after = 3 * MB
    with pytest.raises(SourceError):
        big.fetch("source.resumes=0")
    (big.release / f"{BIG}.part").write_bytes(big.server.files[BIG])
    assert (big.fetch() / BIG).read_bytes() == big.server.files[BIG]
    assert ranges(big) == [None]


def test_a_wrong_checksum_leaves_no_file(zenodo):
    zenodo.server.checksums[BIG] = "0" * 32
    found = hashlib.md5(zenodo.server.files[BIG]).hexdigest()
    with raises(DataError, file=BIG, checksum=found, expected="0" * 32):
        zenodo.fetch()
    assert nothing_of_the_file(zenodo) and "release.json" not in zenodo.names()
    assert len(zenodo.server.file_requests(BIG)) == 1


def test_another_size_than_the_metadata_says_is_refused_before_the_body(odp):
    size = len(odp.server.files[BIG])
    odp.server.sizes[BIG] = size + 1
    with raises(DataError, file=BIG, size=size, expected=size + 1):
        odp.fetch()
    assert nothing_of_the_file(odp)


def test_a_damaged_zip_leaves_no_file(odp):
    content = bytearray(zip_of(1000))
    content[100] ^= 1
    odp.server.files[BIG] = bytes(content)
    with raises(DataError, file=BIG):
        odp.fetch()
    assert nothing_of_the_file(odp)


def test_what_is_no_zip_leaves_no_file(odp):
    odp.server.files[BIG] = b"sorry, no such file today"
    with raises(DataError, file=BIG):
        odp.fetch()
    assert nothing_of_the_file(odp)


def test_a_zip_with_an_unknown_compression_is_left_to_ingest(odp):
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("g.tsv", "x" * 1000)
    odp.server.files[BIG] = content.getvalue().replace(b"\x08\x00", b"\x09\x00")  # Deflate64
    assert (odp.fetch() / BIG).read_bytes() == odp.server.files[BIG]


def test_a_login_page_is_no_file(odp):
    page = Answer(200, {"Content-Type": "text/html; charset=utf-8"}, b"<html>Log in</html>")
    odp.server.faults.answers = [page]
    with raises(SourceError, content_type="text/html; charset=utf-8"):
        odp.fetch()
    assert not odp.names()


def test_a_disk_that_fills_up_keeps_what_arrived(big, monkeypatch):
    real = open

    class FullDisk:
        def __init__(self, file):
            self.file, self.room = file, 4 * MB

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, block):
            if self.room < len(block):
                raise OSError(errno.ENOSPC, "No space left on device")
            self.room -= len(block)
            self.file.write(block)

        def __getattr__(self, name):
            return getattr(self.file, name)

    def opened(path, mode="r", *rest, **options):
        file = real(path, mode, *rest, **options)
        return FullDisk(file) if path.name == f"{BIG}.part" else file

    with monkeypatch.context() as full:
        full.setattr("patent_spark.sources.transfer.Path.open", opened)
        with raises(SourceError, file=BIG, setting="source.downloads"):
            big.fetch()
    assert BIG not in big.names()
    arrived = (big.release / f"{BIG}.part").stat().st_size
    assert 0 < arrived <= 4 * MB
    assert (big.fetch() / BIG).read_bytes() == big.server.files[BIG]
    assert ranges(big) == [None, f"bytes={arrived}-"]
