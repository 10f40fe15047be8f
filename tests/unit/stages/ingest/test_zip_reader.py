"""Zips as programs of every system make them: the table in them is found, or the cause is named."""

import gzip
import struct
import zipfile

import pytest

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.zip_reader import open_member
from tests.support.errors import raises

NAME, CONTENT = "g_patent.tsv", b'"patent_id"\n"4000001"\n'


def zipped(folder, *members):
    """A zip with these members, folders among them, beside the table."""
    path = folder / "g_patent.tsv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            archive.mkdir(member) if member.endswith("/") else archive.writestr(
                member, CONTENT if member.endswith(NAME) else b"other"
            )
    return path


@pytest.mark.parametrize(
    "members",
    [
        [NAME],
        ["data/", f"data/{NAME}"],
        ["a/", "a/b/", f"a/b/{NAME}"],
        [NAME, "__MACOSX/", f"__MACOSX/._{NAME}"],
        [".DS_Store", f"data/{NAME}", "data/._" + NAME],
        ["LICENSE.txt", NAME, "description.pdf"],
    ],
)
def test_the_table_among_what_programs_add(tmp_path, members):
    with open_member(zipped(tmp_path, *members)) as member:
        assert member.read() == CONTENT


def test_a_table_of_another_name_that_is_alone(tmp_path):
    path = tmp_path / "g_patent.tsv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("export.txt", CONTENT)
    with open_member(path) as member:
        assert member.read() == CONTENT


def test_two_tables_are_one_too_many(tmp_path):
    with (
        raises(DataError, file="g_patent.tsv.zip", members=2),
        open_member(zipped(tmp_path, NAME, "other.tsv")),
    ):
        pass


@pytest.mark.parametrize(
    ("method", "name"), [(9, "Deflate64"), (93, "Zstandard"), (98, "PPMd"), (77, "method 77")]
)
def test_a_method_that_cannot_be_read_is_named_with_the_way_out(tmp_path, method, name):
    path = zipped(tmp_path, NAME)
    content = bytearray(path.read_bytes())
    for place in (8, content.rindex(b"PK\1\2") + 10):
        struct.pack_into("<H", content, place, method)
    path.write_bytes(content)
    with raises(DataError, file="g_patent.tsv.zip", reason=name) as caught, open_member(path):
        pass
    assert "Deflate " in str(caught.value) and "download" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (gzip.compress(CONTENT, mtime=0), "gzip"),
        (b"<!DOCTYPE html><html>Access denied</html>", "web page"),
        (b"patent_id\ttitle\n", "text file; zip it"),
    ],
)
def test_what_is_there_instead_of_a_zip_is_named(tmp_path, content, fact):
    path = tmp_path / "g_patent.tsv.zip"
    path.write_bytes(content)
    with raises(DataError, file="g_patent.tsv.zip", reason="not a zip file") as caught, open_member(path):
        pass
    assert fact in str(caught.value)


def test_a_link_that_leads_nowhere_is_named_with_its_target(tmp_path):
    path = tmp_path / "g_patent.tsv.zip"
    path.symlink_to(tmp_path / "gone.zip")
    with raises(DataError, file="g_patent.tsv.zip") as caught, open_member(path):
        pass
    assert "link" in str(caught.value) and "gone.zip" in str(caught.value)
