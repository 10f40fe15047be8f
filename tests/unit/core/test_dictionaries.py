import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from patent_spark.core.dictionaries import encode_runs, with_values


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


@given(st.lists(st.sampled_from(["a", "b", "", None]), max_size=12), st.integers(0, 3))
def test_runs_are_the_same_texts(texts, start):
    runs = encode_runs(pa.array(texts, pa.string())[start:])
    assert (runs.to_pylist(), runs.null_count) == (texts[start:], texts[start:].count(None))


def test_a_run_has_one_entry():
    assert encode_runs(pa.array(["a", "a", "b", "b", "a"])).dictionary.to_pylist() == ["a", "b", "a"]
