"""Values as exports write them: words for nothing, codes, days."""

import datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patent_spark.stages.ingest.values import code, dates, without_null_words, without_nulls
from tests.support.abstract_files import HEADER, read, rows

WORDS = ["NULL", "null", "Null", r"\N", "NaN", "nan", "None", "NONE", "N/A", "n/a", "NA", "#N/A", "<NA>",
         "(null)", "[NULL]", "NaT", "nil", "-", "--", ""]  # fmt: skip
TEXTS = ["Null hypotheses", "none of them", "n", "-5", "a", "nano", r"\N of"]


@pytest.mark.parametrize("encoded", [False, True])
def test_words_for_nothing_are_null_if_they_are_the_whole_field(encoded):
    column = pa.array([*WORDS, *TEXTS, " NULL ", "NULL\u00a0", None])
    (read_,) = without_null_words({"title": column.dictionary_encode() if encoded else column}).values()
    assert read_.to_pylist() == [None] * len(WORDS) + TEXTS + [None] * 3


def test_ids_are_left_to_their_own_rules():
    """A word for nothing in the place of an id is shown to the user as it was written."""
    column = pa.array(["NULL", "4000001"])
    assert without_null_words({"patent_id": column})["patent_id"].equals(column)


@pytest.mark.parametrize("word", ["NULL", r"\N", "NaN", "None"])
def test_an_abstract_that_is_such_a_word_is_none(tmp_path, word):
    kept, rejected, _ = read(tmp_path, HEADER + rows("first", word, "third"))
    assert [text for _, text in kept] == ["first", None, "third"]
    assert rejected == []


def test_codes_are_compared_without_case_blanks_and_dashes():
    written = [
        "Cited By Examiner",
        " cited_by examiner",
        "CITED-BY  EXAMINER.",
        "cited\u00a0by examiner",
        None,
        " ",
    ]
    assert code(pa.array(written).dictionary_encode()).to_pylist() == ["cited by examiner"] * 4 + [None] * 2


def test_days_are_read_and_days_that_could_be_two_are_not():
    midnight = ["1976-01-27", " 1976-01-27 ", "1976-01-27 00:00:00", "1976-01-27T00:00:00.000Z",
                "1976-01-27T00:00:00+00:00"]  # fmt: skip
    others = [
        "1/27/1976",
        "01/02/1976",
        "27.01.1976",
        "19760127",
        "1976-1-27",
        "1976-01-27 12:00:00",
        "1976-02-30",
        "",
    ]
    read_ = dates(pa.array(midnight + others)).to_pylist()
    assert read_ == [datetime.date(1976, 1, 27)] * len(midnight) + [None] * len(others)


@given(st.lists(st.none() | st.text("ab", max_size=3), max_size=9), st.integers(0, 3))
def test_texts_without_nulls(texts, start):
    array = pa.array(texts, pa.string())[start:]
    assert without_nulls(array).to_pylist() == [text for text in texts[start:] if text is not None]


def test_a_null_that_has_bytes_is_left_out_as_well():
    valid = pa.py_buffer(b"\x05")  # the first and the third
    offsets = pa.py_buffer(np.array([0, 1, 2, 3], np.int32))
    texts = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"abc"), valid)
    assert without_nulls(texts).to_pylist() == ["a", "c"]
