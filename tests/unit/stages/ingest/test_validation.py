"""What makes a row usable: every rule and its edges, all cases of a table in one block."""

import datetime

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from patent_spark.core.id_spelling import DECIMAL, PADDED, PREFIXED, SEPARATED
from patent_spark.stages.ingest.seen_patents import SeenPatents
from patent_spark.stages.ingest.tsv import DICTIONARY
from patent_spark.stages.ingest.validation import (
    validate_abstracts,
    validate_citations,
    validate_classes,
    validate_patents,
)

D = datetime.date


def columns(repeating=(), **values):
    return {
        name: pa.array(column, DICTIONARY if name in repeating else pa.string())
        for name, column in values.items()
    }


def reasons(validated):
    if validated.rejected_by is None:
        return [None] * validated.rows
    return [None if place < 0 else validated.reasons[place] for place in validated.rejected_by]


def test_patents():
    outside = "grant date outside 1790-07-31..2020-06-30"
    cases = [  # id, date, withdrawn, reason
        ("1", "1790-07-31", "0", None),
        ("2", "2020-06-30", None, None),
        ("D3", " 2012-02-29T00:00:00Z", "1 ", None),
        (None, "2012-02-29", "0", "empty patent_id"),
        (None, None, "7", "empty patent_id"),
        ("2002/0123456", "2012-02-29", "0", "patent_id has not a patent's form"),
        ("4", None, "0", "empty grant date"),
        ("5", "2011-02-29", "0", "unknown date"),
        ("6", "20120229", "0", "unknown date"),
        ("7", "2012-2-9", "0", "unknown date"),
        ("8", "2012-W09-3", "0", "unknown date"),
        ("9", "1790-07-30", "0", outside),
        ("10", "2020-07-01", "0", outside),
        ("11", "9178-12-11", "0", outside),
        ("12", "1074-01-01", "7", outside),
        ("13", "2012-02-29", "2", "withdrawn is not 0 or 1"),
        ("14", "2012-02-29", "false", "withdrawn is not 0 or 1"),
        ("15", "2012-02-29 12:00:00", "0", "unknown date"),
    ]
    ids, dates, withdrawn, expected = map(list, zip(*cases, strict=True))
    block = columns(
        ("grant_date", "withdrawn", "patent_type", "num_claims"),
        patent_id=ids,
        grant_date=dates,
        withdrawn=withdrawn,
        num_claims=["20", None, " 3 ", *[None] * (len(ids) - 3)],
        title=["t"] * len(ids),
        patent_type=["Utility "] * len(ids),
    )
    validated = validate_patents(block, latest=D(2020, 6, 30))
    assert reasons(validated) == expected
    usable = validated.usable()
    assert usable["patent_key"].to_pylist() == [1, 2, 48 * 10**12 + 3]
    assert usable["grant_date"].to_pylist() == [D(1790, 7, 31), D(2020, 6, 30), D(2012, 2, 29)]
    assert usable["withdrawn"].to_pylist() == [False, False, True]
    assert usable["patent_type"].to_pylist() == ["utility"] * 3
    assert usable["num_claims"].to_pylist() == [20, None, 3]
    assert validated.blank == {"PATENTS.withdrawn": 1}


def test_a_number_of_claims_that_is_none_is_unknown():
    odd = ["abc", "-1", "2.5", None, "0", "7"]
    block = columns(
        ("grant_date", "withdrawn", "patent_type", "num_claims"),
        patent_id=[str(number) for number in range(1, 7)],
        grant_date=["2012-02-29"] * 6,
        withdrawn=["0"] * 6,
        title=["t"] * 6,
        patent_type=["utility"] * 6,
        num_claims=odd,
    )
    validated = validate_patents(block, latest=D(2020, 6, 30))
    assert reasons(validated) == [None] * 6
    assert validated.usable()["num_claims"].to_pylist() == [None] * 4 + [0, 7]
    assert validated.blank == {"PATENTS.num_claims": 3}


def test_citations_keep_what_is_wrong_on_the_cited_side():
    block = columns(
        ("patent_id", "citation_category"),
        patent_id=["1", "1", "1", None, "x"],
        citation_patent_id=["2", None, "2002/0123456", "2", "2"],
        citation_category=["Cited by Examiner", "N/A", " cited_by\u00a0other", None, None],
    )
    validated = validate_citations(block)
    assert reasons(validated) == [None, None, None, "empty patent_id", "patent_id has not a patent's form"]
    assert validated.usable()["cited_key"].to_pylist() == [2, None, None]
    assert validated.usable()["citing_key"].to_pylist() == [1, 1, 1]
    assert validated.usable()["citation_category"].to_pylist() == [
        "cited by examiner",
        None,
        "cited by other",
    ]


def test_ids_of_every_table_are_brought_to_one_form():
    citations = validate_citations(
        columns(
            ("patent_id", "citation_category"),
            patent_id=["03930271", "3930272"],
            citation_patent_id=["US-3930270-A", "d0345393"],
            citation_category=[None, None],
        )
    )
    assert citations.usable()["patent_id"].to_pylist() == ["3930271", "3930272"]
    assert citations.usable()["citation_patent_id"].to_pylist() == ["3930270", "D345393"]
    assert citations.usable()["cited_key"].to_pylist() == [3930270, 48 * 10**12 + 345393]
    assert citations.respelled == {PADDED: 2, PREFIXED: 1}
    abstracts = validate_abstracts(columns(patent_id=["3,930,271", "3930272.0"], abstract=["a", "b"]))
    assert abstracts.usable()["patent_key"].to_pylist() == [3930271, 3930272]
    assert abstracts.respelled == {SEPARATED: 1, DECIMAL: 1}


def test_classes():
    sequence, form = "cpc_sequence is not a whole number from 0", "cpc_class is not a letter and two digits"
    cases = [
        ("0", "H04", None),
        ("17 ", " A01", None),
        ("999999999", "Y10", None),
        ("-1", "H04", sequence),
        ("1.0", "H04", sequence),
        ("x", "H", sequence),
        ("9999999999", "H04", sequence),
        (None, "H04", "empty cpc_sequence"),
        ("0", "H", form),
        ("0", "h04", form),
        ("0", "H04L", form),
        ("0", None, "empty cpc_class"),
    ]
    sequences, classes, expected = map(list, zip(*cases, strict=True))
    validated = validate_classes(
        columns(
            ("patent_id", "cpc_sequence", "cpc_class", "cpc_subclass", "cpc_type"),
            patent_id=["1"] * 12,
            cpc_subclass=["H04L "] * 12,
            cpc_type=["Inventional", "additional ", None] + [None] * 9,
            cpc_sequence=sequences,
            cpc_class=classes,
        )
    )
    assert reasons(validated) == expected
    assert validated.usable()["cpc_sequence"].to_pylist() == [0, 17, 999999999]
    assert validated.usable()["cpc_sequence"].type == pa.int32()
    assert validated.usable()["cpc_class"].to_pylist() == ["H04", "A01", "Y10"]
    assert validated.usable()["cpc_subclass"].to_pylist() == ["H04L"] * 3
    assert validated.usable()["cpc_type"].to_pylist() == ["inventional", "additional", None]


def test_an_empty_abstract_is_no_fault():
    validated = validate_abstracts(columns(patent_id=["1", "2"], abstract=["text", None]))
    assert validated.rejected_by is None
    assert validated.usable()["patent_key"].to_pylist() == [1, 2]


NEAR_AND_FAR = st.one_of(
    st.integers(0, 30), st.integers(10**8 - 3, 10**8 + 3), st.integers(48 * 10**12, 48 * 10**12 + 20)
)


@given(st.lists(st.lists(NEAR_AND_FAR, max_size=20), max_size=5))
def test_seen_finds_every_repetition(batches):
    seen, met = SeenPatents(), set()
    for batch in batches:
        expected = []
        for key in batch:
            expected.append(key in met)
            met.add(key)
        assert seen.repeated(pa.array(batch, pa.int64())).tolist() == expected


def test_seen_takes_little_memory():
    seen = SeenPatents()
    seen.repeated(pa.array([12_500_000, 10**11]))
    assert sum(marks.nbytes for marks in seen._marks.values()) < 20_000_000
