"""quality.json: what a release holds, what each rule drops, and what changed since the previous release."""

from __future__ import annotations

import datetime

from pydantic import Field, JsonValue

from patent_spark.core.metadata import JoinMetadata, Record
from patent_spark.stages.quality.comparison_schema import ReleaseComparison, ReleaseSummary

Scalar = int | float | str
Outcomes = dict[str, int]
"""Patents by label outcome, see summary.OUTCOMES."""


class QualityWarning(Record):
    """One thing to look at before the release is used."""

    code: str
    """Stable name of the check, see warnings.MESSAGES."""
    facts: dict[str, JsonValue]
    message: str


class ReleaseInfo(Record):
    """The release and the versions that were read."""

    id: str
    data_to_date: str
    data_to_date_from: str
    newest_grant: str
    """Empty without a patent."""
    ingest_version: str
    label_version: str
    rules: dict[str, JsonValue]
    """Settings that the levels depend on."""


class TableRows(Record):
    """Rows of one table."""

    rows: int
    rows_in: int
    """Rows of the source file."""
    rejected: int
    lost: int = 0
    """Rows within a rejected one, because a line break is missing."""


class RelatedPatents(Record):
    """Patents that go back to another application or patent."""

    source: str | None = Field(alias="from")
    """The file that says so; None when the release has none."""
    patents: int


class KnownIssue(Record):
    """A known issue of PatentsView's tables, how it is handled, and how often this release has it."""

    number: int
    title: str
    rule: str
    observed: dict[str, Scalar | dict[str, Scalar]]
    """Counts are integers and shares floats; a breakdown is a dict."""


class Hole(Record):
    """Consecutive grant years of which most patents lack something that those around them have."""

    what: str
    """citing, classified, described or related, see coverage.py."""
    first_year: int
    last_year: int
    patents: int
    having: int
    """Those of the patents that have it."""
    expected_share: float
    """The share that has it in the years around."""


class RepeatedText(Record):
    """The abstract or title that most patents share."""

    column: str = "abstract"
    patents: int
    text: str


class LongestTexts(Record):
    """The longest texts of a column."""

    column: str
    characters: int
    """Length of each of them."""
    texts: int


class DayOfGrants(Record):
    """Patents with one grant date."""

    day: datetime.date
    patents: int


class Step(Record):
    """One rule on the way from a file's rows to the labels."""

    name: str
    dropped: int
    left: int


class ForwardCitations(Record):
    """Forward citations of the patents of one grant decade whose window is closed."""

    patents: int
    not_cited: float
    """Share of the patents."""
    mean: float
    median: int
    q90: int
    q99: int
    largest: int
    counts: dict[int, int]
    """Patents by number of forward citations."""


class CitationsOf1976AndLater(Record):
    """Citations of utility patents that PatentsView should hold."""

    all: int
    absent: int
    """Citations of patents that PATENTS lacks."""


class MissingRange(Record):
    """A range of utility numbers that are cited but missing in PATENTS."""

    first: int
    last: int
    citations: int


class RejectKind(Record):
    """Rejected rows of one table with the same reason, and the first of them."""

    table: str
    reason: str
    rows: int
    row: int
    content: str | None


class QualityReport(Record):
    """All of quality.json."""

    warnings: tuple[QualityWarning, ...] = ()
    release: ReleaseInfo
    tables: dict[str, TableRows]
    related: RelatedPatents
    outcomes: Outcomes
    known_issues: tuple[KnownIssue, ...]
    patent_steps: tuple[Step, ...]
    citation_steps: tuple[Step, ...]
    years: dict[str, Outcomes]
    classes: dict[str, Outcomes]
    types: dict[str, dict[str, int]]
    categories: dict[str, dict[str, int]]
    forward_citations: dict[str, ForwardCitations]
    citations_of_1976_and_later: CitationsOf1976AndLater
    missing_ranges: tuple[MissingRange, ...]
    rejects: tuple[RejectKind, ...]
    lost: dict[str, int] = Field(default_factory=dict)
    """Source rows within a rejected one, by table."""
    respelled: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Ids that were brought to one form, by table and by how they were written."""
    joins: dict[str, JoinMetadata] = Field(default_factory=dict)
    """Rows of each table that meet no patent."""
    blank: dict[str, int] = Field(default_factory=dict)
    """Source rows without a value that all rows should have, by table.column."""
    holes: tuple[Hole, ...] = ()
    coverage: dict[str, int] = Field(default_factory=dict)
    """Utility patents, and those of them that are citing, classified, described and related."""
    repeated_sequences: int = 0
    """(patent, cpc_sequence) pairs that stand twice in CPC."""
    unknown_values: dict[str, dict[str, int]] = Field(default_factory=dict)
    """Rows by value, of coded columns (table.column), of values that PatentsView does not use."""
    repeated_texts: tuple[RepeatedText, ...] = ()
    longest_texts: tuple[LongestTexts, ...] = ()
    busiest_day: DayOfGrants | None = None
    """The grant date that most patents have."""
    compared: ReleaseComparison | None = None
    summary: ReleaseSummary | None = None
    summary_before: ReleaseSummary | None = None
