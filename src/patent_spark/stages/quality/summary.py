"""What the facets of a release say: how many rows each rule drops, the mix of labels, the spread of the counts."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from patent_spark.core.schemas import LEVELS
from patent_spark.stages.quality.aggregates import (
    ABSENT,
    AFTER,
    BEFORE,
    BEFORE_1976,
    BLOCK,
    FIRST_OF_1976,
    LETTERED,
    MALFORMED,
    STANDING,
    UNKNOWN,
    WITHDRAWN,
    WITHIN,
)

Facet = dict[str, Any]
OPEN, NO_CLASS, NO_POOL = "open window", "without class", "without pool"
FATES = (*LEVELS, OPEN, NO_CLASS, NO_POOL)
"""What becomes of a patent that is not withdrawn: a level, or the first reason why it has none."""


@dataclass(frozen=True)
class Counted:
    """The facets of a release, see facets.py."""

    citations: list[Facet]
    patents: list[Facet]
    histogram: list[Facet]
    blocks: list[Facet]
    absent: list[Facet]
    sequences: Facet
    totals: Facet
    days: Facet
    related: Facet


@dataclass(frozen=True)
class Step:
    """One rule of a table's way to the labels: what it drops and what is left."""

    name: str
    dropped: int
    left: int


def patent_steps(counted: Counted, rows_in: int, rejected: int) -> list[Step]:
    """From the rows of the patent file to the patents with a level."""
    fates = per_fate(counted.patents)
    withdrawn = _sum(counted.patents, "patents", lambda facet: facet["withdrawn"])
    drops = [
        ("rejected", rejected),
        ("withdrawn", withdrawn),
        *((name, fates[name]) for name in (OPEN, NO_CLASS, NO_POOL)),
    ]
    return _steps("rows in the file", rows_in, drops)


def citation_steps(counted: Counted, rows_in: int, rejected: int) -> list[Step]:
    """From the rows of the citation file to the citations that count; a row is dropped by the first rule that it breaks."""

    def citations(test: Callable[[Facet], bool]) -> int:
        return _sum(counted.citations, "citations", test)

    found = (STANDING, WITHDRAWN)
    standing = [facet for facet in counted.citations if facet["timing"]]
    drops = [
        ("rejected", rejected),
        ("cited id has no patent's form", citations(lambda facet: facet["cited"] == MALFORMED)),
        ("cited patent not in PATENTS: before 1976", citations(lambda facet: facet["cited"] == BEFORE_1976)),
        (
            "cited patent not in PATENTS: number with letters",
            citations(lambda facet: facet["cited"] == LETTERED),
        ),
        ("cited patent not in PATENTS: of 1976 or later", citations(lambda facet: facet["cited"] == ABSENT)),
        (
            "citing patent not in PATENTS",
            citations(lambda facet: facet["cited"] in found and facet["citing"] == UNKNOWN),
        ),
        (
            "citing patent withdrawn",
            citations(lambda facet: facet["cited"] in found and facet["citing"] == WITHDRAWN),
        ),
        (
            "cited patent withdrawn",
            citations(lambda facet: facet["cited"] == WITHDRAWN and facet["citing"] == STANDING),
        ),
        (
            "left out by label.citing or label.self_citations",
            _sum(standing, "citations", lambda facet: not facet["chosen"]),
        ),
        ("citing patent granted before the cited one", timed(counted, BEFORE)),
        ("citing patent granted after the horizon", timed(counted, AFTER)),
        ("pair stands in an earlier row", timed(counted, WITHIN) - counted.totals["forward_citations"]),
    ]
    return _steps("rows in the file", rows_in, drops)


def timed(counted: Counted, *timings: str) -> int:
    """Rows between standing patents that the settings let count, with one of these timings."""
    return _sum(counted.citations, "citations", lambda facet: facet["chosen"] and facet["timing"] in timings)


def fate(facet: Facet) -> str | None:
    """What becomes of the patents of a facet; None for withdrawn ones."""
    if facet["withdrawn"]:
        return None
    if facet["citation_level"]:
        return str(facet["citation_level"])
    return OPEN if not facet["window_complete"] else NO_CLASS if facet["cpc_class"] is None else NO_POOL


def per_fate(patents: Iterable[Facet]) -> dict[str, int]:
    """Patents by fate, all fates in their order."""
    sums = dict.fromkeys(FATES, 0)
    for facet in patents:
        if (name := fate(facet)) is not None:
            sums[name] += facet["patents"]
    return sums


def fates_by(patents: Iterable[Facet], column: str) -> dict[str, dict[str, int]]:
    """Patents that are not withdrawn by the values of a column (null left out), and by fate."""
    groups: dict[Any, list[Facet]] = defaultdict(list)
    for facet in patents:
        if facet[column] is not None and not facet["withdrawn"]:
            groups[facet[column]].append(facet)
    return {str(value): per_fate(groups[value]) for value in sorted(groups)}


def types(patents: Iterable[Facet]) -> dict[str, dict[str, int]]:
    """Patents that are not withdrawn, and those of them without a class, by type; the most frequent first."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: {"patents": 0, NO_CLASS: 0})
    for facet in patents:
        if not facet["withdrawn"]:
            of_type = sums[facet["patent_type"] or "unknown"]
            of_type["patents"] += facet["patents"]
            of_type[NO_CLASS] += facet["patents"] * (facet["cpc_class"] is None)
    return dict(sorted(sums.items(), key=lambda item: (-item[1]["patents"], item[0])))


def categories_by_year(citations: Iterable[Facet]) -> dict[str, dict[str, int]]:
    """Rows of CITATIONS by the citing patent's grant year and category; those of unknown citing patents left out."""
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for facet in citations:
        if facet["year"] is not None:
            sums[facet["year"]][facet["category"]] += facet["citations"]
    return {str(year): dict(sorted(sums[year].items())) for year in sorted(sums)}


def decades(histogram: Iterable[Facet]) -> dict[str, dict[str, Any]]:
    """Forward citations of patents with a closed window by grant decade: spread, and how many patents have each count."""
    counts: dict[int, dict[int, int]] = defaultdict(dict)
    for facet in histogram:
        counts[facet["decade"]][facet["forward_citations"]] = facet["patents"]
    return {f"{decade}s": _spread(dict(sorted(counts[decade].items()))) for decade in sorted(counts)}


def missing_ranges(blocks: Sequence[Facet], absent: Sequence[Facet]) -> list[dict[str, int]]:
    """Ranges of utility numbers that are cited although PATENTS holds no patent of them: first, last, citations.

    Neighbouring blocks are one range when no block with patents lies between them. Numbers above the newest patent's
    block are no range: they are mistaken, or not granted yet.
    """
    held = sorted(facet["block"] for facet in blocks)
    empty = {facet["block"]: facet["rows"] for facet in absent}
    ranges: dict[int, dict[str, int]] = {}
    for block in sorted(empty.keys() - set(held)):
        place = bisect_left(held, block)
        if place == len(held):
            break
        first, last = max(FIRST_OF_1976, block * BLOCK), block * BLOCK + BLOCK - 1
        found = ranges.setdefault(place, {"first": first, "last": last, "citations": 0})
        found["last"] = last
        found["citations"] += empty[block]
    return list(ranges.values())


def _spread(counts: dict[int, int]) -> dict[str, Any]:
    patents = sum(counts.values())
    return {
        "patents": patents,
        "not_cited": counts.get(0, 0) / patents,
        "mean": sum(count * n for count, n in counts.items()) / patents,
        "median": _smallest_reaching(counts, 0.5 * patents),
        "q90": _smallest_reaching(counts, 0.9 * patents),
        "q99": _smallest_reaching(counts, 0.99 * patents),
        "largest": max(counts),
        "counts": counts,
    }


def _smallest_reaching(counts: dict[int, int], wanted: float) -> int:
    """The smallest count that so many patents do not exceed."""
    up_to = 0
    for count, patents in counts.items():
        up_to += patents
        if up_to >= wanted:
            return count
    return max(counts)


def _steps(first: str, rows: int, drops: Iterable[tuple[str, int]]) -> list[Step]:
    steps = [Step(first, 0, rows)]
    for name, dropped in drops:
        steps.append(Step(name, dropped, steps[-1].left - dropped))
    return steps


def _sum(facets: Iterable[Facet], number: str, test: Callable[[Facet], bool]) -> int:
    return sum(facet[number] for facet in facets if test(facet))
