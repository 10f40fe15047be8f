"""Ids of all tables in one form, whichever way an export wrote them."""

import pyarrow as pa
import pytest

from patent_spark.core.id_spelling import (
    DECIMAL,
    OTHER,
    PADDED,
    PREFIXED,
    SCIENTIFIC,
    SEPARATED,
    read_ids,
)
from patent_spark.core.patent_ids import patent_keys

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
    ("US/3,930,271", "3930271", PREFIXED),
    ("U.S. Pat. No. 3,930,271", "3930271", PREFIXED),
    ("US.D345393.S1", "D345393", PREFIXED),
    ("patent/US3930271B2/en", "3930271", PREFIXED),
    ("https://patents.google.com/patent/US3930271A/en", "3930271", PREFIXED),
    ("US:3930271", "3930271", PREFIXED),
    ("US_D345393_S1", "D345393", PREFIXED),
    ("3.930271e+06", "3930271", SCIENTIFIC),
    ("1.0345678E7", "10345678", SCIENTIFIC),
    ("3930271,0", "3930271", DECIMAL),
    ("3.930.271", "3930271", SEPARATED),
    ("3'930'271", "3930271", SEPARATED),
    ("3\u202f930\u00a0271", "3930271", SEPARATED),
    ("RE0032,443", "RE32443", SEPARATED),
    ("\u00a03930271\u200b", "3930271", OTHER),
    ("\ufeff3930271", "3930271", OTHER),
    ("\uff13930271", "3930271", OTHER),
    ("'3930271", "3930271", OTHER),
    ('="3930271"', "3930271", OTHER),
    ("[3930271]", "3930271", OTHER),
    ("No. 3930271", "3930271", OTHER),
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
    "https://patents.google.com/patent/EP1234567A1/en",
    "WO_2003_012345",
    "1234567Z",
    "3.93e+06",  # digits are lost
    "3.93027e+06",
    "pat17",
    "1.5",
]


@pytest.mark.parametrize(("written", "expected", "spelling"), CASES)
def test_each_spelling_becomes_the_usual_one(written, expected, spelling):
    found = read_ids(pa.array([written]))
    assert (found.ids.to_pylist(), found.respelled) == ([expected], {spelling: 1})
    assert found.keys.equals(patent_keys(pa.array([expected])))
    assert read_ids(found.ids).respelled == {}


def test_usual_ids_and_what_is_none_stay_as_they_are():
    found = read_ids(pa.array(USUAL + NO_IDS))
    assert found.ids.to_pylist() == USUAL + NO_IDS
    assert found.respelled == {}
    assert found.keys.equals(patent_keys(pa.array(USUAL + NO_IDS)))


def test_a_dictionary_gives_the_same_and_counts_rows():
    written = [case[0] for case in CASES] * 3 + USUAL + NO_IDS
    plain, encoded = read_ids(pa.array(written)), read_ids(pa.array(written).dictionary_encode())
    assert encoded.ids.to_pylist() == plain.ids.to_pylist()
    assert encoded.keys.equals(plain.keys)
    assert encoded.respelled == plain.respelled and plain.respelled[PADDED] == 6
    assert len(set(encoded.ids.dictionary.to_pylist())) == len(encoded.ids.dictionary)
    assert encoded.ids.type == pa.dictionary(pa.int32(), pa.string())
