"""Values as exports write them, brought to one form: words for nothing, codes, dates, flags, small numbers.

Columns with few distinct values are dictionary-encoded, so each value is looked at once a block.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.dictionaries import with_values

Columns = dict[str, pa.Array]

NULL_WORDS = frozenset(
    ("", "null", "(null)", "[null]", "<null>", r"\n", "nan", "nat", "na", "n/a", "#n/a", "<na>", "none",
     "nil", "-", "--")
)  # fmt: skip
"""Whole fields that stand for nothing, in any case: what databases, pandas and spreadsheets write."""
EXACT_NULL_WORDS = sorted(
    {each for word in NULL_WORDS for each in (word, word.upper(), word.capitalize())} | {"NaN", "NaT"}
)
"""The same in the usual cases, for the parser."""
_NULL_WORDS = pa.array(sorted(NULL_WORDS))
_LONGEST = max(map(len, NULL_WORDS)) + 2
"""Bytes of the longest field that can be such a word, with blanks around it."""
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]00:00:00(?:\.0+)?(?:Z|\+00:?00)?)?")
"""A day, or its midnight. Other orders of year, month and day could mean two days."""


def without_null_words(columns: Columns) -> Columns:
    """The columns with null in the place of words that stand for nothing; ids stay as they are."""
    return {
        name: column if name.endswith("_id") else _without_null_words(column)
        for name, column in columns.items()
    }


def without_nulls(texts: pa.StringArray) -> pa.StringArray:
    """The texts that are not null. They are not copied where nulls take no bytes, as is usual."""
    present = texts.is_valid().to_numpy(zero_copy_only=False)
    _, offsets, characters = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    starts, ends = bounds[:-1][present], bounds[1:][present]
    if not len(starts) or (starts[1:] != ends[:-1]).any():
        return texts.drop_null()
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(np.append(starts, ends[-1])), characters)


def code(column: pa.Array) -> pa.Array:
    """The words of a coded column in lower case with single blanks, such as cited by examiner."""
    return _replaced(column, lambda text: " ".join(re.split(r"[\s_-]+", text.lower())).strip(" ."))


def symbols(column: pa.Array) -> pa.Array:
    """CPC symbols without blanks around them."""
    return _replaced(column, str.strip)


def dates(values: pa.Array) -> pa.Array:
    """Days; null where a text is none."""
    return pa.array([_date(value.strip()) for value in values.to_pylist()], pa.date32())


def flags(values: pa.Array) -> pa.Array:
    """Bool of 0 and 1; null for others."""
    return pa.array([{"0": False, "1": True}.get(value.strip()) for value in values.to_pylist()], pa.bool_())


def whole_numbers(values: pa.Array) -> pa.Array:
    """int32 of at most nine digits, from 0; null where a text is none."""
    numbers = [int(text) if re.fullmatch("[0-9]{1,9}", text.strip()) else None for text in values.to_pylist()]
    return pa.array(numbers, pa.int32())


def _without_null_words(column: pa.Array) -> pa.Array:
    if isinstance(column, pa.DictionaryArray):
        dictionary = column.dictionary  # each access makes another object
        words = _without_null_words(dictionary)
        return column if words is dictionary else with_values(column, words)
    short = pc.fill_null(pc.less_equal(pc.binary_length(column), _LONGEST), False)
    if not pc.any(short).as_py():
        return column
    words = pc.utf8_lower(pc.utf8_trim_whitespace(column.filter(short)))
    nothing = pc.is_in(words, _NULL_WORDS)
    if not pc.any(nothing).as_py():
        return column
    return pc.replace_with_mask(column, short, pc.if_else(nothing, None, column.filter(short)))


def _replaced(column: pa.Array, function: Callable[[str], str]) -> pa.Array:
    """A dictionary-encoded column with a function of each distinct value; null where that is empty."""
    values = column.dictionary.to_pylist()
    words = [(None if value is None else function(value)) or None for value in values]
    return column if words == values else with_values(column, pa.array(words, pa.string()))


def _date(text: str) -> datetime.date | None:
    match = _DATE.fullmatch(text)
    try:
        return datetime.date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None
