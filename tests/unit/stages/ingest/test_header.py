"""The header of a file: columns under other names, and files that are no table at all."""

import pytest

from patent_spark.core.errors import DataError
from tests.support.abstract_files import HEADER, read, rows


@pytest.mark.parametrize("header", ["PATENT_ID\tPatent Abstract", ' "Patent-ID" \t"patent_abstract"\r'])
def test_a_header_in_other_words(tmp_path, header):
    assert read(tmp_path, header + "\n" + rows("first"))[0] == [("4000001", "first")]


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ("PK\x03\x04 and so on\n", "another zip"),
        ("\x1f\x8b\x08\n", "gzip"),
        ('"patent_id"\t"patent_abstract"', "incomplete"),
        ("p\0a\0\t\0\n", "UTF-16"),
        ("patent_id,patent_abstract\n4000001,first\n", "','"),
        ('"patent_id";"patent_abstract"\n', "';'"),
        ("patent_id|patent_abstract\n", "'|'"),
        ((HEADER + rows("first")).replace("\n", "\r"), "carriage return"),
        ((HEADER + rows("first")).replace("\n", "\r") + "\n", "carriage return"),
        ('"1"\t"' + "text " * 100 + '"\n', "no column patent_id"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path, content, fact):
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    assert fact in str(caught.value) and "g_patent_abstract.tsv.zip" in str(caught.value)
    assert len(str(caught.value)) < 400
