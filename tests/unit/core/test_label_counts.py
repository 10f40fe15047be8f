import pyarrow as pa
import pyarrow.parquet as pq

from patent_spark.core.label_counts import label_counts


def write(path, keys, labels):
    pq.write_table(
        pa.table({"patent_key": pa.array(keys, pa.int64()), "label": pa.array(labels, pa.int32())}), path
    )


def test_labels_are_counted_over_files_without_padding(tmp_path):
    write(tmp_path / "a.parquet", [1, 2, 3, -1], [0, 2, 0, 0])
    write(tmp_path / "b.parquet", [4, -2], [2, 1])
    assert label_counts(tmp_path, 4).tolist() == [2, 0, 2, 0]


def test_interim_levels_are_counted_behind_the_labels(tmp_path):
    write(tmp_path / "a.parquet", [1, 2, 3], [1, 5, 5])
    assert label_counts(tmp_path, 4).tolist() == [0, 1, 0, 0, 0, 2]
