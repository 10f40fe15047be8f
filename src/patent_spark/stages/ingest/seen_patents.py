"""The set of patents that a file has named so far, small enough to keep while the file streams by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from patent_spark.core.patent_ids import DIGITS

_DENSE_NUMBERS = 10**8


class SeenPatents:
    """A set of patent keys with one byte a number.

    Numbers of more than eight digits, which no real patent has, are kept in a Python set.
    """

    def __init__(self) -> None:
        self._marks: dict[int, npt.NDArray[np.bool_]] = {}
        self._large: set[int] = set()

    def repeated(self, keys: pa.Array) -> npt.NDArray[np.bool_]:
        """Bool for each key: it was seen in an earlier call or earlier in this one. Adds all keys."""
        values = keys.to_numpy()
        again = np.ones(len(values), bool)
        first = np.unique(values, return_index=True)[1]
        again[first] = self._add(values[first])
        return again

    def _add(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Add distinct keys; bool for each: it was in the set before."""
        seen = np.empty(len(keys), bool)
        series, numbers = np.divmod(keys, 10**DIGITS)
        for one in np.unique(series):
            dense = (series == one) & (numbers < _DENSE_NUMBERS)
            marks = self._marks_of(int(one), int(numbers[dense].max(initial=0)))
            seen[dense] = marks[numbers[dense]]
            marks[numbers[dense]] = True
        for place in np.flatnonzero(numbers >= _DENSE_NUMBERS):
            seen[place] = int(keys[place]) in self._large
            self._large.add(int(keys[place]))
        return seen

    def _marks_of(self, series: int, number: int) -> npt.NDArray[np.bool_]:
        """The marks of a series of numbers, long enough for `number`."""
        marks = self._marks.get(series, np.zeros(0, bool))
        if number >= len(marks):
            marks = np.concatenate([marks, np.zeros(number + 1 + number // 4 - len(marks), bool)])
            self._marks[series] = marks
        return marks
