"""One spelling for each patent: the ids of every table are brought to PatentsView's form before anything is
joined.

Exports spell the same patent in many ways: 03930271, 3,930,271, 3930271.0, US-3930271-A, d345393, "RE
32,443". The form of PatentsView has up to three capital letters and digits without leading zeros: 3930271,
D345393, RE32443.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

PREFIXED, DECIMAL, SEPARATED, PADDED, OTHER = SPELLINGS = (
    "country prefix or kind code",
    "trailing .0",
    "thousands separators",
    "leading zeros",
    "letter case or blanks",
)
"""Spellings, as the data quality report names them; an id that has several counts as the first."""

_USUAL = r"^(?:[A-Z]{1,3})?[1-9][0-9]*$"
_SPELLING = (
    r"^\s*(?P<country>US)?[\s-]*(?P<letters>D|DES|RE|REI|PP|PLT|H|T|AI|X|RX)?\.?[\s-]*"
    r"(?P<digits>[0-9]{1,3}(?:[, ][0-9]{3})+|[0-9]+)(?P<decimal>\.0*)?"
    r"(?P<kind>[\s-]*[ABCEHPS][0-9]?)?\s*$"
)
_LETTERS = {"DES": "D", "REI": "RE", "PLT": "PP"}


def one_spelling(ids: pa.Array) -> tuple[pa.Array, Counter[str]]:
    """The ids in PatentsView's form, and how many were changed, by what was unusual about them.

    ids: text, plain or dictionary-encoded; null stays null, and what is no patent's id stays as it is. An id
    is changed in one way only, whatever the table it stands in.
    """
    if not pa.types.is_dictionary(ids.type):
        spelled, spelling = _spelled(ids)
        return spelled, _counted(spelling, np.ones(len(ids), np.int64))
    values, spelling = _spelled(ids.dictionary)
    if not len(spelling):
        return ids, Counter()
    rows = np.bincount(ids.indices.drop_null().to_numpy(), minlength=len(values))
    # Two values can have become one, so the dictionary is made anew.
    return values.take(ids.indices).dictionary_encode(), _counted(spelling, rows)


def _spelled(ids: pa.Array) -> tuple[pa.Array, npt.NDArray[np.int64]]:
    """Ids in the usual form, and the place in SPELLINGS of each, -1 for a usual one; no places when all
    are usual."""
    plain = pc.and_(pc.ascii_is_decimal(ids), pc.invert(pc.starts_with(ids, "0")))
    unusual = pc.and_(pc.invert(plain), pc.invert(pc.match_substring_regex(ids, _USUAL)))
    unusual = pc.fill_null(unusual, False)
    if not pc.any(unusual).as_py():
        return ids, np.zeros(0, np.int64)
    written = ids.filter(unusual)
    parts = pc.extract_regex(pc.ascii_upper(written), _SPELLING)
    country, letters, digits, decimal, kind = (pc.struct_field(parts, [i]) for i in range(5))
    for long, short in _LETTERS.items():
        letters = pc.if_else(pc.equal(letters, long), short, letters)
    number = pc.ascii_ltrim(pc.replace_substring_regex(digits, "[, ]", ""), "0")
    known = _mask(pc.not_equal(number, ""))
    place = np.full(len(written), SPELLINGS.index(OTHER))
    for name, pattern in (
        (PADDED, pc.starts_with(digits, "0")),
        (SEPARATED, pc.match_substring_regex(digits, "[, ]")),
        (DECIMAL, pc.not_equal(decimal, "")),
        (PREFIXED, pc.or_(pc.not_equal(country, ""), pc.not_equal(kind, ""))),
    ):
        place[_mask(pattern)] = SPELLINGS.index(name)
    places = np.full(len(ids), -1)
    places[_mask(unusual)] = np.where(known, place, -1)
    one = pc.if_else(pa.array(known), pc.binary_join_element_wise(letters, number, ""), written)
    return pc.replace_with_mask(ids, unusual, one), places


def _mask(values: pa.Array) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.fill_null(values, False).to_numpy(zero_copy_only=False)
    return mask


def _counted(places: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> Counter[str]:
    """Rows by spelling."""
    if not len(places):
        return Counter()
    return Counter({name: int(n) for i, name in enumerate(SPELLINGS) if (n := rows[places == i].sum())})
