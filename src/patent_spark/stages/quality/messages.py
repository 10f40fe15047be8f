"""The sentence of each warning: what, how many and what to do."""

from __future__ import annotations

from pydantic import JsonValue

from patent_spark.stages.quality.aggregates import CATEGORIES, CPC_TYPES, PATENT_TYPES
from patent_spark.stages.quality.coverage import CITING, CLASSIFIED, DESCRIBED, RELATED
from patent_spark.stages.quality.report_schema import QualityWarning

USUAL_VALUES = {
    "CITATIONS.citation_category": "cited by " + ", ".join(CATEGORIES),
    "CPC.cpc_type": ", ".join(CPC_TYPES),
    "PATENTS.patent_type": ", ".join(PATENT_TYPES),
}
HAVE = {
    CITING: "make a citation",
    CLASSIFIED: "have a CPC code",
    DESCRIBED: "have an abstract",
    RELATED: "have a related document",
}
WITHOUT = {CLASSIFIED: ("CPC", "a CPC code"), DESCRIBED: ("ABSTRACTS", "an abstract")}
TAKEN_FOR = {
    "PATENTS.title": "The models read the abstracts of these patents alone",
    "PATENTS.withdrawn": "They are taken for patents that are not withdrawn",
    "PATENTS.num_claims": "Their number of claims is taken for unknown",
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
        "sets are so small that top1 is just the most cited patent. More patents make them larger, as does "
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
        "{examples}. These citations count for nothing, which is right for published applications; check "
        "whether others are damaged."
    ),
    "blank_column": (
        "{rows:,} rows of {table} have no value in the column {column}. {consequence}; check the file."
    ),
    "few_covered": (
        "{missing:,} of {patents:,} utility patents ({share:.1%}) do not have {what}; nearly all real ones "
        "do. Check whether rows of {table} are missing or empty."
    ),
    "many_withdrawn": (
        "{withdrawn:,} of {patents:,} patents ({share:.1%}) are marked as withdrawn; 0.2 % are usual. They "
        "get no label; check the column withdrawn of PATENTS."
    ),
    "repeated_sequences": (
        "CPC has {pairs:,} codes whose cpc_sequence another code of the same patent has too. The "
        "alphabetically first of them counts as the patent's main class; check the column cpc_sequence."
    ),
    "respelled": (
        "{ids:,} ids of {table} were not written as PatentsView does ({spellings}). They were brought to "
        "its form; check where the file comes from."
    ),
    "lost_rows": (
        "{rows:,} rows of {table} were lost within rejected ones, where a line break is missing; see REJECTS."
    ),
    "hole": (
        "Of the patents granted {years}, {having:,} of {patents:,} {have} ({share:.1%}), where "
        "{expected:.1%} are usual in the years before or after. Check whether a part of the file is missing."
    ),
    "unknown_values": (
        "{column} has values that PatentsView does not use, in {rows:,} rows: {values}. Rules that ask for "
        "its own ({usual}) do not see these rows."
    ),
    "repeated_text": (
        "{patents:,} patents ({share:.1%}) share one {column}, which begins {text!r}. If it stands for a "
        "missing text, remove it: a model reads it as content, and patents that share an abstract are one "
        "family."
    ),
    "cut_texts": (
        "{texts:,} texts of {column} have exactly {characters:,} characters, and none has more: they were "
        "probably cut off there. Export the release again."
    ),
    "one_grant_date": (
        "{patents:,} patents ({share:.1%}) have the grant date {day}. Check whether it stands for an unknown "
        "date: citations are counted from it, and splits are made by it."
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
