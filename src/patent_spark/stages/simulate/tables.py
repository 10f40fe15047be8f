"""The rows of a release's tables, for some patents or citations at a time. CPC rows are in cpc_tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.stages.simulate.arrays import Hashes, Ints, choose
from patent_spark.stages.simulate.calibration import OLD_NUMBER_YEARS, OLD_NUMBERS
from patent_spark.stages.simulate.citation_keys import MALFORMED, OLD, split
from patent_spark.stages.simulate.grant_years import FIRST_YEAR
from patent_spark.stages.simulate.hashing import hashes, integers, ragged, successive, uniform, uniforms
from patent_spark.stages.simulate.population import DESIGN, PREFIXES, TYPE_NAMES, Patents, Population
from patent_spark.stages.simulate.tsv import Columns

_FIRST_MONTH = 1836 * 12
_SERIES_YEARS, _SERIES = (1978, 1979, 1987, 1993, 1998, 2001, 2004, 2025), (5, 6, 7, 8, 9, 10, 11, 18)
"""Series codes of applications by grant year, linear between the given years."""
_DESIGN_SERIES = 29
MOST_CLAIMS = 30
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
        claims = claim_counts(self._seed, patents.index)
        return {
            "id": ids,
            "type": choose(TYPE_NAMES, patents.kind),
            "date": self._days.take(pa.array(patents.week)),
            "title": titles,
            "kind": choose(_KINDS, _kind_codes(patents.kind, patents.year, draws)),
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
        code = choose([f"{k:02}" for k in range(30)], series.astype(np.int64))
        return {
            "application_id": pc.binary_join_element_wise(code, number, "/"),
            "id": ids,
            "series": code,
            "date": pc.cast(pa.array(filed), pa.string()),
            "rule_47": pa.array(np.zeros(len(filed), np.int8)),
        }

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
            "name": choose(self._names, integers(draws, 0, len(self._names))),
            "kind": choose(_KINDS, _kind_codes(np.where(known, kind, 0), year, draws)),
            "category": choose(_CATEGORIES, self._categories(citing, keys)),
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


def claim_counts(seed: int, index: Ints) -> Ints:
    """Claims of each patent; designs have one whatever this says."""
    return 1 + integers(successive(hashes(seed, "details", index), 0), 0, MOST_CLAIMS)


def _ids(kind: Ints, number: Ints) -> pa.Array:
    digits = pc.cast(pa.array(number), pa.string())
    lettered = kind > 0
    if not lettered.any():
        return digits
    prefixes = choose(PREFIXES, kind[lettered])
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
