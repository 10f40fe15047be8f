"""The traps of PatentsView's tables that change labels: what the platform does about each, and how often this release has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from patent_spark.core.metadata import IngestMetadata
from patent_spark.stages.quality import aggregates
from patent_spark.stages.quality.summary import OPEN, Counted, Facet, per_fate, timed, types

Figure = int | float | str
Figures = dict[str, Figure | dict[str, Figure]]

_RECLASSIFIED = 7
_ERAS = (("to 2001", 0, 2001), ("2002 to 2012", 2002, 2012), ("from 2013", 2013, 9999))


@dataclass(frozen=True)
class Trap:
    """One trap, the rule that avoids it, and what was found: counts, floats for shares, and dicts of them for a breakdown."""

    number: int
    title: str
    rule: str
    found: Figures


def find_traps(counted: Counted, ingest: IngestMetadata, classes: dict[str, dict[str, int]]) -> list[Trap]:
    """All twelve, in the order of the list of traps; `ingest` is the facts of that stage, `classes` the fates by class."""
    cited = _citations_by(counted.citations, "cited")
    citing = _citations_by(counted.citations, "citing")
    fates = per_fate(counted.patents)
    standing, rows = sum(fates.values()), sum(cited.values())
    totals, sequences = counted.totals, counted.sequences
    distinct = (
        timed(counted, aggregates.BEFORE, aggregates.WITHIN, aggregates.AFTER) - totals["total_citations"]
    )
    withdrawn = sum(facet["patents"] for facet in counted.patents if facet["withdrawn"])
    sizes = {name: sum(each.values()) for name, each in classes.items()}
    unknown = {
        name: cited.get(name, 0)
        for name in (aggregates.BEFORE_1976, aggregates.ABSENT, aggregates.LETTERED, aggregates.MALFORMED)
    }
    return [
        Trap(
            1, "citation_date is the cited document's date", "The column is not read: the citing patent's own grant date decides.",
            {"citations by a patent that was granted before the cited one": timed(counted, aggregates.BEFORE)},
        ),
        Trap(
            2, "Patents that nobody cites are not in the citation table", "They are joined from PATENTS and count 0.",
            {"patents that no patent cites, at any time": totals["never_cited"], "their share": _share(totals["never_cited"], standing)},
        ),
        Trap(
            3, "The same pair stands more than once", "Distinct citing patents are counted, not rows.",
            {"rows that repeat a pair, of those that count": distinct},
        ),
        Trap(
            4, "Cited patents that are not in PATENTS", "They count nowhere; they are no error.",
            {
                "citations of them": sum(unknown.values()), "their share": _share(sum(unknown.values()), rows),
                "numbers before 1976": unknown[aggregates.BEFORE_1976], "numbers of 1976 and later": unknown[aggregates.ABSENT],
                "numbers with letters": unknown[aggregates.LETTERED], "malformed": unknown[aggregates.MALFORMED],
            },
        ),
        Trap(
            5, "cpc_sequence has gaps", "The smallest sequence decides, whatever it is; of two on the same place the alphabetically first class.",
            {
                "patents whose sequence does not start at 0": sequences["not_from_zero"], "patents with gaps": sequences["with_gaps"],
                "places (patent, sequence) that are taken twice": sequences["doubled"],
            },
        ),
        Trap(6, "Patents without a CPC code", "They get no class and no level, but they still cite.", _without_class(counted.patents, standing)),
        Trap(
            _RECLASSIFIED, "Every release classifies old patents anew", "The release id is kept with each label and model.",
            {"release": ingest.release_id},
        ),
        Trap(8, "citation_category means different things in different years", "label.citing = not_examiner is the form that holds in all years.",
             _categories(counted.citations)),
        Trap(
            9, "Withdrawn patents", "They take no part, on neither side of a citation.",
            {
                "withdrawn patents": withdrawn, "citations by them": citing.get(aggregates.WITHDRAWN, 0),
                "citations of them": cited.get(aggregates.WITHDRAWN, 0),
            },
        ),
        Trap(
            10, "Impossible dates, files cut short", "Such rows go to REJECTS; fewer rows of CPC than patents, or than before, are a warning.",
            _rejected_dates(ingest) | {"rows of CPC": ingest.rows_in.get("CPC", 0)},
        ),
        Trap(
            11, "The newest years are incomplete", "A patent gets a level only when its whole horizon lies within the release.",
            {
                "data to": str(ingest.data_to_date), "taken from": ingest.data_to_date_from,
                "newest grant date": str(counted.days["last"] or "none"),
                "patents with an open window": fates[OPEN], "their share": _share(fates[OPEN], standing),
            },
        ),
        Trap(
            12, "The number of classes differs by release", "Classes are taken as they come; small ones are worth a look.",
            {
                "classes": len(sizes), "classes with fewer than 100 patents": sum(size < 100 for size in sizes.values()),
                "smallest": min(sizes, key=lambda name: (sizes[name], name)) if sizes else "none",
            },
        ),
    ]  # fmt: skip


def with_reclassified(
    traps: list[dict[str, Any]], compared: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """The traps with the number of the seventh, which only two releases tell: patents in both whose class is another now."""
    if not compared or not compared["patents"]:
        return traps
    number = {
        f"patents that {compared['release_id']} has in another class": compared["patents"]["class_changed"]
    }
    return [
        trap | {"found": trap["found"] | number} if trap["number"] == _RECLASSIFIED else trap
        for trap in traps
    ]


def _without_class(patents: list[Facet], standing: int) -> Figures:
    by_type = {name: each for name, each in types(patents).items() if each["without class"]}
    total = sum(each["without class"] for each in by_type.values())
    found: Figures = {"patents without a class": total, "their share": _share(total, standing)}
    return found | (
        {"by type": {name: each["without class"] for name, each in by_type.items()}} if by_type else {}
    )


def _categories(citations: list[Facet]) -> Figures:
    found: Figures = {}
    for era, first, last in _ERAS:
        rows = _citations_by(
            [facet for facet in citations if facet["year"] is not None and first <= facet["year"] <= last],
            "category",
        )
        total = sum(rows.values())
        found |= (
            {era: {name: rows[name] / total for name in sorted(rows, key=lambda name: -rows[name])}}
            if total
            else {}
        )
    return found or {"citations with a known year": 0}


def _rejected_dates(ingest: IngestMetadata) -> Figures:
    reasons = ingest.rejected.get("PATENTS") or {}
    return {reason: n for reason, n in reasons.items() if "date" in reason} or {
        "patents with an impossible date": 0
    }


def _citations_by(citations: Iterable[Facet], column: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for facet in citations:
        sums[facet[column]] = sums.get(facet[column], 0) + facet["citations"]
    return sums


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
