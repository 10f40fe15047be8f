"""What makes a row of each table usable, and what becomes of its columns: block by block, whole columns at a time.

A row is judged by the first rule that it breaks. The reasons are the same words for all rows of a kind.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.core.patent_ids import DIGITS, patent_keys

Columns = dict[str, pa.Array]

FIRST_GRANT = datetime.date(1790, 7, 31)
"""The first US patent's grant date."""

_FAR = 10**8
_GRANT = "parent-grant"


@dataclass
class Judged:
    """The columns of a block as our tables have them, and which rows cannot be used and why."""

    rows: int
    columns: Columns = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    broken: np.ndarray | None = None
    """For each row the place of its reason in `reasons`, or -1; None as long as every row is good."""

    def reject(self, reason: str, mask: pa.Array | np.ndarray) -> None:
        """Reject the rows where the mask is true and that no earlier rule has rejected."""
        where = (
            mask if isinstance(mask, np.ndarray) else pc.fill_null(mask, False).to_numpy(zero_copy_only=False)
        )
        if not where.any():
            return
        if self.broken is None:
            self.broken = np.full(self.rows, -1, np.int16)
        self.broken[where & (self.broken < 0)] = len(self.reasons)
        self.reasons.append(reason)

    def good(self) -> Columns:
        """The columns of the usable rows."""
        if self.broken is None:
            return self.columns
        keep = pa.array(self.broken < 0)
        return {name: column.filter(keep) for name, column in self.columns.items()}


Rule = Callable[[Columns], Judged]


def judge_patents(columns: Columns, latest: datetime.date) -> Judged:
    """One row per patent: an id, and a grant date that is a real day from the first US patent to `latest`."""
    judged = _judge_key(columns, "patent_key", "patent_id")
    judged.reject("empty grant date", pc.is_null(columns["grant_date"]))
    dates = _each_value(columns["grant_date"], _dates)
    judged.reject("unknown date", pc.is_null(dates))
    outside = pc.or_(pc.less(dates, pa.scalar(FIRST_GRANT)), pc.greater(dates, pa.scalar(latest)))
    judged.reject(f"grant date outside {FIRST_GRANT}..{latest}", outside)
    withdrawn = _each_value(columns["withdrawn"], lambda values: pc.equal(values, "1"))
    known = _each_value(columns["withdrawn"], lambda values: pc.is_in(values, pa.array(["0", "1"])))
    judged.reject("withdrawn is not 0 or 1", pc.invert(known))
    judged.columns |= {"grant_date": dates, "withdrawn": pc.fill_null(withdrawn, False)}
    return judged


def judge_abstracts(columns: Columns) -> Judged:
    """One row per patent; an empty abstract is no fault (design patents have none)."""
    return _judge_key(columns, "patent_key", "patent_id")


def judge_citations(columns: Columns) -> Judged:
    """One row per citation; only the citing side must be a patent: many cited ids are not in PATENTS, some are malformed."""
    judged = _judge_key(columns, "citing_key", "patent_id")
    judged.columns["cited_key"] = patent_keys(columns["citation_patent_id"])
    return judged


def judge_classes(columns: Columns) -> Judged:
    """One row per classification: a patent, a sequence from 0 and a class of a letter and two digits."""
    judged = _judge_key(columns, "patent_key", "patent_id")
    judged.reject("empty cpc_sequence", pc.is_null(columns["cpc_sequence"]))
    sequences = _each_value(columns["cpc_sequence"], _small_numbers)
    judged.reject("cpc_sequence is not a whole number from 0", pc.is_null(sequences))
    judged.reject("empty cpc_class", pc.is_null(columns["cpc_class"]))
    formed = _each_value(
        columns["cpc_class"], lambda values: pc.match_substring_regex(values, "^[A-Z][0-9]{2}$")
    )
    judged.reject("cpc_class is not a letter and two digits", pc.invert(formed))
    judged.columns["cpc_sequence"] = sequences
    return judged


def judge_claims(columns: Columns) -> Judged:
    """One row per claim: a patent and a sequence; an empty text is no fault (some files have them)."""
    judged = _judge_key(columns, "patent_key", "patent_id")
    sequences = _each_value(columns["claim_sequence"], _small_numbers)
    judged.reject("claim_sequence is not a whole number from 0", pc.is_null(sequences))
    judged.columns["claim_sequence"] = sequences
    return judged


def judge_relatives(columns: Columns) -> Judged:
    """One row per related document; only the patent must be one: a row without number or type is no fault, and relates nobody.

    The files of forty years spell types and kinds in several ways: continuation_in_part and continuation-in-part, parent_doc,
    parent-doc and parent document. A granted parent's number can be padded with zeros or have spaces and commas in it.
    """
    judged = _judge_key(columns, "patent_key", "patent_id")
    kinds = _each_value(
        columns["related_kind"],
        lambda values: pa.array([_kind(value) for value in values.to_pylist()], pa.string()),
    )
    relations = _each_value(
        columns["relation"],
        lambda values: pa.array([_hyphened(value) for value in values.to_pylist()], pa.string()),
    )
    granted = pc.if_else(pc.fill_null(pc.equal(kinds, _GRANT), False), columns["related_number"], None)
    plain = pc.replace_substring_regex(pc.utf8_upper(granted), "[^A-Z0-9]+", "")
    judged.columns |= {
        "related_key": patent_keys(pc.replace_substring_regex(plain, "^([A-Z]*)0+", r"\1")),
        "relation": relations.dictionary_encode(),
        "related_kind": kinds.dictionary_encode(),
    }
    return judged


def _judge_key(columns: Columns, key: str, id_: str) -> Judged:
    ids = columns[id_]
    keys = patent_keys(ids)
    judged = Judged(len(ids), columns | {key: keys})
    if keys.null_count:
        judged.reject(f"empty {id_}", pc.is_null(ids))
        judged.reject(f"{id_} has not a patent's form", pc.is_null(keys))
    return judged


def _each_value(column: pa.Array, function: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """A function of a dictionary-encoded column, worked out once for each distinct value; null stays null."""
    return function(column.dictionary).take(column.indices)


def _dates(values: pa.Array) -> pa.Array:
    return pa.array([_date(value) for value in values.to_pylist()], pa.date32())


def _date(text: str) -> datetime.date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None


def _kind(text: str) -> str | None:
    return _hyphened(text.lower().removesuffix("document").removesuffix("doc"))


def _hyphened(text: str) -> str | None:
    words = "-".join(re.findall("[a-z]+", text.lower()))
    return None if words in ("", "null") else words


def _small_numbers(values: pa.Array) -> pa.Array:
    plain = pc.match_substring_regex(values, f"^[0-9]{{1,{len(str(2**31)) - 1}}}$")
    return pc.cast(pc.if_else(plain, values, None), pa.int32())


class Seen:
    """The patents met so far, one byte each; the few numbers of more than eight digits, which no real patent has, stand in a set."""

    def __init__(self) -> None:
        self._marks: dict[int, np.ndarray] = {}
        self._far: set[int] = set()

    def repeated(self, keys: pa.Array) -> np.ndarray:
        """Whether each key was met before, in an earlier call or earlier in this one; all of them are met from now on."""
        values = keys.to_numpy()
        again = np.ones(len(values), bool)
        first = np.unique(values, return_index=True)[1]
        again[first] = self._met(values[first])
        return again

    def _met(self, keys: np.ndarray) -> np.ndarray:
        """Mark keys that are all different; tells which of them had a mark."""
        met = np.empty(len(keys), bool)
        series, numbers = np.divmod(keys, 10**DIGITS)
        for one in np.unique(series):
            near = (series == one) & (numbers < _FAR)
            marks = self._room(int(one), int(numbers[near].max(initial=0)))
            met[near] = marks[numbers[near]]
            marks[numbers[near]] = True
        for place in np.flatnonzero(numbers >= _FAR):
            met[place] = int(keys[place]) in self._far
            self._far.add(int(keys[place]))
        return met

    def _room(self, series: int, number: int) -> np.ndarray:
        marks = self._marks.get(series, np.zeros(0, bool))
        if number >= len(marks):
            marks = np.concatenate([marks, np.zeros(number + 1 + number // 4 - len(marks), bool)])
            self._marks[series] = marks
        return marks
