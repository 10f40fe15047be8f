"""Warnings about how a release was read, and about values that stand for nothing."""

import datetime

from patent_spark.core.metadata import JoinMetadata
from patent_spark.stages.quality.report_schema import (
    CitationsOf1976AndLater,
    DayOfGrants,
    Hole,
    LongestTexts,
    QualityReport,
    RepeatedText,
    Step,
    TableRows,
)
from patent_spark.stages.quality.summary import OUTCOMES
from patent_spark.stages.quality.warnings import release_warnings

ROWS = TableRows(rows=1000, rows_in=1000, rejected=0)
SOUND = {
    "tables": dict.fromkeys(("PATENTS", "ABSTRACTS", "CITATIONS", "CPC"), ROWS), "holes": (), "lost": {},
    "respelled": {}, "joins": {}, "unknown_values": {}, "repeated_texts": (), "blank": {},
    "coverage": {"patents": 900, "citing": 850, "classified": 890, "described": 895, "related": 400},
    "patent_steps": (), "repeated_sequences": 9,
    "longest_texts": (LongestTexts(column="abstract", characters=4000, texts=10),),
    "busiest_day": DayOfGrants(day=datetime.date(2019, 5, 7), patents=200),
}  # fmt: skip


def warned(**values):
    """Facts by code of a release of 1,000 patents that is sound but for these values."""
    release = type(
        "Release", (), {"data_to_date": "2020-06-30", "newest_grant": "2020-06-30", "data_to_date_from": ""}
    )
    report = QualityReport.model_construct(
        release=release,
        outcomes=dict.fromkeys(OUTCOMES, 1),
        citations_of_1976_and_later=CitationsOf1976AndLater(all=100, absent=0),
        missing_ranges=(),
        **SOUND | values,
    )
    warnings = release_warnings(report)
    for warning in warnings:
        assert all(
            str(fact) in warning.message or isinstance(fact, int | float) or warning.code == "hole"
            for fact in warning.facts.values()
        ), warning.message
    return {warning.code: warning.facts for warning in warnings}


def test_a_sound_release():
    assert warned() == {}


def test_tables_that_are_about_other_patents():
    join = JoinMetadata(rows=200, unmatched=30, examples=("12x", "13x"))
    assert warned(joins={"CPC": join})["unmatched"] == {
        "table": "CPC", "share": 0.15, "rows": 200, "examples": "12x, 13x",
    }  # fmt: skip
    assert warned(joins={"CPC": JoinMetadata(rows=200, unmatched=3)}) == {}


def test_a_sample_of_patents_may_cite_others():
    few = JoinMetadata(rows=200, unmatched=190, examples=("1",), expected_share=0.05)
    assert warned(joins={"CITATIONS (cited, 1976 and later)": few}) == {}
    none = JoinMetadata(rows=200, unmatched=190, examples=("1",), expected_share=0.5)
    assert "unmatched" in warned(joins={"CITATIONS (cited, 1976 and later)": none})


def test_ids_in_other_forms_and_lost_rows():
    spellings = {"leading zeros": 300, "trailing .0": 20}
    facts = warned(respelled={"CITATIONS": spellings}, lost={"CITATIONS": 4})
    assert facts["respelled"] == {
        "table": "CITATIONS", "ids": 320, "spellings": "leading zeros 300, trailing .0 20",
    }  # fmt: skip
    assert facts["lost_rows"] == {"table": "CITATIONS", "rows": 4}


def test_holes_are_named_by_their_years():
    hole = Hole(what="citing", first_year=2012, last_year=2014, patents=300, having=1, expected_share=0.95)
    facts = warned(holes=(hole,))["hole"]
    assert (facts["what"], facts["years"], facts["having"]) == ("citing", "2012 to 2014", 1)
    one = hole.model_copy(update={"last_year": 2012, "what": "classified"})
    assert warned(holes=(one,))["hole"]["years"] == "2012"


def test_values_that_nobody_knows_and_a_text_for_none():
    values = {"CPC.cpc_type": {"invention": 7, "extra": 900}}
    facts = warned(
        unknown_values=values, repeated_texts=(RepeatedText(patents=40, text="No abstract available"),)
    )
    assert facts["unknown_values"]["values"] == "extra (900), invention (7)"
    assert facts["unknown_values"]["column"] == "CPC.cpc_type"
    assert facts["repeated_text"]["patents"] == 40
    assert warned(repeated_texts=(RepeatedText(patents=9, text="A device"),)) == {}
    title = RepeatedText(column="title", patents=11, text="Untitled")
    assert warned(repeated_texts=(title,))["repeated_text"]["column"] == "title"


def test_cited_ids_that_cannot_be_read_and_an_empty_column():
    ids = {"unreadable": 6, "unreadable_examples": ("x7",)}
    join = JoinMetadata(rows=900, unmatched=20, expected_share=0.01, **ids)
    facts = warned(joins={"CITATIONS (cited, 1976 and later)": join}, blank={"PATENTS.withdrawn": 1000})
    assert facts["unreadable_ids"] == {"share": 0.006, "ids": 6, "rows": 1000, "examples": "x7"}
    assert {name: facts["blank_column"][name] for name in ("table", "column", "rows")} == {
        "table": "PATENTS", "column": "withdrawn", "rows": 1000,
    }  # fmt: skip
    assert warned(blank={"PATENTS.title": 11})["blank_column"]["column"] == "title"
    few = join.model_copy(update={"unreadable": 5})
    assert warned(joins={"CITATIONS (cited, 1976 and later)": few}, blank={"PATENTS.withdrawn": 10}) == {}


def test_related_documents_without_rows():
    empty = TableRows(rows=0, rows_in=0, rejected=0)
    tables = SOUND["tables"] | {"RELATED_DOCUMENTS": empty}
    assert warned(tables=tables)["empty_table"]["table"] == "RELATED_DOCUMENTS"


def test_patents_without_abstracts_or_codes_all_over_the_years():
    covered = SOUND["coverage"] | {"classified": 809, "described": 600}
    facts = warned(coverage=covered | {"classified": 811})
    assert facts["few_covered"] == {
        "table": "ABSTRACTS", "what": "an abstract", "missing": 300, "patents": 900, "share": 300 / 900,
    }  # fmt: skip
    hole = Hole(what="described", first_year=2012, last_year=2014, patents=300, having=0, expected_share=1)
    assert warned(coverage=covered, holes=(hole,))["few_covered"]["table"] == "CPC"


def test_withdrawn_patents_and_sequences_of_a_column_that_holds_one_value():
    steps = (Step(name="rejected", dropped=50, left=950), Step(name="withdrawn", dropped=21, left=929))
    assert warned(patent_steps=steps)["many_withdrawn"]["withdrawn"] == 21
    assert warned(patent_steps=(steps[1].model_copy(update={"dropped": 20}),)) == {}
    assert warned(repeated_sequences=51)["repeated_sequences"] == {"pairs": 51}


def test_texts_that_were_cut():
    cut = LongestTexts(column="abstract", characters=255, texts=11)
    assert warned(longest_texts=(cut,))["cut_texts"] == cut.model_dump()
    assert warned(longest_texts=(cut.model_copy(update={"characters": 99}),)) == {}


def test_a_date_that_stands_for_none():
    day = DayOfGrants(day=datetime.date(1970, 1, 1), patents=201)
    assert warned(busiest_day=day)["one_grant_date"] == {"day": "1970-01-01", "patents": 201, "share": 0.201}
