"""Documents from text, JSON lines and CSV, and what is said about files that are none of these."""

import io
import sys

import pytest

from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError
from patent_spark.inference.prediction import readers
from patent_spark.inference.prediction.documents import Document
from patent_spark.inference.prediction.readers import CSV, JSON_LINES, TEXT, format_of, read_documents
from tests.support.errors import raises


@pytest.fixture
def read(tmp_path):
    def read(content, file_format):
        path = tmp_path / "documents"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_documents(str(path), file_format))

    return read


@pytest.fixture
def refused(tmp_path, read):
    """Reads content that must be an error about the file with these facts."""

    def refused(content, file_format, **facts):
        with raises(DataError, file=str(tmp_path / "documents"), **facts) as caught:
            read(content, file_format)
        return str(caught.value)

    return refused


def test_what_is_known_beside_the_text(read, refused):
    lines = (
        '{"title": "A", "num_claims": 12, "family_size": "3", "patent_type": "Utility", "cpc_class": "h04"}'
    )
    document = Document(
        "A", "", cpc_class="H04", features={"num_claims": 12, "family_size": 3, "patent_type": "utility"}
    )
    assert read(lines, JSON_LINES) == [document]
    assert document.known == document.features | {"cpc_class": "H04"}
    table = "title,abstract,num_claims,examiner_citations\nA,,7,\nB,,,0\n"
    assert [each.known for each in read(table, CSV)] == [{"num_claims": 7}, {"examiner_citations": 0}]
    for odd in ('"many"', "-1", "2.5", "true", "[1]"):
        refused('{"title": "A"}\n{"title": "B", "num_claims": ' + odd + "}", JSON_LINES, row=2)


def test_the_first_line_of_a_text_is_the_title(read):
    text = "\ufeff\n\n  A pump \nwith a valve,\n\nand a second paragraph.\n"
    assert read(text, TEXT) == [Document("A pump", "with a valve,\n\nand a second paragraph.")]
    assert read("A pump", TEXT) == [Document("A pump", "")]


def test_json_lines(read):
    lines = (
        '{"title": "A pump", "abstract": "with a valve", "id": 7, "year": 2001}\r\n'
        "\n"
        '{"abstract": "B", "title": null, "id": "x", "cpc_class": "h04", "claims": "1. A pump"}'
    )
    assert read(lines, JSON_LINES) == [
        Document("A pump", "with a valve", "7"),
        Document("", "B", "x", claims="1. A pump", cpc_class="H04"),
    ]


def test_csv(read):
    table = 'patent_id,Abstract ,TITLE,year\r\n8,"with a ""valve"",\nand more",A pump,2001\r\n\r\n,B,,\r\n'
    assert read("\ufeff" + table, CSV) == [
        Document("A pump", 'with a "valve",\nand more', "8"),
        Document("", "B", None),
    ]


def test_a_column_id_wins_over_patent_id(read):
    assert read("id,patent_id,title,abstract\na,b,T,A\n", CSV) == [Document("T", "A", "a")]


@pytest.mark.parametrize("file_format", [TEXT, JSON_LINES, CSV])
@pytest.mark.parametrize("content", ["", "\n \n" * 3])
def test_a_file_without_a_document(refused, file_format, content):
    refused(content, file_format)


def test_a_csv_of_a_header_alone(refused):
    refused("title,abstract\n", CSV)


@pytest.mark.parametrize("file_format", [TEXT, JSON_LINES, CSV])
def test_bytes_that_are_not_utf8_name_their_line(refused, file_format):
    start = {TEXT: b"A\n", JSON_LINES: b'{"title": "A"}\n', CSV: b"title,abstract\n"}[file_format]
    refused(start + b"caf\xe9,b\n", file_format, row=2)


def test_utf_16_is_not_utf_8(refused):
    refused("title,abstract\nA,B\n".encode("utf-16"), CSV, row=1)


@pytest.mark.parametrize(
    "line",
    [
        '{"title": "A"',
        "A pump",
        '["A", "B"]',
        '"A"',
        '{"titel": "A"}',
        '{"title": 3}',
        '{"title": "A", "id": true}',
        '{"title": "A", "id": "\\ud800"}',
        '{"title": "A", "abstract": ["B"]}',
        "[" * 100_000,
    ],
)
def test_a_broken_json_line_is_named_after_the_good_ones_are_read(tmp_path, line):
    path = tmp_path / "documents"
    path.write_text('{"title": "A"}\n' + line + '\n{"title": "C"}\n')
    documents = read_documents(str(path), JSON_LINES)
    assert next(documents) == Document("A", "")
    with raises(DataError, row=2, file=str(path)) as caught:
        next(documents)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("header", ["name,abstract", "title;abstract", "title,title,abstract"])
def test_a_csv_without_its_columns_names_the_one_and_those_that_it_has(refused, header):
    assert header.split(",")[0] in refused(header + "\nA,B\n", CSV, column="title")


@pytest.mark.parametrize(("rows", "row"), [("A,B\nA\n", 3), ("A,B,C\n", 2), ('A,"B\n', 2), ('A,"B"C\n', 2)])
def test_a_broken_row_of_a_csv(refused, rows, row):
    refused("title,abstract\n" + rows, CSV, row=row)


@pytest.mark.parametrize("file_format", [TEXT, JSON_LINES, CSV])
def test_a_huge_document_is_refused_without_being_kept(refused, file_format, monkeypatch):
    monkeypatch.setattr(readers, "MAX_BYTES", 1000)
    line = {TEXT: "word " * 300, JSON_LINES: '{"title": "' + "a" * 1000 + '"}', CSV: "title," + "a" * 1000}
    refused(line[file_format], file_format, row=1)


def test_a_huge_text_of_short_lines(refused, monkeypatch):
    monkeypatch.setattr(readers, "MAX_BYTES", 1000)
    refused("word\n" * 300, TEXT, row=201)


def test_a_huge_field_of_a_csv_over_short_lines(refused, monkeypatch):
    monkeypatch.setattr(readers, "MAX_BYTES", 1000)
    refused('title,abstract\nA,"' + "word\n" * 300, CSV)


@pytest.mark.parametrize("content", ["missing", "folder"])
def test_what_cannot_be_read(tmp_path, content):
    (tmp_path / "folder").mkdir()
    with raises(DataError, file=str(tmp_path / content)):
        list(read_documents(str(tmp_path / content), TEXT))


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"A pump\nwith a valve")))
    assert list(read_documents("-", TEXT)) == [Document("A pump", "with a valve")]


def test_the_format_is_that_of_the_extension():
    assert format_of("a/b.CSV") == CSV
    assert {format_of(name) for name in ("a.jsonl", "a.ndjson", "a.json")} == {JSON_LINES}
    assert {format_of(name) for name in ("a.txt", "a", "-")} == {TEXT}
    with raises(ConfigError, file="a.parquet"):
        format_of("a.parquet")
