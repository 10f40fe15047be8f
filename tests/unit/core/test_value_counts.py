import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from patent_spark.core.value_counts import value_counts

pytestmark = pytest.mark.engine


def counts_of(session, directory):
    frame = session.read.parquet(f"file://{directory}")
    return value_counts(frame, {"level": F.col("level"), "cited": F.col("citations") > 0})


def write(path, levels, citations):
    pq.write_table(
        pa.table({"level": pa.array(levels, pa.string()), "citations": pa.array(citations, pa.int64())}),
        path,
        row_group_size=2,
    )


def test_values_are_counted_over_row_groups_and_files(session, tmp_path):
    write(tmp_path / "part-0.parquet", ["top1", None, "top1", "zerocite", "top1"], [9, 0, 8, 0, 0])
    write(tmp_path / "part-1.parquet", ["top1", None, None], [1, 0, 3])
    write(tmp_path / "part-2.parquet", [], [])
    expected = {
        ("top1", True): 3,
        ("top1", False): 1,
        (None, False): 2,
        (None, True): 1,
        ("zerocite", False): 1,
    }
    assert counts_of(session, tmp_path) == expected


def test_a_table_without_rows_has_nothing_to_count(session, tmp_path):
    write(tmp_path / "part-0.parquet", [], [])
    assert counts_of(session, tmp_path) == {}
