"""Releases with random damage: no row goes without a word, and rows that were left alone are read as they
are."""

import re
import zipfile
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patent_spark.cli import main
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.store import Store
from patent_spark.stages.ingest.file_formats import CURRENT
from patent_spark.stages.ingest.tsv import read_blocks
from patent_spark.stages.ingest.zip_reader import open_member
from tests.support.releases import write_release, write_zip

FORMATS = {layout.table: layout for layout in CURRENT}
TEXTS = (
    "plain",
    'a "quoted" word',
    "two\nlines",
    'two\n"quoted"\tlines',
    'five inches: 5"',
    "",
    "\n\n",
    "Ünïcode, é",
)
ROWS = 40


def lines_of(table, quoted):
    """One text a row, with its line break; ids count up from 4000000."""

    def field(text):
        return '"' + text.replace('"', '""') + '"' if quoted else text.replace("\n", " ").replace("\t", " ")

    lines = []
    for i in range(ROWS):
        id_ = str(4_000_000 + i)
        if table == "ABSTRACTS":
            fields = [id_, TEXTS[i % len(TEXTS)]]
        else:
            fields = [id_, str(i), str(3_999_000 + i), "1976-01-01", "cited", "A", "cited by examiner"]
        lines.append("\t".join(map(field, fields)) + "\n")
    return lines


@dataclass(frozen=True)
class Damage:
    """What is done at a place of a row: bytes are put in, taken out, or put in the place of others."""

    row: int
    share: float
    take: int
    put: bytes

    def to(self, line: bytes) -> bytes:
        place = int(self.share * len(line))
        return line[:place] + self.put + line[place + self.take :]


PIECES = [
    b"",
    b'"',
    b'""',
    b"\t",
    b"\n",
    b"\r",
    b"x",
    b"\\",
    b"'",
    b'\n"',
    b'"\n',
    b'\t"',
    "é".encode(),
    b"\x00",
    b",",
    b"0",
]
DAMAGES = st.lists(
    st.builds(
        Damage, st.integers(0, ROWS - 2), st.floats(0, 0.999), st.integers(0, 3), st.sampled_from(PIECES)
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda damage: damage.row,
)


def damaged(table, quoted, damages):
    """The file, and which rows were left alone: not damaged, and not right behind a damaged one."""
    header = "\t".join(f'"{name}"' if quoted else name for name in HEADERS[table]) + "\n"
    lines = [line.encode() for line in lines_of(table, quoted)]
    hit = set()
    for damage in damages:
        lines[damage.row] = damage.to(lines[damage.row])
        hit |= {damage.row, damage.row + 1}
    return header.encode() + b"".join(lines), set(range(ROWS)) - hit


HEADERS = {
    "ABSTRACTS": ("patent_id", "patent_abstract"),
    "CITATIONS": (
        "patent_id", "citation_sequence", "citation_patent_id", "citation_date", "record_name", "wipo_kind",
        "citation_category",
    ),
}  # fmt: skip
NAMES = {"ABSTRACTS": "g_patent_abstract", "CITATIONS": "g_us_patent_citation"}


@pytest.mark.parametrize("block_bytes", [300, 1 << 20])
@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("table", list(HEADERS))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages=DAMAGES)
def test_no_row_goes_without_a_word(tmp_path, table, quoted, block_bytes, damages):
    content, alone = damaged(table, quoted, damages)
    try:
        with open_member(write_zip(tmp_path, NAMES[table], content)) as member:
            blocks = list(read_blocks(member, FORMATS[table], block_bytes))
    except DataError:
        return  # the user is told
    column = "abstract" if table == "ABSTRACTS" else "citation_patent_id"
    kept = {
        (id_, text or "")
        for block in blocks
        for id_, text in zip(
            block.columns["patent_id"].to_pylist(), block.columns[column].to_pylist(), strict=True
        )
    }
    rows, bad, lost = (
        sum(b.rows for b in blocks),
        sum(len(b.malformed) for b in blocks),
        sum(b.lost for b in blocks),
    )
    start = rb'"4[0-9]{6}"\t' if quoted else rb"4[0-9]{6}\t"
    begun = len(re.findall(rb"(?:^|[\r\n])" + start, content.partition(b"\n")[2]))
    assert rows + bad + lost >= begun, "a row is neither kept, nor rejected, nor counted as lost"
    untouched = lines_of(table, False)
    for i in alone:
        expected = untouched[i].rstrip("\n").split("\t")[1 if table == "ABSTRACTS" else 2]
        if quoted and table == "ABSTRACTS":
            expected = TEXTS[i % len(TEXTS)]
        assert (str(4_000_000 + i), expected) in kept


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damages=DAMAGES, limit=st.sampled_from([0.0, 0.02, 0.06]))
def test_no_success_with_more_than_the_share_that_may_be_lost(tmp_path_factory, damages, limit):
    folder = tmp_path_factory.mktemp("fuzz")
    ids = [str(4_000_000 + i) for i in range(ROWS)]
    tables = {
        "g_patent": [
            {"patent_id": id_, "patent_type": "utility", "patent_date": "1976-06-01", "withdrawn": "0"}
            for id_ in ids
        ],
        "g_patent_abstract": [{"patent_id": id_, "patent_abstract": "text"} for id_ in ids],
        "g_us_patent_citation": [],
        "g_cpc_current": [{"patent_id": id_, "cpc_sequence": 0, "cpc_class": "A63"} for id_ in ids],
    }
    release = write_release(folder / "release", tables)
    content, _ = damaged("CITATIONS", True, damages)
    with zipfile.ZipFile(release / "g_us_patent_citation.tsv.zip", "w") as archive:
        archive.writestr("g_us_patent_citation.tsv", content)
    sets = [f"source.path={release}", f"warehouse.root={folder / 'w'}", f"ingest.max_reject_fraction={limit}"]
    code = main(["ingest", *(part for each in sets for part in ("--set", each))])
    assert code in (0, 3)
    if code == 0:
        store = Store(folder / "w")
        read = store.metadata(IngestMetadata)
        rejected, lost = sum(read.rejected["CITATIONS"].values()), read.lost.get("CITATIONS", 0)
        assert read.rows_in["CITATIONS"] == store.read_arrow("CITATIONS").num_rows + rejected + lost
        assert rejected + lost <= limit * read.rows_in["CITATIONS"]
