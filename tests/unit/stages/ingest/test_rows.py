"""The parser's blocks: every row is delivered or named, with its own number, wherever the blocks are cut."""

import random

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.core.store import arrow_schema
from patent_spark.stages.ingest import writers
from patent_spark.stages.ingest.file_formats import CURRENT
from patent_spark.stages.ingest.tsv import Reject, read_blocks
from patent_spark.stages.ingest.writers import RejectWriter, TableWriter
from patent_spark.stages.ingest.zip_reader import open_member
from tests.support.releases import tsv, write_zip

PATENTS = next(format_ for format_ in CURRENT if format_.table == "PATENTS")


def read(folder, rows, block_bytes):
    path = write_zip(folder, "g_patent", tsv("g_patent", rows))
    with open_member(path) as member:
        return list(read_blocks(member, PATENTS, block_bytes))


@pytest.mark.parametrize("block_bytes", [400, 3000, 1 << 20])
@pytest.mark.parametrize("broken_share", [0.0, 0.2, 0.95])
def test_each_row_has_its_own_number(tmp_path, block_bytes, broken_share):
    chance = random.Random(7)
    expected_good, expected_bad, rows = [], [], []
    for number in range(2, 402):  # a row's id is its number, so that what comes out can be told by itself
        if chance.random() < broken_share:
            rows.append(f'"{number}"\t"utility"' if number % 2 else f'"{number}"' + "\t0" * 8)
            expected_bad.append((number, "too few fields" if number % 2 else "too many fields"))
        else:
            title = 'two\n"quoted"\tlines' if number % 3 == 0 else "one"
            rows.append({"patent_id": number, "patent_title": title})
            expected_good.append((number, str(number), title))
        if number % 50 == 0:
            rows.append("")  # a blank line is no row
    blocks = read(tmp_path, rows, block_bytes)
    good = [
        row
        for block in blocks
        for row in zip(
            block.row_numbers(np.arange(block.rows)),
            block.columns["patent_id"].to_pylist(),
            block.columns["title"].to_pylist(),
            strict=True,
        )
    ]
    bad = [(reject.row, reject.reason) for block in blocks for reject in block.malformed]
    assert good == expected_good
    assert bad == expected_bad
    assert len(blocks) > 2 or block_bytes > 3000 or broken_share > 0.9


def test_content_shows_the_rows_beginning(tmp_path):
    rows = [
        '"2"\t"utility"',
        {
            "patent_id": "3",
            "patent_type": "design",
            "patent_date": "2001-01-02",
            "patent_title": 'a "b"\n' + "x" * 300,
        },
    ]
    (block,) = read(tmp_path, rows, 1 << 20)
    assert [reject.content for reject in block.malformed] == ['"2"\t"utility"']
    assert block.content(0) == ('"3"\t"design"\t"2001-01-02"\t"a ""b""\n' + "x" * 300)[:200]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    content = b"\xef\xbb\xbf" + tsv("g_patent", [{"patent_id": "5", "patent_title": "t"}]).replace(
        b"\n", b"\r\n"
    )
    with open_member(write_zip(tmp_path, "g_patent", content)) as member:
        (block,) = read_blocks(member, PATENTS, 1 << 20)
    assert block.columns["patent_id"].to_pylist() == ["5"]
    assert block.columns["title"].to_pylist() == ["t"]


def test_a_table_file_reads_as_its_schema_promises(tmp_path):
    """Dictionary columns and several row groups leave no trace in what a reader sees."""
    columns = {
        "citing_key": pa.array([1, 2]),
        "cited_key": pa.array([3, None], pa.int64()),
        "patent_id": pa.array(["1", "2"]).dictionary_encode(),
        "citation_patent_id": pa.array(["3", None]),
        "citation_category": pa.array(["a", None]).dictionary_encode(),
        "may_repeat": pa.array([False, True]),
    }
    other = columns | {"citation_category": pa.array(["b", "a"]).dictionary_encode()}
    with TableWriter(tmp_path, "part", "CITATIONS", ("patent_id", "citation_category")) as writer:
        for each in (columns, other):
            writer.write(each)
    table = pa.parquet.read_table(tmp_path)
    assert table.schema.equals(arrow_schema("CITATIONS"))
    assert table["citation_category"].to_pylist() == ["a", None, "b", "a"]
    assert table["cited_key"].to_pylist() == [3, None, 3, None]


def test_row_groups_go_to_the_files_of_a_table_in_turn(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "_GROUP_ROWS", 2)
    with TableWriter(tmp_path, "part-0", "CPC", ()) as writer:
        for keys in ([1, 2], [3, 4, 5], [6], [7], [8]):
            others = {field.name: pa.nulls(len(keys), field.type) for field in arrow_schema("CPC")}
            writer.write(others | {"patent_key": pa.array(keys, pa.int64())})
    actual = {path.name: pa.parquet.read_table(path)["patent_key"].to_pylist() for path in tmp_path.iterdir()}
    assert actual == {"part-0-0.parquet": [1, 2, 6, 7], "part-0-1.parquet": [3, 4, 5, 8]}
    with TableWriter(tmp_path / "none", "part-0", "CPC", ()) as writer:
        (tmp_path / "none").mkdir()
    assert pa.parquet.read_table(tmp_path / "none").num_rows == 0


def test_rejects_are_written_in_the_files_order_and_counted(tmp_path):
    with RejectWriter(tmp_path / "r.parquet", "CPC", "g_cpc_current.tsv.zip") as writer:
        writer.write([Reject(9, "b", "nine"), Reject(4, "a", "four"), Reject(6, "b", "six")])
    assert writer.reasons == {"b": 2, "a": 1}
    assert pa.parquet.read_table(tmp_path / "r.parquet").to_pylist() == [
        {"table": "CPC", "file": "g_cpc_current.tsv.zip", "row": row, "reason": reason, "content": content}
        for row, reason, content in [(4, "a", "four"), (6, "b", "six"), (9, "b", "nine")]
    ]
