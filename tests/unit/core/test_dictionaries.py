import pyarrow as pa

from patent_spark.core.dictionaries import with_values


def test_other_values_stand_in_the_same_rows():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 2, None, 1, 2], pa.int32()), ["a", "b", "c"])
    renamed = with_values(column, pa.array(["x", None, "y"]))
    assert renamed.to_pylist() == ["x", "y", None, None, "y"]
    assert renamed.dictionary.to_pylist() == ["x", "y"]


def test_equal_values_become_one():
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 1], pa.int32()), ["A", "a"])
    renamed = with_values(column, pa.array(["a", "a"]))
    assert renamed.to_pylist() == ["a", "a", "a"]
    assert renamed.dictionary.to_pylist() == ["a"]
