import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patent_spark.core.patent_ids import patent_id, patent_ids, patent_keys


@given(st.lists(st.from_regex(r"\A[A-Z]{0,3}[0-9]{1,12}\Z"), max_size=20))
def test_every_id_comes_back_from_its_key(ids):
    assert [patent_id(key) for key in patent_keys(pa.array(ids, pa.string())).to_pylist()] == ids


@given(
    st.lists(
        st.none() | st.from_regex(r"\A[0-9]{1,12}\Z") | st.from_regex(r"\A[A-Z]{1,3}[0-9]{1,12}\Z"),
        max_size=20,
    )
)
def test_the_ids_of_keys_are_their_inverse(ids):
    assert patent_ids(patent_keys(pa.array(ids, pa.string()))).to_pylist() == ids


@given(st.lists(st.none() | st.text("0123456789/:D\0é", max_size=14), max_size=20), st.integers(0, 3))
def test_the_key_of_an_id_does_not_depend_on_where_it_stands(ids, start):
    """In a part of an array, too: its offsets do not begin at 0."""
    whole = patent_keys(pa.array(ids, pa.string()))
    assert whole[start:].equals(patent_keys(pa.array(ids, pa.string())[start:]))
    assert whole.to_pylist() == [patent_keys(pa.array([id_], pa.string()))[0].as_py() for id_ in ids]


def test_ids_of_keys():
    keys = [
        3930271,
        (4 * 12 + 0) * 10**12 + 345393,
        None,
        12 * 10**6,
        2 * 10**12 + 7,
    ]  # D is letter 4; two leading zeros
    assert patent_ids(pa.array(keys)).to_pylist() == ["3930271", "D345393", None, "12000000", "007"]
    assert patent_ids(pa.array([], pa.int64())).to_pylist() == []


def test_a_utility_patents_key_is_its_number():
    assert patent_keys(pa.array(["3930271", "12000000"])).to_pylist() == [3930271, 12000000]


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " 3930271",
        "3930271 ",
        "d345393",
        "D",
        "ABCD1",
        "12-3",
        "1234567890123",
        "2002/0123456",
        "\u0663",
        None,
    ],
)
def test_what_is_not_an_id_has_no_key(bad):
    assert patent_keys(pa.array(["1", bad, "D2"], pa.string()))[1].as_py() is None


def test_ids_that_differ_have_keys_that_differ():
    ids = ["1", "01", "001", "0", "00", "A1", "AA1", "B1", "A01", "Z9", "AZ9", "ZZZ999999999999", "D1", "RE1"]
    assert len(set(patent_keys(pa.array(ids)).to_pylist())) == len(ids)
