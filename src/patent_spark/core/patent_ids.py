"""The forms of a patent id: as text, and as a 64-bit key. Joins on keys are twice as fast as joins on text.

An id is up to three capital letters and up to twelve digits: 3930271, D345393, RE32443, PP12345. Its key is

    (letters in base 27 * 12 + leading zeros) * 10**12 + number

so the key of a utility patent is its number. Anything else has no key. Other spellings of an id are brought
to this form in id_spelling.py.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DIGITS = 12
FIRST_LETTERED = 10**DIGITS
"""The keys of numbers without letters and leading zeros, which utility patents have, are smaller."""
FIRST_OF_1976 = 3_930_271
"""The first utility patent of 1976, where PatentsView begins."""
_NUMERALS = "0123456789"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def patent_keys(ids: pa.Array) -> pa.Array:
    """int64 keys of an array of ids, plain or dictionary-encoded; null where an id is null or malformed."""
    if pa.types.is_dictionary(ids.type):
        return patent_keys(ids.dictionary).take(ids.indices)
    keys = keys_of_plain_numbers(ids)
    if keys.null_count == ids.null_count:
        return keys
    # The few ids with letters or leading zeros take a slower path.
    others = pc.and_(keys.is_null(), ids.is_valid())
    return pc.replace_with_mask(keys, others, keys_of_any(ids.filter(others)))


def keys_of_plain_numbers(ids: pa.StringArray) -> pa.Array:
    """Keys of the ids that are digits without leading zeros, as nearly all are; null for others.

    Looks at the bytes of all ids at once, and copies none of them.
    """
    _, offsets, characters = ids.buffers()
    bounds = np.frombuffer(offsets or b"", np.int32)[ids.offset : ids.offset + len(ids) + 1]
    if not len(bounds) or bounds[0] == bounds[-1]:
        return pa.nulls(len(ids), pa.int64())
    digits = np.frombuffer(characters, np.uint8)[: bounds[-1]] - np.uint8(ord("0"))
    lengths = np.diff(bounds)
    plain = (lengths > 0) & (lengths <= DIGITS) & (digits[bounds[:-1].clip(max=len(digits) - 1)] > 0)
    no_digits = np.flatnonzero(digits[bounds[0] :] > 9) + bounds[0]
    plain[np.searchsorted(bounds, no_digits, side="right") - 1] = False
    if ids.null_count:
        plain &= ids.is_valid().to_numpy(zero_copy_only=False)
    valid = pa.py_buffer(np.packbits(plain, bitorder="little"))
    numbers = pa.StringArray.from_buffers(len(ids), pa.py_buffer(bounds), characters, valid)
    return pc.cast(numbers, pa.int64())


def compact_ids(ids: pa.Array) -> pa.Array:
    """Ids in capitals, without separators and leading zeros: "RE0038,999" becomes RE38999.

    RELATED_DOCUMENTS writes granted parents with padding, spaces and commas.
    """
    plain = pc.replace_substring_regex(pc.utf8_upper(ids), "[^A-Z0-9]+", "")
    return pc.replace_substring_regex(plain, "^([A-Z]*)0+", r"\1")


def patent_id(key: int) -> str:
    """The id of a key."""
    prefix, number = divmod(key, FIRST_LETTERED)
    code, zeros = divmod(prefix, DIGITS)
    letters = ""
    while code:
        code, letter = divmod(code, 27)
        letters = chr(ord("A") + letter - 1) + letters
    return f"{letters}{'0' * zeros}{number}"


def patent_ids(keys: pa.Array) -> pa.Array:
    """Ids of an array of keys; null where a key is null."""
    # The id of a utility patent, and nearly all are, is the number itself.
    ids = pc.cast(keys, pa.string())
    lettered = pc.greater_equal(keys, FIRST_LETTERED)
    if not pc.any(lettered).as_py():
        return ids
    others = pa.array([patent_id(key) for key in keys.filter(lettered).to_pylist()], pa.string())
    return pc.replace_with_mask(ids, lettered, others)


def keys_of_any(ids: pa.Array) -> pa.Array:
    """Keys of ids that need not be plain numbers; slower."""
    letters = pc.ascii_rtrim(ids, _NUMERALS).dictionary_encode()
    codes_of_letters = pa.array([_letter_code(value) for value in letters.dictionary.to_pylist()], pa.int64())
    codes = codes_of_letters.take(letters.indices)
    digits = pc.ascii_ltrim(ids, _CAPITALS)
    length = pc.binary_length(digits)
    formed = pc.and_(pc.ascii_is_decimal(digits), pc.less_equal(length, DIGITS))
    without_zeros = pc.ascii_ltrim(pc.utf8_slice_codeunits(digits, 0, -1), "0")
    zeros = pc.subtract(pc.subtract(length, 1), pc.binary_length(without_zeros))
    numbers = pc.cast(pc.if_else(formed, digits, None), pa.int64())
    prefix = pc.add(pc.multiply(codes, DIGITS), pc.cast(zeros, pa.int64()))
    return pc.add(pc.multiply(prefix, FIRST_LETTERED), numbers)


def _letter_code(letters: str) -> int | None:
    if len(letters) > 3 or any(letter not in _CAPITALS for letter in letters):
        return None
    code = 0
    for letter in letters:
        code = code * 27 + ord(letter) - ord("A") + 1
    return code
