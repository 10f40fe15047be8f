"""Files that users bring: formats, columns, and what is wrong with them."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.config import ConfigError
from patent_spark.core.errors import DataError
from patent_spark.stages.score.file_formats import batches, file_set
from tests.support.errors import raises

COLUMNS = {"patent_id": "patent_id", "title": "title", "abstract": "abstract"}


def rows(place, columns=None, wanted="auto", delimiter=","):
    files = file_set(str(place), wanted, delimiter)
    return [
        row
        for path in files.files
        for batch in batches(files, path, columns or COLUMNS)
        for row in batch.to_pylist()
    ]


def test_csv_with_quotes_line_breaks_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "new.csv"
    path.write_bytes(
        b"\xef\xbb\xbf"
        + 'abstract,patent_id,title,x\n"A ""wheel"",\nround",08123456,Räder,1\n,D1,NA,\n'.encode()
    )
    assert rows(path) == [
        {"patent_id": "08123456", "title": "Räder", "abstract": 'A "wheel",\nround'},
        {"patent_id": "D1", "title": "NA", "abstract": ""},
    ]


def test_tabs_semicolons_and_gzip(tmp_path):
    (tmp_path / "a.tsv").write_text("patent_id\ttitle\tabstract\n1\tb\tc, d\n")
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress(b"patent_id\ttitle\tabstract\n2\te\tf\n"))
    assert [row["abstract"] for row in rows(tmp_path)] == ["c, d", "f"]
    (tmp_path / "c.csv").write_text("patent_id;title;abstract\n1;b;c, d\n")
    assert rows(tmp_path / "c.csv", delimiter=";")[0]["abstract"] == "c, d"


def test_parquet_in_subfolders_with_other_names_and_types(tmp_path):
    for part in (2, 1):
        folder = tmp_path / f"year={part}"
        folder.mkdir()
        table = pa.table(
            {
                "number": [part],
                "name": pa.array(["x"]).dictionary_encode(),
                "text": pa.array([None], pa.string()),
            }
        )
        pq.write_table(table, folder / "part-0.parquet")
        (folder / "_SUCCESS").touch()
        (folder / ".part-1.parquet").write_text("half written")
    found = rows(tmp_path, {"patent_id": "number", "title": "name", "abstract": "text"})
    assert found == [{"patent_id": str(part), "title": "x", "abstract": None} for part in (1, 2)]


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("id,title,abstract\n1,a,b\n")
    with raises(DataError, file=str(path), column="patent_id", setting="score.id_column") as caught:
        rows(path)
    assert "id, title, abstract" in str(caught.value)
    pq.write_table(pa.table({"patent_id": ["1"], "title": ["a"]}), tmp_path / "new.parquet")
    with raises(DataError, column="abstract", setting="score.abstract_column"):
        rows(tmp_path / "new.parquet")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"patent_id,title,abstract\n1,a\n",
        b"patent_id,title,abstract\n1,a,b,c\n",
        b"patent_id,title,abstract\n1,\xff\xfe,b\n",
        b"patent_id,title,abstract,title\n1,a,b,c\n",
    ],
    ids=["nothing", "too few", "too many", "not UTF-8", "twice the same column"],
)
def test_unusable_csv_is_bad_data(tmp_path, content):
    path = tmp_path / "new.csv"
    path.write_bytes(content)
    with raises(DataError, file=str(path)):
        rows(path)


def test_a_csv_file_that_cannot_be_read_names_the_separator(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("patent_id;title;abstract\n1;a, b;c\n")
    with raises(DataError, file=str(path), setting="score.delimiter"):
        rows(path)


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "new.parquet").write_text("patent_id,title,abstract\n")
    with raises(DataError, file=str(tmp_path / "new.parquet")):
        rows(tmp_path)


def test_a_column_that_is_no_text(tmp_path):
    pq.write_table(
        pa.table({"patent_id": ["1"], "title": [["a"]], "abstract": ["b"]}), tmp_path / "new.parquet"
    )
    with raises(DataError, file=str(tmp_path / "new.parquet")):
        rows(tmp_path)


def test_a_place_without_files(tmp_path):
    with raises(DataError, file=str(tmp_path / "gone"), setting="score.input"):
        file_set(str(tmp_path / "gone"), "auto", ",")
    with raises(DataError, file=str(tmp_path), setting="score.input"):
        file_set(str(tmp_path), "auto", ",")


def test_both_formats_in_a_folder_need_a_choice(tmp_path):
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.parquet").touch()
    with raises(ConfigError, setting="score.format"):
        file_set(str(tmp_path), "auto", ",")
    assert [path.name for path in file_set(str(tmp_path), "csv", ",").files] == ["a.csv"]


def test_an_unknown_ending_needs_a_format(tmp_path):
    path = tmp_path / "new.txt"
    path.write_text("patent_id,title,abstract\n1,a,b\n")
    with raises(ConfigError, setting="score.format"):
        file_set(str(path), "auto", ",")
    assert rows(path, wanted="csv")[0]["title"] == "a"
