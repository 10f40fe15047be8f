"""What to look at before a release is used.

Each check has a code and facts. The sentence of a code stands in MESSAGES and says what, how many and what
to do.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from pydantic import JsonValue

from patent_spark.core.schemas import LEVELS, TOP1, ZEROCITE
from patent_spark.stages.quality.aggregates import CATEGORIES, CPC_TYPES, PATENT_TYPES
from patent_spark.stages.quality.comparison_schema import ReleaseComparison
from patent_spark.stages.quality.coverage import CITING, CLASSIFIED, DESCRIBED, RELATED
from patent_spark.stages.quality.report_schema import (
    Hole,
    Outcomes,
    QualityReport,
    QualityWarning,
    ReleaseInfo,
)
from patent_spark.stages.quality.summary import OPEN

_MAX_ABSENT_SHARE = 0.05
_SHOWN_RANGES = 5
_MONTH = datetime.timedelta(days=31)
_MIN_ROW_RATIO = 0.9
_MAX_LEVEL_CHANGE = 0.05
_MAX_RECLASSIFIED_SHARE = 0.1
_MIN_LABELLED = 100
_MAX_ZEROCITE_SHARE = 0.6
"""Of real patents, 10 to 30 % have no citation within five years."""
_MAX_TOP1_SHARE = 0.02
"""1 % is intended. In reference sets of fewer than 100 patents, top1 is just the most cited patent."""
_MAX_UNMATCHED_SHARE = 0.02
_MAX_RESPELLED_SHARE = 0.001
_MAX_REPEATED_SHARE = 0.01
_MAX_UNREADABLE_SHARE = 0.005
_MAX_BLANK_SHARE = 0.01
_SHOWN_TEXT = 60
_USUAL = {
    "CITATIONS.citation_category": "cited by " + ", ".join(CATEGORIES),
    "CPC.cpc_type": ", ".join(CPC_TYPES),
    "PATENTS.patent_type": ", ".join(PATENT_TYPES),
}
_LACKS = {
    CITING: "make hardly any citation",
    CLASSIFIED: "have hardly any CPC code",
    DESCRIBED: "have hardly any abstract",
    RELATED: "have hardly any related document",
}
CONSEQUENCES = {
    "PATENTS": "nothing can be labelled",
    "ABSTRACTS": "texts are titles alone",
    "CITATIONS": "every patent counts 0 and would be zerocite",
    "CPC": "no patent has a class, so neither task has a label",
    "RELATED_DOCUMENTS": "families are built from abstracts alone",
}

MESSAGES = {
    "empty_table": "{table} has no rows: {consequence}.",
    "few_cpc_rows": (
        "CPC has {cpc_rows:,} rows for {patents:,} patents; a whole release has about six for each. "
        "Most patents may be without a class."
    ),
    "no_data_to_date": (
        "The release does not give its last day. Its newest grant date {newest_grant} is used; set "
        "release.data_to_date to change it."
    ),
    "newest_grant_too_old": (
        "The newest patent is of {newest_grant}, but data_to_date is {data_to_date}: windows count as "
        "closed although their last citations are not in the release. Set release.data_to_date, or "
        "look for missing patents."
    ),
    "all_windows_open": (
        "data_to_date {data_to_date} is before the end of every citation window: none of {patents:,} "
        "patents has a level. Set release.data_to_date or a smaller label.horizon_months."
    ),
    "many_zerocite": (
        "{share:.1%} of the {labelled:,} patents with a level are zerocite, where 10 to 30 % are usual. "
        "Check whether CITATIONS covers the five years after these patents."
    ),
    "many_top1": (
        "{share:.1%} of the {labelled:,} patents with a level are top1 instead of 1 %: most reference "
        "sets are so small that top1 is just the most cited patent. Consider "
        "label.reference_set=class."
    ),
    "many_absent": (
        "{share:.1%} of the citations of patents of 1976 and later ({absent:,} of {citations:,}) are "
        "of patents that PATENTS lacks. The citations made by these patents are missing too, so "
        "counts are too low."
    ),
    "missing_ranges": (
        "PATENTS lacks cited patents in {ranges:,} ranges of numbers, the most cited of them: "
        "{examples}. Check whether a part of the patent file is missing."
    ),
    "unmatched": (
        "{table}: {share:.1%} of {rows:,} rows meet no patent of PATENTS, such as {examples}. "
        "They count for nothing; check the form of their ids, and whether PATENTS is complete."
    ),
    "unreadable_ids": (
        "{share:.1%} of the cited ids of CITATIONS ({ids:,} of {rows:,}) have not a patent's form, such as "
        "{examples}. These citations count for nothing; check whether they are damaged."
    ),
    "blank_column": (
        "{rows:,} rows of {table} have no value in the column {column}. They are taken for patents that are "
        "not withdrawn."
    ),
    "respelled": (
        "{ids:,} ids of {table} were not written as PatentsView does ({spellings}). They were brought to "
        "its form; check where the file comes from."
    ),
    "lost_rows": (
        "{rows:,} rows of {table} were lost within rejected ones, where a line break is missing; see REJECTS."
    ),
    "hole": (
        "Patents granted {years} {lack}: {having:,} of {patents:,} do, {expected:.1%} in the years around. "
        "Check whether a part of the file is missing."
    ),
    "unknown_values": (
        "{rows:,} rows have a value of {column} that PatentsView does not use: {values}. Rules that "
        "ask for its own ({usual}) do not see these rows."
    ),
    "repeated_text": (
        "{patents:,} patents ({share:.1%}) share one {column}, which begins {text!r}. If it stands for a "
        "missing text, remove it: a model reads it as content, and patents that share an abstract are one "
        "family."
    ),
    "older_release": (
        "The data goes to {data_to_date}, that of {previous} to {data_to_date_before}: this is the "
        "older release."
    ),
    "fewer_rows": (
        "{table} has {rows:,} rows, {share:.1%} fewer than the {rows_before:,} of {previous}; "
        "releases only grow."
    ),
    "other_rules": (
        "Levels are not compared with those of {previous}, because its label rules differ: {changes}."
    ),
    "level_share_changed": (
        "{share:.1%} of the labelled patents are {level}; in {previous} it was {share_before:.1%}."
    ),
    "many_reclassified": (
        "{class_changed:,} of the {both:,} patents that {previous} also has are in another class; few "
        "are expected."
    ),
    "missing_classes": "Classes of {previous} that are missing now: {classes}.",
}


def warn(code: str, **facts: JsonValue) -> QualityWarning:
    """A warning with its sentence. Shares are shown in per cent, e.g. 41.2 %."""
    message = MESSAGES[code].format(**facts)
    return QualityWarning(code=code, facts=facts, message=message.replace("%", " %").replace("  %", " %"))


def release_warnings(report: QualityReport) -> list[QualityWarning]:
    """Warnings about a release by itself."""
    tables, rows = report.tables, {name: table.rows for name, table in report.tables.items()}
    warnings = [
        warn("empty_table", table=table, consequence=consequence)
        for table, consequence in CONSEQUENCES.items()
        if table in tables and not rows[table]
    ]
    if 0 < rows["CPC"] < rows["PATENTS"]:
        warnings.append(warn("few_cpc_rows", cpc_rows=rows["CPC"], patents=rows["PATENTS"]))
    if rows["PATENTS"]:
        warnings += _date_warnings(report.release, report.outcomes)
    warnings += [*_reading_warnings(report), *_value_warnings(report)]
    return [*warnings, *level_warnings(report.outcomes), *_absent_warnings(report)]


def comparison_warnings(compared: ReleaseComparison) -> list[QualityWarning]:
    """Warnings from the comparison with the previous release."""
    return list(_comparison_warnings(compared))


def _comparison_warnings(compared: ReleaseComparison) -> Iterator[QualityWarning]:
    previous = compared.release_id
    if compared.data_to_date < compared.data_to_date_before:
        dates = {"data_to_date": compared.data_to_date, "data_to_date_before": compared.data_to_date_before}
        yield warn("older_release", previous=previous, **dates)
    for table, (before, now) in compared.rows.items():
        if now < _MIN_ROW_RATIO * before:
            share = 1 - now / before
            yield warn(
                "fewer_rows", table=table, rows=now, rows_before=before, share=share, previous=previous
            )
    if compared.rules:
        changes = ", ".join(f"{name} was {old}, is {new}" for name, (old, new) in compared.rules.items())
        yield warn("other_rules", previous=previous, changes=changes)
    for level, (share_before, share) in compared.levels.items():
        if abs(share - share_before) > _MAX_LEVEL_CHANGE:
            shares = {"share": share, "share_before": share_before}
            yield warn("level_share_changed", level=level, previous=previous, **shares)
    patents = compared.patents
    if patents and patents.class_changed > _MAX_RECLASSIFIED_SHARE * patents.both:
        changed = {"class_changed": patents.class_changed, "both": patents.both}
        yield warn("many_reclassified", previous=previous, **changed)
    if compared.missing_classes:
        yield warn("missing_classes", previous=previous, classes=", ".join(compared.missing_classes))


def _date_warnings(release: ReleaseInfo, outcomes: Outcomes) -> Iterator[QualityWarning]:
    to_date, newest = map(datetime.date.fromisoformat, (release.data_to_date, release.newest_grant))
    if "newest" in release.data_to_date_from:
        yield warn("no_data_to_date", newest_grant=str(newest))
    if to_date - newest > _MONTH:
        yield warn("newest_grant_too_old", newest_grant=str(newest), data_to_date=str(to_date))
    standing = sum(outcomes.values())
    if standing and outcomes[OPEN] == standing:
        yield warn("all_windows_open", data_to_date=str(to_date), patents=standing)


def _reading_warnings(report: QualityReport) -> Iterator[QualityWarning]:
    """Rows that were lost, ids in other forms, and tables that are about other patents."""
    for table, rows in report.lost.items():
        yield warn("lost_rows", table=table, rows=rows)
    for table, spellings in report.respelled.items():
        named = ", ".join(f"{spelling} {ids:,}" for spelling, ids in spellings.items())
        if sum(spellings.values()) > _MAX_RESPELLED_SHARE * report.tables[table].rows_in:
            yield warn("respelled", table=table, ids=sum(spellings.values()), spellings=named)
    for table, join in report.joins.items():
        limit = _MAX_UNMATCHED_SHARE if "cited" not in table else 1 - 0.5 * join.expected_share
        if join.rows and join.unmatched > limit * join.rows:
            share, examples = join.unmatched / join.rows, ", ".join(join.examples)
            yield warn("unmatched", table=table, share=share, rows=join.rows, examples=examples)
        citations = report.tables["CITATIONS"].rows
        if join.unreadable > _MAX_UNREADABLE_SHARE * citations:
            facts = {"ids": join.unreadable, "rows": citations, "share": join.unreadable / citations}
            yield warn("unreadable_ids", examples=", ".join(join.unreadable_examples), **facts)


def _value_warnings(report: QualityReport) -> Iterator[QualityWarning]:
    """Holes by grant year, values of coded columns that nobody knows, and a text that stands for none."""
    yield from map(_hole_warning, report.holes)
    for column, rows in report.unknown_values.items():
        most = sorted(rows.items(), key=lambda each: -each[1])[:_SHOWN_RANGES]
        values = ", ".join(f"{value} ({n:,})" for value, n in most)
        yield warn(
            "unknown_values", column=column, values=values, rows=sum(rows.values()), usual=_USUAL[column]
        )
    patents = report.tables["PATENTS"].rows
    for text in report.repeated_texts:
        if text.patents > max(_MIN_LABELLED / 10, _MAX_REPEATED_SHARE * patents):
            share, shown = text.patents / patents, text.text[:_SHOWN_TEXT]
            yield warn("repeated_text", column=text.column, patents=text.patents, share=share, text=shown)
    for name, blank in report.blank.items():
        table, _, column = name.partition(".")
        if blank > _MAX_BLANK_SHARE * report.tables[table].rows_in:
            yield warn("blank_column", table=table, column=column, rows=blank)


def _hole_warning(hole: Hole) -> QualityWarning:
    one_year = hole.first_year == hole.last_year
    years = str(hole.first_year) if one_year else f"{hole.first_year} to {hole.last_year}"
    counts = {"having": hole.having, "patents": hole.patents, "expected": hole.expected_share}
    return warn("hole", what=hole.what, years=years, lack=_LACKS[hole.what], **counts)


def level_warnings(outcomes: Outcomes) -> list[QualityWarning]:
    """Warnings about the mix of levels."""
    labelled = sum(outcomes[level] for level in LEVELS)
    if labelled < _MIN_LABELLED:
        return []
    checks = (("many_zerocite", ZEROCITE, _MAX_ZEROCITE_SHARE), ("many_top1", TOP1, _MAX_TOP1_SHARE))
    return [
        warn(code, share=outcomes[level] / labelled, labelled=labelled)
        for code, level, limit in checks
        if outcomes[level] > limit * labelled
    ]


def _absent_warnings(report: QualityReport) -> Iterator[QualityWarning]:
    citations = report.citations_of_1976_and_later
    if citations.absent > _MAX_ABSENT_SHARE * citations.all:
        share = citations.absent / citations.all
        yield warn("many_absent", share=share, absent=citations.absent, citations=citations.all)
    ranges = sorted(report.missing_ranges, key=lambda each: -each.citations)
    if ranges:
        shown = ranges[:_SHOWN_RANGES]
        examples = [f"{each.first:,} to {each.last:,} ({each.citations:,} citations)" for each in shown]
        yield warn("missing_ranges", ranges=len(ranges), examples=", ".join(examples))
