"""Patent ids as 64-bit integers and back: joins on them are twice as fast as on text.

An id is up to three capital letters and up to twelve digits: 3930271, D345393, RE32443, PP12345. Its key is

    (letters in base 27 * 12 + leading zeros) * 10**12 + number

so a utility patent's key is its number. Anything else has no key.
"""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

DIGITS = 12
_NUMBERS = 10**DIGITS
_PATTERN = rf"^(?P<letters>[A-Z]{{0,3}})(?P<digits>[0-9]{{1,{DIGITS}}})$"


def patent_keys(ids: pa.Array) -> pa.Array:
    """int64 keys of an array of ids; null where an id is null or has not a patent's form."""
    plain = pc.and_(pc.ascii_is_decimal(ids), pc.less_equal(pc.binary_length(ids), DIGITS))
    plain = pc.fill_null(pc.and_(plain, pc.invert(pc.starts_with(ids, "0"))), False)
    keys = pc.cast(pc.if_else(plain, ids, None), pa.int64())
    if pc.all(plain).as_py() in (True, None):
        return keys
    # The few ids with letters or leading zeros are worked out apart, and put back in their places.
    others = pc.invert(plain)
    return pc.replace_with_mask(keys, others, _general_keys(ids.filter(others)))


def patent_id(key: int) -> str:
    """The id of a key."""
    prefix, number = divmod(key, _NUMBERS)
    code, zeros = divmod(prefix, DIGITS)
    letters = ""
    while code:
        code, letter = divmod(code, 27)
        letters = chr(ord("A") + letter - 1) + letters
    return f"{letters}{'0' * zeros}{number}"


def _general_keys(ids: pa.Array) -> pa.Array:
    return pa.array([_key(value) for value in ids.to_pylist()], pa.int64())


def _key(value: str | None) -> int | None:
    match = re.match(_PATTERN, value or "")
    if match is None:
        return None
    code = 0
    for letter in match["letters"]:
        code = code * 27 + ord(letter) - ord("A") + 1
    digits = match["digits"]
    number = int(digits)
    key: int = (code * DIGITS + len(digits) - len(str(number))) * _NUMBERS + number
    return key
