"""Known issues of PatentsView's tables that affect labels: how each is handled, and how often it occurs."""

from __future__ import annotations

from patent_spark.core.metadata import IngestMetadata
from patent_spark.stages.quality import aggregates
from patent_spark.stages.quality.comparison_schema import ReleaseComparison
from patent_spark.stages.quality.report_schema import KnownIssue, Outcomes, Scalar
from patent_spark.stages.quality.summary import OPEN, Aggregates, Row, citations_by, outcomes, timed, types

Values = dict[str, Scalar | dict[str, Scalar]]

_RECLASSIFIED = 7
_ERAS = (("to 2001", 0, 2001), ("2002 to 2012", 2002, 2012), ("from 2013", 2013, 9999))


ISSUES = (
    (
        "citation_date is the date of the cited document",
        "The column is not read. The grant date of the citing patent is used.",
    ),
    (
        "Patents that nobody cites are not in the citation table",
        "They are joined from PATENTS with a count of 0.",
    ),
    ("The same pair occurs more than once", "Distinct citing patents are counted, not rows."),
    ("Cited patents that are not in PATENTS", "They are not counted. They are no error."),
    ("cpc_sequence has gaps", "The smallest sequence is used, then the alphabetically first class."),
    ("Patents without a CPC code", "They get no class and no level, but their citations count."),
    ("Every release reclassifies old patents", "The release id is kept with each label and model."),
    (
        "citation_category changes its meaning over the years",
        "label.citing = not_examiner means the same in all years.",
    ),
    ("Withdrawn patents", "They are left out on both sides of a citation."),
    (
        "Impossible dates, truncated files",
        "Such rows go to REJECTS. Fewer rows of CPC than patents, or than before, are a warning.",
    ),
    (
        "The newest years are incomplete",
        "A patent gets a level only if the release covers its whole citation window.",
    ),
    ("The number of classes differs by release", "Classes are used as they are. Look at small ones."),
)
"""Each known issue, and how it is handled; its number is its place from 1."""


def find_known_issues(
    counted: Aggregates, ingest: IngestMetadata, classes: dict[str, Outcomes]
) -> tuple[KnownIssue, ...]:
    """All twelve known issues. `classes` are the label outcomes by class."""
    observed = [*_in_citations_and_codes(counted), *_in_the_release(counted, ingest, classes)]
    return tuple(
        KnownIssue(number=number, title=title, rule=rule, observed=values)
        for number, ((title, rule), values) in enumerate(zip(ISSUES, observed, strict=True), start=1)
    )


def _in_citations_and_codes(counted: Aggregates) -> list[Values]:
    """What issues 1 to 6 look like here."""
    cited = citations_by(counted.citations, "cited")
    totals, sequences = counted.totals, counted.sequences
    standing = sum(outcomes(counted.patents).values())
    return [
        {"citations by a patent granted before the cited one": timed(counted, aggregates.BEFORE)},
        {
            "patents that no patent cites, at any time": totals["never_cited"],
            "their share": _share(totals["never_cited"], standing),
        },
        {"rows that repeat a pair, of those that count": _repeated_pairs(counted)},
        _unknown_cited(cited),
        {
            "patents whose sequence does not start at 0": sequences["not_from_zero"],
            "patents with gaps": sequences["with_gaps"],
            "duplicated (patent, sequence) pairs": sequences["doubled"],
        },
        _without_class(counted.patents, standing),
    ]


def _in_the_release(
    counted: Aggregates, ingest: IngestMetadata, classes: dict[str, Outcomes]
) -> list[Values]:
    """What issues 7 to 12 look like here."""
    cited, citing = (citations_by(counted.citations, side) for side in ("cited", "citing"))
    by_outcome = outcomes(counted.patents)
    standing = sum(by_outcome.values())
    return [
        {"release": ingest.release_id},
        _categories(counted.citations),
        {
            "withdrawn patents": sum(row["patents"] for row in counted.patents if row["withdrawn"]),
            "citations by them": citing.get(aggregates.WITHDRAWN, 0),
            "citations of them": cited.get(aggregates.WITHDRAWN, 0),
        },
        _rejected_dates(ingest) | {"rows of CPC": ingest.rows_in.get("CPC", 0)},
        {
            "data to": str(ingest.data_to_date),
            "taken from": ingest.data_to_date_from,
            "newest grant date": str(counted.days["last"] or "none"),
            "patents with an open window": by_outcome[OPEN],
            "their share": _share(by_outcome[OPEN], standing),
        },
        _class_sizes(classes),
    ]


def with_reclassified(
    issues: tuple[KnownIssue, ...], compared: ReleaseComparison | None
) -> tuple[KnownIssue, ...]:
    """The issues with the number of reclassified patents, which takes two releases to know."""
    if compared is None or compared.patents is None:
        return issues
    number = {f"patents that {compared.release_id} has in another class": compared.patents.class_changed}
    changed = issues[_RECLASSIFIED - 1]
    changed = changed.model_copy(update={"observed": changed.observed | number})
    return (*issues[: _RECLASSIFIED - 1], changed, *issues[_RECLASSIFIED:])


def _repeated_pairs(counted: Aggregates) -> int:
    rows = timed(counted, aggregates.BEFORE, aggregates.WITHIN, aggregates.AFTER)
    return int(rows - counted.totals["total_citations"])


def _unknown_cited(cited: dict[str, int]) -> Values:
    names = {
        aggregates.BEFORE_1976: "numbers before 1976",
        aggregates.ABSENT: "numbers of 1976 and later",
        aggregates.LETTERED: "numbers with letters",
        aggregates.MALFORMED: "malformed",
    }
    total = sum(cited.get(state, 0) for state in names)
    by_state = {name: cited.get(state, 0) for state, name in names.items()}
    return {"citations of them": total, "their share": _share(total, sum(cited.values())), **by_state}


def _class_sizes(classes: dict[str, Outcomes]) -> Values:
    sizes = {name: sum(each.values()) for name, each in classes.items()}
    return {
        "classes": len(sizes),
        "classes with fewer than 100 patents": sum(size < 100 for size in sizes.values()),
        "smallest": min(sizes, key=lambda name: (sizes[name], name)) if sizes else "none",
    }


def _without_class(patents: list[Row], standing: int) -> Values:
    by_type = {name: each for name, each in types(patents).items() if each["without class"]}
    total = sum(each["without class"] for each in by_type.values())
    values: Values = {"patents without a class": total, "their share": _share(total, standing)}
    return values | (
        {"by type": {name: each["without class"] for name, each in by_type.items()}} if by_type else {}
    )


def _categories(citations: list[Row]) -> Values:
    values: Values = {}
    for era, first, last in _ERAS:
        rows = citations_by(
            [row for row in citations if row["year"] is not None and first <= row["year"] <= last],
            "category",
        )
        total = sum(rows.values())
        values |= (
            {era: {name: rows[name] / total for name in sorted(rows, key=lambda name: -rows[name])}}
            if total
            else {}
        )
    return values or {"citations with a known year": 0}


def _rejected_dates(ingest: IngestMetadata) -> Values:
    reasons = ingest.rejected.get("PATENTS") or {}
    return {reason: n for reason, n in reasons.items() if "date" in reason} or {
        "patents with an impossible date": 0
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
