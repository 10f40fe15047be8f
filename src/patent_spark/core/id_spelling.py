"""One spelling for each patent: the ids of every table are brought to PatentsView's form before anything is
joined.

Exports spell the same patent in many ways: 03930271, 3,930,271, 3930271.0, 3.930271e+06, US-3930271-A,
d345393, "RE 32,443". The form of PatentsView has up to three capital letters and digits without leading
zeros: 3930271, D345393, RE32443.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.dictionaries import with_values
from patent_spark.core.patent_ids import keys_of_any, keys_of_plain_numbers

PREFIXED, SCIENTIFIC, DECIMAL, SEPARATED, PADDED, OTHER = SPELLINGS = (
    "country prefix or kind code",
    "scientific notation",
    "trailing .0",
    "thousands separators",
    "leading zeros",
    "letter case, blanks or marks",
)
"""Spellings, as the data quality report names them; an id that has several counts as the first."""

_USUAL = r"^(?:[A-Z]{1,3})?[1-9][0-9]*$"
_MARKS = r"""^[\s'"=+\[({<]+|[\s'"\])}>]+$|[\x{200B}-\x{200F}\x{2060}\x{FEFF}]"""
"""What spreadsheets and lists put around an id, ="3930271", [3930271]; characters without a width."""
_SPELLING = (
    r"^(?:HTTPS?://\S*/)?(?:PATENTS?[\s./:_-]+)?(?P<country>U\.?S\.?(?:[\s./:_-]*PAT(?:ENT)?S?)?)?"
    r"[\s./:_-]*(?:NOS?\.?\s*|#\s*)?"
    r"(?P<letters>D|DES|RE|REI|PP|PLT|H|T|AI|X|RX)?\.?[\s-]*"
    r"(?P<digits>0*[0-9]{1,3}(?:[, '’_][0-9]{3})+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]+)(?P<decimal>[.,]0*)?"
    r"(?P<kind>[\s./_-]*[ABCEHPS][0-9]?)?(?:/EN)?$"
)
_LETTERS = {"DES": "D", "REI": "RE", "PLT": "PP"}
_SCIENTIFIC = re.compile(r"([0-9])(?:[.,]([0-9]*))?E\+?([0-9]{1,2})")


@dataclass(frozen=True)
class PatentIds:
    """The ids of a column in PatentsView's form."""

    ids: pa.Array
    """Text, dictionary-encoded if the column was; what is no patent's id stays as it is."""
    keys: pa.Array
    """int64, see patent_ids.py; null where an id is null or no patent's."""
    respelled: Counter[str] = field(default_factory=Counter)
    """Ids that were changed, by what was unusual about them."""


def read_ids(written: pa.Array) -> PatentIds:
    """The ids of a column, plain or dictionary-encoded; null stays null.

    An id is changed in one way only, whatever the table it stands in.
    """
    if not pa.types.is_dictionary(written.type):
        read = _read(written)
        return PatentIds(read.ids, read.keys, _counted(read.places))
    read = _read(written.dictionary)
    keys = read.keys.take(written.indices)
    if not len(read.places):
        return PatentIds(written, keys)
    rows = np.bincount(written.indices.drop_null().to_numpy(), minlength=len(read.ids))
    return PatentIds(with_values(written, read.ids), keys, _counted(read.places, rows[read.others]))


class _Read(NamedTuple):
    """Plain ids as they were read."""

    ids: pa.Array
    keys: pa.Array
    others: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    """Where the ids stand that are no plain numbers; none when all are usual."""
    places: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    """The place in SPELLINGS of each of them, -1 for a usual one."""


def _read(written: pa.Array) -> _Read:
    keys = keys_of_plain_numbers(written)
    if keys.null_count == written.null_count:
        return _Read(written, keys)
    # The few ids with letters or in another form take a slower path.
    others = pc.and_(keys.is_null(), written.is_valid())
    spelled, place = _spelled(written.filter(others))
    keys = pc.replace_with_mask(keys, others, keys_of_any(spelled))
    if not len(place):
        return _Read(written, keys)
    ids = pc.replace_with_mask(written, others, spelled)
    return _Read(ids, keys, np.flatnonzero(_mask(others)), place)


def _spelled(ids: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Ids in the usual form, and the place in SPELLINGS of each; no places when all are usual."""
    unusual = pc.invert(pc.match_substring_regex(ids, _USUAL))
    if not pc.any(unusual).as_py():
        return ids, np.zeros(0, np.int64)
    written = ids.filter(unusual)
    cleaned = pc.replace_substring_regex(pc.utf8_upper(pc.utf8_normalize(written, "NFKC")), _MARKS, "")
    cleaned, scientific = _without_exponents(cleaned)
    parts = pc.extract_regex(cleaned, _SPELLING)
    country, letters, digits, decimal, kind = (pc.struct_field(parts, [i]) for i in range(5))
    for long, short in _LETTERS.items():
        letters = pc.if_else(pc.equal(letters, long), short, letters)
    number = pc.ascii_ltrim(pc.replace_substring_regex(digits, "[^0-9]", ""), "0")
    known = _mask(pc.not_equal(number, ""))
    place = np.full(len(written), SPELLINGS.index(OTHER))
    for name, pattern in (
        (PADDED, pc.starts_with(digits, "0")),
        (SEPARATED, pc.match_substring_regex(digits, "[^0-9]")),
        (DECIMAL, pc.not_equal(decimal, "")),
        (SCIENTIFIC, scientific),
        (PREFIXED, pc.or_(pc.not_equal(country, ""), pc.not_equal(kind, ""))),
    ):
        place[_mask(pattern)] = SPELLINGS.index(name)
    places = np.full(len(ids), -1)
    places[_mask(unusual)] = np.where(known, place, -1)
    if not known.any():
        return ids, np.zeros(0, np.int64)
    one = pc.if_else(pa.array(known), pc.binary_join_element_wise(letters, number, ""), written)
    return pc.replace_with_mask(ids, unusual, one), places


def _without_exponents(ids: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Numbers such as 3.930271E+06 as whole ones, and where; those that have lost digits stay as they are."""
    marked = pc.match_substring_regex(ids, r"^[0-9](?:[.,][0-9]*)?E\+?[0-9]{1,2}$")
    marked = pc.and_(marked, pc.match_substring_regex(ids, "[.,+]"))  # 7E1 has a kind code
    if not pc.any(marked).as_py():
        return ids, marked
    whole = [_whole_number(text) for text in ids.filter(marked).to_pylist()]
    return pc.replace_with_mask(ids, marked, pa.array(whole, pa.string())), marked


def _whole_number(text: str) -> str:
    match = _SCIENTIFIC.fullmatch(text)
    if match is None:
        return text
    decimals, exponent = match[2] or "", int(match[3])
    complete = len(decimals) >= exponent and not decimals[exponent:].strip("0")
    return match[1] + decimals[:exponent] if complete else text


def _mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return mask


def _counted(places: npt.NDArray[np.int64], rows: npt.NDArray[np.int64] | None = None) -> Counter[str]:
    """Rows by spelling. rows: of each id, by default one."""
    spelled = places >= 0
    counts = np.bincount(
        places[spelled], weights=None if rows is None else rows[spelled], minlength=len(SPELLINGS)
    )
    return Counter({name: int(n) for name, n in zip(SPELLINGS, counts, strict=True) if n})
