"""Ids of all tables in one form, whichever way an export wrote them."""

import pyarrow as pa
import pytest

from patent_spark.core.id_spelling import DECIMAL, OTHER, PADDED, PREFIXED, SEPARATED, one_spelling

CASES = [
    ("03930271", "3930271", PADDED),
    ("D0345393", "D345393", PADDED),
    ("3,930,271", "3930271", SEPARATED),
    ("3 930 271", "3930271", SEPARATED),
    ("RE 32,443", "RE32443", SEPARATED),
    ("Des. 345,393", "D345393", SEPARATED),
    ("3930271.0", "3930271", DECIMAL),
    ("0003930271.00", "3930271", DECIMAL),
    ("US-3930271-B2", "3930271", PREFIXED),
    ("US3930271A", "3930271", PREFIXED),
    ("US D345393 S1", "D345393", PREFIXED),
    ("us-re32443-e1", "RE32443", PREFIXED),
    ("3930271A", "3930271", PREFIXED),
    ("d345393", "D345393", OTHER),
    (" 3930271 ", "3930271", OTHER),
    ("pp-12345", "PP12345", OTHER),
]
USUAL = ["3930271", "D345393", "RE32443", "PP12345", "H1", "T100001", "20030123456", None]
NO_IDS = [
    "",
    "0",
    "000",
    "abc",
    "2003/0123456",
    "3930271.5",
    "12,34",
    "WXYZ123",
    "US",
    "-",
    "pat17x",
    "EP1234567",
    "1234567Z",
]


@pytest.mark.parametrize(("written", "expected", "spelling"), CASES)
def test_each_spelling_becomes_the_usual_one(written, expected, spelling):
    ids, changed = one_spelling(pa.array([written]))
    assert (ids.to_pylist(), changed) == ([expected], {spelling: 1})
    assert one_spelling(ids)[1] == {}


def test_usual_ids_and_what_is_none_stay_as_they_are():
    ids, changed = one_spelling(pa.array(USUAL + NO_IDS))
    assert ids.to_pylist() == USUAL + NO_IDS
    assert changed == {}


def test_a_dictionary_gives_the_same_and_counts_rows():
    written = [case[0] for case in CASES] * 3 + USUAL + NO_IDS
    plain, changed = one_spelling(pa.array(written))
    encoded, again = one_spelling(pa.array(written).dictionary_encode())
    assert encoded.to_pylist() == plain.to_pylist()
    assert changed == again and changed[PADDED] == 6
    assert len(set(encoded.dictionary.to_pylist())) == len(encoded.dictionary)
    assert encoded.type == pa.dictionary(pa.int32(), pa.string())
