"""Summaries of a release's aggregates: rows dropped by each rule, label outcomes, the spread of the
counts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patent_spark.core.patent_ids import FIRST_OF_1976
from patent_spark.core.schemas import LEVELS
from patent_spark.stages.quality.aggregates import (
    ABSENT,
    AFTER,
    BEFORE,
    BEFORE_1976,
    BLOCK,
    LETTERED,
    MALFORMED,
    STANDING,
    UNKNOWN,
    WITHDRAWN,
    WITHIN,
)
from patent_spark.stages.quality.report_schema import (
    ForwardCitations,
    MissingRange,
    Outcomes,
    Step,
    TableRows,
)

Row = Mapping[str, Any]
"""A row of an aggregate, with the columns of aggregates.py."""
OPEN, NO_CLASS, NO_REFERENCE_SET = "open window", "without class", "no reference set"
OUTCOMES = (*LEVELS, OPEN, NO_CLASS, NO_REFERENCE_SET)
"""Label outcomes of patents that are not withdrawn: a level, or the first reason for having none."""


@dataclass(frozen=True)
class Aggregates:
    """The aggregates of a release, see aggregates.py."""

    citations: list[Row]
    patents: list[Row]
    histogram: list[Row]
    blocks: list[Row]
    absent: list[Row]
    coverage: list[Row]
    cpc_types: list[Row]
    categories: list[Row]
    patent_types: list[Row]
    repeated: list[Row]
    repeated_titles: list[Row]
    longest_texts: list[Row]
    busiest_day: list[Row]
    sequences: Row
    totals: Row
    days: Row
    related: Row


def patent_steps(counted: Aggregates, table: TableRows) -> tuple[Step, ...]:
    """From the rows of the patent file to the patents with a level."""
    by_outcome = outcomes(counted.patents)
    withdrawn = _sum(counted.patents, "patents", lambda row: row["withdrawn"])
    drops = [
        *_unread(table),
        ("withdrawn", withdrawn),
        *((name, by_outcome[name]) for name in (OPEN, NO_CLASS, NO_REFERENCE_SET)),
    ]
    return _steps("rows in the file", table.rows_in, drops)


def citation_steps(counted: Aggregates, table: TableRows) -> tuple[Step, ...]:
    """From the rows of the citation file to the citations that count.

    The first rule that a row breaks drops it.
    """

    def citations(test: Callable[[Row], bool]) -> int:
        return _sum(counted.citations, "citations", test)

    known = (STANDING, WITHDRAWN)
    standing = [row for row in counted.citations if row["timing"]]
    drops = [
        *_unread(table),
        ("cited id has no patent's form", citations(lambda row: row["cited"] == MALFORMED)),
        ("cited patent not in PATENTS: before 1976", citations(lambda row: row["cited"] == BEFORE_1976)),
        (
            "cited patent not in PATENTS: number with letters",
            citations(lambda row: row["cited"] == LETTERED),
        ),
        ("cited patent not in PATENTS: of 1976 or later", citations(lambda row: row["cited"] == ABSENT)),
        (
            "citing patent not in PATENTS",
            citations(lambda row: row["cited"] in known and row["citing"] == UNKNOWN),
        ),
        (
            "citing patent withdrawn",
            citations(lambda row: row["cited"] in known and row["citing"] == WITHDRAWN),
        ),
        (
            "cited patent withdrawn",
            citations(lambda row: row["cited"] == WITHDRAWN and row["citing"] == STANDING),
        ),
        (
            "left out by label.citing or label.self_citations",
            _sum(standing, "citations", lambda row: not row["chosen"]),
        ),
        ("citing patent granted before the cited one", timed(counted, BEFORE)),
        ("citing patent granted after the horizon", timed(counted, AFTER)),
        ("pair stands in an earlier row", timed(counted, WITHIN) - counted.totals["forward_citations"]),
    ]
    return _steps("rows in the file", table.rows_in, drops)


def timed(counted: Aggregates, *timings: str) -> int:
    """Citations that the settings count, between patents that are not withdrawn, with one of these
    timings.
    """
    return _sum(counted.citations, "citations", lambda row: row["chosen"] and row["timing"] in timings)


def outcome(row: Row) -> str | None:
    """The label outcome of the patents of a row; None for withdrawn ones."""
    if row["withdrawn"]:
        return None
    if row["citation_level"]:
        return str(row["citation_level"])
    return OPEN if not row["window_complete"] else NO_CLASS if row["cpc_class"] is None else NO_REFERENCE_SET


def outcomes(patents: Iterable[Row]) -> dict[str, int]:
    """Patents by label outcome, in the order of OUTCOMES."""
    sums = dict.fromkeys(OUTCOMES, 0)
    for row in patents:
        if (name := outcome(row)) is not None:
            sums[name] += row["patents"]
    return sums


def outcomes_by(patents: Iterable[Row], column: str) -> dict[str, Outcomes]:
    """Patents that are not withdrawn by the values of a column (null left out), and by label outcome."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in patents:
        if row[column] is not None and not row["withdrawn"]:
            groups[row[column]].append(row)
    return {str(value): outcomes(groups[value]) for value in sorted(groups)}


def types(patents: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Patents that are not withdrawn, and those of them without a class, by type; the most frequent first."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: {"patents": 0, NO_CLASS: 0})
    for row in patents:
        if not row["withdrawn"]:
            of_type = sums[row["patent_type"] or "unknown"]
            of_type["patents"] += row["patents"]
            of_type[NO_CLASS] += row["patents"] * (row["cpc_class"] is None)
    return dict(sorted(sums.items(), key=lambda item: (-item[1]["patents"], item[0])))


def categories_by_year(citations: Iterable[Row]) -> dict[str, dict[str, int]]:
    """Rows of CITATIONS by the citing patent's grant year and category; those of unknown citing patents
    left out.
    """
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in citations:
        if row["year"] is not None:
            sums[row["year"]][row["category"]] += row["citations"]
    return {str(year): dict(sorted(sums[year].items())) for year in sorted(sums)}


def forward_citations_by_decade(histogram: Iterable[Row]) -> dict[str, ForwardCitations]:
    """Forward citations of patents with a closed window by grant decade."""
    counts: dict[int, dict[int, int]] = defaultdict(dict)
    for row in histogram:
        counts[row["decade"]][row["forward_citations"]] = row["patents"]
    return {f"{decade}s": _spread(dict(sorted(counts[decade].items()))) for decade in sorted(counts)}


def missing_ranges(blocks: Sequence[Row], absent: Sequence[Row]) -> tuple[MissingRange, ...]:
    """Ranges of utility numbers that are cited but missing in PATENTS.

    Adjacent blocks are one range if no block with patents lies between them. Numbers above the block of
    the newest patent form no range: they are mistaken or not granted yet.
    """
    held = sorted(row["block"] for row in blocks)
    empty = {row["block"]: row["rows"] for row in absent}
    ranges: dict[int, dict[str, int]] = {}
    for block in sorted(empty.keys() - set(held)):
        place = bisect_left(held, block)
        if place == len(held):
            break
        first, last = max(FIRST_OF_1976, block * BLOCK), block * BLOCK + BLOCK - 1
        one = ranges.setdefault(place, {"first": first, "last": last, "citations": 0})
        one["last"] = last
        one["citations"] += empty[block]
    return tuple(MissingRange(**each) for each in ranges.values())


def citations_by(rows: Iterable[Row], column: str) -> dict[str, int]:
    """Citations by the values of a column."""
    sums: dict[str, int] = {}
    for row in rows:
        sums[row[column]] = sums.get(row[column], 0) + row["citations"]
    return sums


def _spread(counts: dict[int, int]) -> ForwardCitations:
    patents = sum(counts.values())
    return ForwardCitations(
        patents=patents,
        not_cited=counts.get(0, 0) / patents,
        mean=sum(count * n for count, n in counts.items()) / patents,
        median=_smallest_reaching(counts, 0.5 * patents),
        q90=_smallest_reaching(counts, 0.9 * patents),
        q99=_smallest_reaching(counts, 0.99 * patents),
        largest=max(counts),
        counts=counts,
    )


def _smallest_reaching(counts: dict[int, int], wanted: float) -> int:
    """The smallest count that this many patents do not exceed."""
    up_to = 0
    for count, patents in counts.items():
        up_to += patents
        if up_to >= wanted:
            return count
    return max(counts)


def _steps(first: str, rows: int, drops: Iterable[tuple[str, int]]) -> tuple[Step, ...]:
    steps = [Step(name=first, dropped=0, left=rows)]
    for name, dropped in drops:
        steps.append(Step(name=name, dropped=dropped, left=steps[-1].left - dropped))
    return tuple(steps)


def _unread(table: TableRows) -> list[tuple[str, int]]:
    """Rows of the file that became none of the table; lost ones are named only where there are some."""
    lost = [("lost within a rejected row", table.lost)] if table.lost else []
    return [("rejected", table.rejected), *lost]


def _sum(rows: Iterable[Row], number: str, test: Callable[[Row], bool]) -> int:
    return sum(row[number] for row in rows if test(row))
