"""What quotes do to rows: none swallows another, a broken row is one rejected row, whichever way a file is
quoted."""

import csv
import io

import pytest

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.quoting import Quoting, find_quoting
from tests.support.abstract_files import HEADER, read, rows
from tests.support.errors import raises

BROKEN = {
    "a quote in the middle of a text with lines": ('one "two\nthree', "four"),
    "a quote before a line break": ('five inches: 5"\nlong', "four"),
    "no quote at the end": ("one\x00", "four"),
    "two quotes in a text with lines": ('a "b" c\nd', "four"),
    "a quote at the beginning": ('"one\ntwo', "four"),
    "an inch mark at the end": ('a tube of 5"', "four"),
}


@pytest.mark.parametrize("block_bytes", [60, 1 << 20])
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_one_rejected_row(tmp_path, name, block_bytes):
    """Not two, however many lines it has; and what is before and behind it is kept."""
    content = rows("first") + rows(BROKEN[name][0], first=2).replace('\x00"', "")
    content += rows(BROKEN[name][1], "last", first=3)
    kept, rejected, lost = read(tmp_path, HEADER + content, block_bytes)
    assert kept == [("4000001", "first"), ("4000003", "four"), ("4000004", "last")]
    assert [row for row, _ in rejected] == [3]
    assert lost == 0


@pytest.mark.parametrize("start", ['"40\n00002"', '"400"0002"', '\x004000002"', '"\n4000002"'])
def test_a_row_whose_id_is_damaged_leaves_the_one_before_alone(tmp_path, start):
    """It is rejected here or, for its id, later."""
    content = rows("first", "second", "third").replace('"4000002"', start)
    kept, rejected, _ = read(tmp_path, HEADER + content)
    whole = [row for row in kept if len(row[0]) == 7 and row[0].isdigit()]
    assert whole == [("4000001", "first"), ("4000003", "third")]
    assert len(kept) + len(rejected) == 3


def test_two_broken_rows_in_a_row(tmp_path):
    content = (
        rows("first", "second", "third", "fourth").replace('second"', "second").replace('third"', "third")
    )
    kept, rejected, _ = read(tmp_path, HEADER + content)
    assert kept == [("4000001", "first"), ("4000004", "fourth")]
    assert [row for row, _ in rejected] == [3, 4]


def test_a_backslash_before_inner_quotes_is_a_character(tmp_path):
    """Exports of some databases write \\" for a quote; balanced or not, no row is lost.

    At the end of a text it makes a doubled quote of the closing one: this row alone is rejected.
    """
    content = rows('a \\"lamp\\" of 5\\" here', "two", "lines\nof text", 'ends with \\"', "five")
    kept, rejected, lost = read(tmp_path, HEADER + content)
    assert [id_ for id_, _ in kept] == ["4000001", "4000002", "4000003", "4000005"]
    assert (rejected, lost) == ([(5, "a quote is not closed")], 0)
    assert kept[0][1].startswith("a \\lamp") and kept[2][1] == "lines\nof text"


def test_backslashes_around_line_breaks_reject_their_row_alone(tmp_path):
    kept, rejected, _ = read(tmp_path, HEADER + rows('a \\"lamp\nof 5\\" here', "two", "three"))
    assert kept == [("4000002", "two"), ("4000003", "three")]
    assert [row for row, _ in rejected] == [2]


def test_an_id_within_a_text_begins_no_row_while_its_quotes_are_doubled(tmp_path):
    text = 'see\n""4000009""\tand\n4000008\tthere'
    kept, rejected, _ = read(tmp_path, HEADER + rows("first", text, "third"))
    assert kept[1] == ("4000002", text.replace('""', '"'))
    assert len(kept) == 3 and rejected == []


def test_a_line_that_is_no_row_spoils_none(tmp_path):
    kept, rejected, _ = read(tmp_path, HEADER + rows("first", "a\nb") + "(2 rows)\n")
    assert kept == [("4000001", "first"), ("4000002", "a\nb")]
    assert rejected == [(4, "too few fields")]


TEXTS = ["plain", 'a "lamp"', "two\nlines", "a\ttab", "5 inches", "last"] * 40


def exported(quoting):
    """The file as Python's csv module, pandas or R write it."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="\t", quoting=quoting, lineterminator="\n")
    writer.writerow(["patent_id", "patent_abstract"])
    writer.writerows([4_000_001 + i, text] for i, text in enumerate(TEXTS))
    return out.getvalue()


@pytest.mark.parametrize("block_bytes", [500, 1 << 20])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
def test_quotes_around_all_fields_texts_or_where_needed(tmp_path, quoting, block_bytes):
    kept, rejected, lost = read(tmp_path, exported(quoting), block_bytes)
    assert kept == [(str(4_000_001 + i), text) for i, text in enumerate(TEXTS)]
    assert (rejected, lost) == ([], 0)


@pytest.mark.parametrize("quoting", [csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
def test_a_stray_quote_in_such_a_file_costs_its_row_alone(tmp_path, quoting):
    """Far into the file, behind the rows that told how it is quoted, in blocks that are smaller than it."""
    broken = exported(quoting).replace('4000183\t"two\nlines"', '4000183\t"two\nlines')
    kept, rejected, _ = read(tmp_path, broken, 2000)
    assert [reason for _, reason in rejected] == ["a quote is not closed"]
    assert kept == [(str(4_000_001 + i), text) for i, text in enumerate(TEXTS) if i != 182]


def test_the_quoting_of_old_dumps_is_none():
    plain = b"".join(b"%d\ta text of 5 inches\n" % i for i in range(4_000_000, 4_000_400))
    assert find_quoting(plain, 2) is Quoting.NONE
    stray = plain.replace(b"4000100\ta text", b'4000100\t"a text').replace(
        b"4000300\ta text", b'4000300\ta" text'
    )
    assert find_quoting(stray, 2) is Quoting.NONE
    enclosing = plain.replace(b"4000100\t", b'4000100\t"').replace(
        b"4000300\ta text of 5 inches", b'4000300\ta"'
    )
    assert find_quoting(enclosing, 2) is Quoting.NONE


def test_nul_bytes_reject_their_row_in_every_kind_of_file(tmp_path):
    content = HEADER + rows("first", "sec\0ond", "third")
    kept, rejected, _ = read(tmp_path, content)
    assert [id_ for id_, _ in kept] == ["4000001", "4000003"]
    assert rejected == [(3, "NUL bytes stand within the row")]
    assert read(tmp_path, content.replace('"', ""))[1] == rejected


def test_a_part_of_a_file_that_is_only_zeros_is_an_error(tmp_path):
    content = HEADER + rows("first", "sec" + "\0" * 4096 + "ond", "third")
    with raises(DataError, file="g_patent_abstract.tsv.zip", row=3):
        read(tmp_path, content)


def test_a_quote_in_a_file_without_quotes_is_a_character(tmp_path):
    """Two of them would enclose the rows between, and one all rows to the end of the file."""
    texts = ["first", '"second', "third", 'fourth 5"', "fifth"]
    content = (HEADER + rows(*texts)).replace('"', "")
    for plain, text in zip(("second", "fourth 5"), ('"second', 'fourth 5"'), strict=True):
        content = content.replace(f"\t{plain}\n", f"\t{text}\n")
    kept, rejected, lost = read(tmp_path, content)
    assert [text for _, text in kept] == texts
    assert (rejected, lost) == ([], 0)


def test_two_rows_on_one_line_are_rejected_and_the_second_counts_as_lost(tmp_path):
    content = HEADER + rows("first", "second", "third", "fourth").replace('second"\n', 'second"')
    kept, rejected, lost = read(tmp_path, content)
    assert [text for _, text in kept] == ["first", "fourth"]
    assert ([row for row, _ in rejected], lost) == ([3], 1)


CUT_OFF = {
    "\n and so on": 4,
    "": 4,
    '"': 4,
    "\n": 4,
    '\r\n"4000004"\t"a': 5,
    '"\n"4000004"': 5,
    '"\r\n"4000004"\t': 5,
}
"""How the text of row 4 may go on to the end of the file, and the row that is then incomplete."""


@pytest.mark.parametrize("end", CUT_OFF)
@pytest.mark.parametrize("block_bytes", [40, 1 << 20])
def test_a_file_that_ends_within_a_row_is_incomplete(tmp_path, end, block_bytes):
    """Inside quotes, with or without a line break at the end, or without the last line break."""
    content = HEADER + rows("first", "second", "third").removesuffix('"\n') + end
    with raises(DataError, file="g_patent_abstract.tsv.zip", row=CUT_OFF[end]):
        read(tmp_path, content, block_bytes)
