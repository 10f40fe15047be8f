"""What to look at before a release is used.

Each check has a code and facts. The sentence of a code stands in messages.py.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from patent_spark.core.schemas import LEVELS, TOP1, ZEROCITE
from patent_spark.stages.quality.comparison_schema import ReleaseComparison
from patent_spark.stages.quality.messages import (
    CONSEQUENCES,
    HAVE,
    TAKEN_FOR,
    USUAL_VALUES,
    WITHOUT,
    warn,
)
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
_MAX_WITHDRAWN_SHARE = 0.02
"""Of real patents, 0.2 % are withdrawn."""
_MIN_COVERED_SHARE = 0.9
"""Of real utility patents, more than 99 % have an abstract and a CPC code."""
_MAX_REPEATED_SEQUENCES = 0.05
_MAX_DAY_SHARE = 0.2
"""Patents are granted every week: a day has 2 % of those of a year."""
_MIN_CUT = 100
"""Characters. Columns that cut texts off keep more; shorter texts are of equal length by chance."""
_SHOWN_TEXT = 60


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
    warnings += [
        *_reading_warnings(report),
        *_value_warnings(report),
        *_completeness_warnings(report),
    ]
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
            "unknown_values",
            column=column,
            values=values,
            rows=sum(rows.values()),
            usual=USUAL_VALUES[column],
        )
    patents = report.tables["PATENTS"].rows
    for text in report.repeated_texts:
        if text.patents > max(_MIN_LABELLED / 10, _MAX_REPEATED_SHARE * patents):
            share, shown = text.patents / patents, text.text[:_SHOWN_TEXT]
            yield warn("repeated_text", column=text.column, patents=text.patents, share=share, text=shown)
    for longest in report.longest_texts:
        many = max(_MIN_LABELLED / 10, _MAX_REPEATED_SHARE * report.tables["ABSTRACTS"].rows)
        if longest.characters >= _MIN_CUT and longest.texts > many:
            yield warn("cut_texts", **longest.model_dump())
    day = report.busiest_day
    if day and patents >= _MIN_LABELLED and day.patents > _MAX_DAY_SHARE * patents:
        yield warn("one_grant_date", day=str(day.day), patents=day.patents, share=day.patents / patents)
    for name, blank in report.blank.items():
        table, _, column = name.partition(".")
        if blank > _MAX_BLANK_SHARE * report.tables[table].rows_in:
            consequence = TAKEN_FOR[name]
            yield warn("blank_column", table=table, column=column, rows=blank, consequence=consequence)


def _completeness_warnings(report: QualityReport) -> Iterator[QualityWarning]:
    """Rows that are missing without a hole in any year, and columns that hold one value for all."""
    utility = report.coverage["patents"]
    holes = {hole.what for hole in report.holes}
    for kind, (table, what) in WITHOUT.items():
        missing = utility - report.coverage[kind]
        few = utility >= _MIN_LABELLED and missing > (1 - _MIN_COVERED_SHARE) * utility
        if few and kind not in holes and report.tables[table].rows:
            facts = {"missing": missing, "patents": utility, "share": missing / utility}
            yield warn("few_covered", table=table, what=what, **facts)
    patents = report.tables["PATENTS"].rows
    withdrawn = next((step.dropped for step in report.patent_steps if step.name == "withdrawn"), 0)
    if patents >= _MIN_LABELLED and withdrawn > _MAX_WITHDRAWN_SHARE * patents:
        yield warn("many_withdrawn", withdrawn=withdrawn, patents=patents, share=withdrawn / patents)
    if report.repeated_sequences > _MAX_REPEATED_SEQUENCES * max(patents, _MIN_LABELLED):
        yield warn("repeated_sequences", pairs=report.repeated_sequences)


def _hole_warning(hole: Hole) -> QualityWarning:
    one_year = hole.first_year == hole.last_year
    years = str(hole.first_year) if one_year else f"{hole.first_year} to {hole.last_year}"
    counts = {"having": hole.having, "patents": hole.patents, "expected": hole.expected_share}
    share = hole.having / hole.patents
    return warn("hole", what=hole.what, years=years, have=HAVE[hole.what], share=share, **counts)


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
