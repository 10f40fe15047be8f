"""The rows of a release's tables, for some patents or citations at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.arrays import Hashes, Ints
from patent_spark.stages.simulate.calibration import OLD_NUMBER_YEARS, OLD_NUMBERS
from patent_spark.stages.simulate.citation_keys import MALFORMED, OLD, split
from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.grant_years import FIRST_YEAR
from patent_spark.stages.simulate.hashing import hashes, integers, ragged, successive, uniform, uniforms
from patent_spark.stages.simulate.population import DESIGN, PREFIXES, TYPE_NAMES, Patents, Population
from patent_spark.stages.simulate.tsv import Columns

SUBCLASSES, GROUPS = 4, 12
"""Subclasses of each class, and groups of each subclass."""
_FIRST_MONTH = 1836 * 12
_SERIES_YEARS, _SERIES = (1978, 1979, 1987, 1993, 1998, 2001, 2004, 2025), (5, 6, 7, 8, 9, 10, 11, 18)
"""Series codes of applications by grant year, linear between the given years."""
_DESIGN_SERIES = 29
_NAMES = (
    "Abbot Baird Carrow Dunmore Ekberg Farley Grell Hollis Ibsen Jarvis Kessel Lund Mercer Nakano Ostrow "
    "Pruitt Quill Rosen Sakai Tilden Ulman Varga Wexler Xiong Yates Zeller"
)
_KINDS = ("A", "S", "P", "E", "T", "H", "B1", "B2", "S1", "P2", "E1")
_CATEGORIES = (
    "", "cited by examiner", "cited by other", "cited by applicant", "cited by third party",
    "cited by related application",
)  # fmt: skip
_EXAMINER_SHARE = (0.40, 0.25)
"""Share of citations by examiners from 2002 to 2012, and after (PatentsView in all: 31.4 of 129 million)."""


class Tables:
    """Makes rows about the patents of a population, as columns by field."""

    def __init__(self, population: Population) -> None:
        self._population, self._seed = population, population.seed
        days = population.calendar.days
        self._days = pa.array(np.datetime_as_string(days).tolist())
        self._files = pa.array([f"ipg{str(day)[2:4]}{str(day)[5:7]}{str(day)[8:]}.xml" for day in days])
        months = [f"{month // 12}-{month % 12 + 1:02}-01" for month in range(_FIRST_MONTH, 2040 * 12)]
        self._months = pa.array(months)
        self._names = [name + more for name in _NAMES.split() for more in ("", " et al.")]
        self._month = days.astype("datetime64[M]").astype(int) + 1970 * 12 - _FIRST_MONTH

    def ids(self, index: Ints) -> pa.Array:
        """Patent ids."""
        return _ids(*self._population.numbered(index))

    def patents(self, patents: Patents, ids: pa.Array, titles: pa.Array) -> Columns:
        """Rows of g_patent."""
        draws = hashes(self._seed, "details", patents.index)
        claims = 1 + integers(successive(draws, 0), 0, 30)
        return {
            "id": ids,
            "type": _chosen(TYPE_NAMES, patents.kind),
            "date": self._days.take(pa.array(patents.week)),
            "title": titles,
            "kind": _chosen(_KINDS, _kind_codes(patents.kind, patents.year, draws)),
            "claims": pa.array(np.where(patents.kind == DESIGN, 1, claims)),
            "withdrawn": pa.array(patents.withdrawn.astype(np.int8)),
            "filename": self._files.take(pa.array(patents.week)),
        }

    def applications(self, patents: Patents, ids: pa.Array) -> Columns:
        """Rows of g_application. Patents are filed one to four years before the grant."""
        draws = hashes(self._seed, "application", patents.index)
        filed = self._population.calendar.days[patents.week] - 365 - integers(draws, 0, 1100)
        years = patents.year + FIRST_YEAR
        by_year = np.interp(years, _SERIES_YEARS, _SERIES)
        series = np.where(patents.kind == DESIGN, _DESIGN_SERIES, by_year)
        number = pc.cast(pa.array(100_000 + integers(successive(draws, 0), 0, 899_999)), pa.string())
        code = _chosen([f"{k:02}" for k in range(30)], series.astype(np.int64))
        return {
            "application_id": pc.binary_join_element_wise(code, number, "/"),
            "id": ids,
            "series": code,
            "date": pc.cast(pa.array(filed), pa.string()),
            "rule_47": pa.array(np.zeros(len(filed), np.int8)),
        }

    def cpc(self, patents: Patents, ids: pa.Array) -> Columns:
        """Rows of g_cpc_current, about seven for each patent that has a class.

        Inventional rows usually come first. Sequences have gaps, some rows occur twice, and a few patents
        have no inventional row. The class of a patent is that of its first inventional row or else of its
        first row.
        """
        keep = np.flatnonzero(patents.has_cpc)
        base = hashes(self._seed, "cpc", patents.index[keep])
        value = uniform(successive(base, 0))
        rows = np.minimum(1 + np.floor(-5.3 * np.log1p(-value)).astype(np.int64), 60)
        owner, step = ragged(rows)
        flags = uniform(successive(base, 1))
        # An additional row comes before the first inventional one.
        preceded = (flags < 0.03) & (rows > 1)
        only_additional = flags > 0.995
        inventional = 1 + (uniform(successive(base, 2)) * rows * 0.6).astype(np.int64)
        place = step - preceded[owner]
        kind = ((place >= 0) & (place < inventional[owner]) & ~only_additional[owner]).astype(np.int64)
        draws = successive(base[owner], step + 10)
        main = place == 0
        main |= only_additional[owner] & (step == 0)
        same = main | ((uniform(draws) < 0.6) & (place >= 0))
        other = self._population.draw_class(uniform(successive(draws, 0)))
        cpc = np.where(same, patents.cpc[keep][owner], other)
        group = cpc * SUBCLASSES * GROUPS + integers(successive(draws, 1), 0, SUBCLASSES * GROUPS)
        # The sequence skips a number here; in one of twelve patents it is the first.
        gap = integers(successive(base, 3), 0, 12)
        sequence = step + (step >= gap[owner])
        again = np.repeat(np.arange(len(owner)), 1 + (uniform(successive(draws, 2)) < 0.001))
        take = pa.array(group[again])
        return {
            "id": ids.take(pa.array(keep)).take(pa.array(owner[again])),
            "sequence": pa.array(sequence[again].astype(np.int32)),
            **{field: array.take(take) for field, array in self._groups.items()},
            "cpc_type": _chosen(("additional", "inventional"), kind[again]),
        }

    @cached_property
    def _groups(self) -> Columns:
        columns = self.cpc_titles()
        return {field: columns[field] for field in ("section", "class", "subclass", "group")}

    def cpc_titles(self) -> Columns:
        """Rows of g_cpc_title, one per group."""
        rows = []
        for place in self._population.classes:
            code, _, title = CLASSES[place]
            for letter in "BCDFGHJKLMN"[place % 3 : place % 3 + SUBCLASSES]:
                subclass = code + letter
                for number in range(1, 2 * GROUPS, 2):
                    group = (f"{subclass}{number}/{place % 7 * 2:02}", f"{title}, {letter}{number}")
                    rows.append((subclass, f"{title}, part {letter}", *group, code, title))
        fields = ("subclass", "subclass_title", "group", "group_title", "class", "class_title")
        values = zip(*rows, strict=True)
        columns = {field: pa.array(column) for field, column in zip(fields, values, strict=True)}
        return columns | {"section": pc.utf8_slice_codeunits(columns["class"], 0, 1)}

    def citations(self, keys: Hashes) -> Columns:
        """Rows of g_us_patent_citation in the order of the keys.

        The date is that of the cited patent, with its day set to 01.
        """
        citing, cited = split(keys)
        starts = np.flatnonzero(np.diff(citing, prepend=-1))
        owner, sequence = ragged(np.diff(np.append(starts, len(citing))))
        known = cited < OLD
        index = np.where(known, cited, 0)
        kind, number = self._population.numbered(index)
        week = self._population.calendar.week(index)
        old_number = cited & ~MALFORMED
        month = np.where(known, self._month[week], _old_months(old_number))
        year = np.where(known, self._population.calendar.year[week], 0)
        draws = hashes(self._seed, "cited", cited)
        cited_ids = _ids(np.where(known, kind, 0), np.where(known, number, old_number))
        malformed = cited >= MALFORMED
        if malformed.any():
            replacements = _malformed(old_number[malformed])
            cited_ids = pc.replace_with_mask(cited_ids, pa.array(malformed), replacements)
        return {
            "id": self.ids(citing[starts]).take(pa.array(owner)),
            "sequence": pa.array(sequence.astype(np.int32)),
            "cited_id": cited_ids,
            "cited_date": self._months.take(pa.array(month)),
            "name": _chosen(self._names, integers(draws, 0, len(self._names))),
            "kind": _chosen(_KINDS, _kind_codes(np.where(known, kind, 0), year, draws)),
            "category": _chosen(_CATEGORIES, self._categories(citing, keys)),
        }

    def _categories(self, citing: Ints, keys: Hashes) -> Ints:
        """Indices of _CATEGORIES.

        Blank up to 2001, examiner or other from 2002 to 2012, then examiner or applicant and a few third
        parties.
        """
        starts = self._population.calendar.year_starts
        value = uniforms(self._seed, "category", keys)
        late = citing >= starts[2013 - FIRST_YEAR]
        by_examiner = value < np.where(late, _EXAMINER_SHARE[1], _EXAMINER_SHARE[0])
        category = np.where(by_examiner, 1, np.where(late, 3, 2))
        category = np.where(late & (value > 0.9995), 5, np.where(late & (value > 0.9994), 4, category))
        return np.where(citing < starts[2002 - FIRST_YEAR], 0, category)


def _ids(kind: Ints, number: Ints) -> pa.Array:
    digits = pc.cast(pa.array(number), pa.string())
    lettered = kind > 0
    if not lettered.any():
        return digits
    prefixes = _chosen(PREFIXES, kind[lettered])
    with_prefix = pc.binary_join_element_wise(prefixes, digits.filter(pa.array(lettered)), "")
    return pc.replace_with_mask(digits, pa.array(lettered), with_prefix)


def _malformed(number: Ints) -> pa.Array:
    """Ids that no patent can have, in one of four forms."""
    numbers = number.tolist()
    ids = [(f"{n // 1000},{n % 1000:03}", f"US {n}", "", f"{n % 97}/{n}")[n % 4] for n in numbers]
    return pa.array(ids, pa.string())


def _old_months(number: Ints) -> Ints:
    """Grant months of old patents, from 0 = January 1836."""
    years = np.interp(number, OLD_NUMBERS, OLD_NUMBER_YEARS)
    return np.minimum((years * 12).astype(np.int64), 1975 * 12 + 11) - _FIRST_MONTH


def _kind_codes(kind: Ints, year: Ints, draws: Hashes) -> Ints:
    """Indices of _KINDS: WIPO kinds are a letter up to 2000, then a letter and a digit.

    B1 is a patent without a published application.
    """
    recent = np.array([7, 8, 9, 10, 4, 5])[kind]
    recent = np.where((recent == 7) & (uniform(successive(draws, 7)) < 0.15), 6, recent)
    return np.where(year < 2001 - FIRST_YEAR, kind, recent)


def _chosen(values: Sequence[str], which: Ints) -> pa.Array:
    """The values at some indices."""
    return pa.array(values).take(pa.array(which))
