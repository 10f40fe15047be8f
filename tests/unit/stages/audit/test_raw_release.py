"""The audit's own reader: no quotes, texts over several lines, and ids in any form."""

import pytest

from patent_spark.stages.audit.raw_release import CITATIONS, CLASSES, PATENTS, RawRelease
from tests.support.releases import tsv, write_zip


def release(folder, **contents):
    files = {
        PATENTS: ("g_patent", ("patent_id", "patent_date", "withdrawn")),
        CITATIONS: (
            "g_us_patent_citation", ("patent_id", "citation_patent_id", "citation_category"),
        ),
        CLASSES: ("g_cpc_current", ("patent_id", "cpc_sequence", "cpc_class", "cpc_type")),
    }  # fmt: skip
    return RawRelease(
        {table: (write_zip(folder, file, contents.get(file, tsv(file, []))), columns)
         for table, (file, columns) in files.items()}
    )  # fmt: skip


def test_a_title_over_several_lines_hides_no_patent(tmp_path):
    rows = [
        {"patent_id": 4000000 + i, "patent_date": "1976-06-01", "patent_title": title, "withdrawn": 0}
        for i, title in enumerate(["plain", 'two\n"quoted"\tlines', "a\nb\nc", 'five inches: 5"'])
    ]
    actual = release(tmp_path, g_patent=tsv("g_patent", rows)).rows(
        PATENTS, 0, ["4000000", "4000002", "4000003"]
    )
    assert sorted(actual) == [(id_, "1976-06-01", "0") for id_ in ("4000000", "4000002", "4000003")]


def test_a_stray_quote_swallows_nothing(tmp_path):
    content = tsv("g_us_patent_citation", [f'"{5000000 + i}"\t0\t"4000000"\t""\t"{name}\t""\t""'
                                           for i, name in enumerate(["", '"stray', "", ""])])  # fmt: skip
    actual = release(tmp_path, g_us_patent_citation=content).rows(CITATIONS, 1, ["4000000"])
    assert [row[0] for row in actual] == ["5000000", "5000001", "5000002", "5000003"]


FORMS = ["04000000", "4,000,000", "4000000.0", "US-4000000-B2", "US4000000A", " 4000000 ", "4000000",
         "4.000000e+06", "4.000.000", "4'000'000", "4\u202f000\u00a0000", "U.S. Pat. No. 4,000,000",
         "=4000000",
         "patent/US4000000B2/en", "[4000000]", "\ufeff4000000", "4000000,0", "US/4000000"]  # fmt: skip


@pytest.mark.parametrize("written", FORMS)
def test_ids_in_any_form_are_found(tmp_path, written):
    row = {"patent_id": "5000000", "citation_patent_id": written, "citation_category": "Cited By Examiner"}
    actual = release(tmp_path, g_us_patent_citation=tsv("g_us_patent_citation", [row]))
    assert actual.rows(CITATIONS, 1, ["4000000"]) == [("5000000", "4000000", "cited by examiner")]


@pytest.mark.parametrize("written", ["d0000007", "D 7", "Des. 7", "US-D7-S1", "D7"])
def test_ids_with_letters_are_found(tmp_path, written):
    row = {"patent_id": "5000000", "citation_patent_id": written}
    actual = release(tmp_path, g_us_patent_citation=tsv("g_us_patent_citation", [row]))
    assert actual.rows(CITATIONS, 1, ["D7"]) == [("5000000", "D7", "")]


@pytest.mark.parametrize("written", ["40,00000", "4000,000", "4/000000", "4.00e+06", "x4000000"])
def test_what_is_no_id_is_none(tmp_path, written):
    row = {"patent_id": "5000000", "citation_patent_id": written}
    actual = release(tmp_path, g_us_patent_citation=tsv("g_us_patent_citation", [row]))
    assert actual.rows(CITATIONS, 1, ["4000000"]) == []


def test_values_and_headers_as_exports_write_them(tmp_path):
    rows = [{"patent_id": "4000000", "patent_date": " 1976-06-01 00:00:00", "withdrawn": "0 "}]
    content = tsv("g_patent", rows).replace(b'"patent_id"', b'"Patent ID"', 1)
    row = {"patent_id": "5000000", "citation_patent_id": "4000000", "citation_category": "Cited_By  Examiner"}
    files = release(tmp_path, g_patent=content, g_us_patent_citation=tsv("g_us_patent_citation", [row]))
    assert files.rows(PATENTS, 0, ["4000000"]) == [("4000000", "1976-06-01", "0")]
    assert files.rows(CITATIONS, 1, ["4000000"]) == [("5000000", "4000000", "cited by examiner")]
