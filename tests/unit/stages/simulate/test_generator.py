"""The files of a simulated release: format, determinism, broken rows, memory."""

import csv
import dataclasses
import datetime
import io
import re
import subprocess
import sys
from collections import Counter

import pandas as pd
import pytest

from patent_spark.config import Simulate
from patent_spark.stages.simulate.generator import ReleaseGenerator
from tests.support.simulated_release import frame, make, raw


def test_drift_changes_texts_alone_and_none_of_the_first_year(small, tmp_path):
    folder, about = small
    drifted = make(tmp_path / "drifted", patents=3000, seed=5, drift=0.2)
    assert "drift" not in about["settings"] and drifted["settings"]["drift"] == 0.2
    assert drifted["release_id"] != about["release_id"]
    changed = ("release.json", "g_patent.tsv.zip", "g_patent_abstract.tsv.zip")
    for file in folder.iterdir():
        same = (tmp_path / "drifted" / file.name).read_bytes() == file.read_bytes()
        assert same == (file.name not in changed), file.name
    before, after = (
        frame(each, "g_patent_abstract").set_index("patent_id")["patent_abstract"]
        for each in (folder, tmp_path / "drifted")
    )
    year = frame(folder, "g_patent").set_index("patent_id")["patent_date"].str[:4].astype(int)
    same = (before == after).groupby(year.reindex(before.index)).mean()
    assert same[1976] == 1 and same[same.index > 2000].max() < 0.3
    words_of = {level: set(listed) for level, listed in drifted["planted"]["level_words"].items()}

    def level_of(text):
        words = set(text.lower().replace(".", "").replace(",", "").split())
        return next((level for level, own in words_of.items() if own & words), "")

    signal = pd.read_parquet(tmp_path / "drifted" / "truth.parquet").set_index("patent_id")["level_signal"]
    recent = after[year.reindex(after.index) > 2010]
    assert (recent.map(level_of) == signal.reindex(recent.index)).mean() > 0.9


def header(*names):
    """The first line of a TSV file, or its beginning."""
    return "\t".join(f'"{name}"' for name in names).encode()


def test_files_are_written_as_patentsview_writes_them(small):
    folder, _ = small
    lines = raw(folder, "g_patent").split(b"\n", 2)
    assert lines[0] == header(
        "patent_id", "patent_type", "patent_date", "patent_title", "wipo_kind", "num_claims", "withdrawn",
        "filename",
    )  # fmt: skip
    row = rb'"3930271"\t"utility"\t"1976-01-(\d\d)"\t"[^"]+"\t"A"\t\d+\t[01]\t"ipg7601\1.xml"'
    assert re.fullmatch(row, lines[1])
    lines = raw(folder, "g_us_patent_citation").split(b"\n")
    assert lines[0] == header(
        "patent_id", "citation_sequence", "citation_patent_id", "citation_date", "record_name", "wipo_kind",
        "citation_category",
    )  # fmt: skip
    row = re.compile(rb'"[A-Z]{0,2}\d+"\t\d+\t"[^"]*"\t"\d{4}-\d\d-01"\t"[A-Z][^"]*"\t"[A-Z]\d?"\t"[a-z ]*"')
    assert all(row.fullmatch(line) for line in lines[1:-1])
    assert lines[-1] == b""
    row = re.compile(
        rb'"[A-Z]{0,2}\d+"\t\d+\t"([A-HY])"\t"(\1\d\d)"\t"(\2[A-Z])"\t"\3\d+/\d+"\t"(inventional|additional)"'
    )
    assert all(row.fullmatch(line) for line in raw(folder, "g_cpc_current").split(b"\n")[1:-1])
    columns = ("application_id", "patent_id", "patent_application_type", "filing_date")
    assert raw(folder, "g_application").startswith(header(*columns))
    columns = [f"cpc_{name}{kind}" for name in ("subclass", "group", "class") for kind in ("", "_title")]
    assert raw(folder, "g_cpc_title").split(b"\n", 1)[0] == header(*columns)


def test_texts_with_newlines_quotes_and_other_letters_survive_the_csv_module(small):
    folder, about = small
    text = raw(folder, "g_patent_abstract").decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter="\t"))
    assert rows[0] == ["patent_id", "patent_abstract"] and {len(row) for row in rows} == {2}
    assert len(rows) - 1 == about["rows"]["g_patent_abstract.tsv.zip"] < text.count("\n")
    abstracts = [row[1] for row in rows[1:]]
    assert any("\n" in each for each in abstracts) and any('"' in each for each in abstracts)
    assert any(not each.isascii() for each in abstracts)
    assert not any("\t" in each for each in abstracts)
    designs = {row[0] for row in rows[1:] if row[0].startswith("D")}
    assert designs and all(not row[1] for row in rows[1:] if row[0] in designs)
    assert len(designs) < frame(folder, "g_patent")["patent_id"].str.startswith("D").sum()


def test_release_json_describes_the_files(small, tmp_path):
    folder, about = small
    (tmp_path / "again").mkdir()
    description = ReleaseGenerator(tmp_path / "again", Simulate(patents=3000, seed=5)).generate()
    assert description.model_dump(by_alias=True) == about
    assert list(about)[:4] == ["release_id", "data_to_date", "source", "bayes_rates"]
    assert about["source"] == "simulated" and about["data_to_date"] == "2025-09-30"
    assert about["release_id"].startswith("sim-3000-s5-")
    settings = dataclasses.asdict(Simulate(patents=3000, seed=5))
    # These came later and are left out where they have no effect.
    del settings["drift"], settings["relatives"], settings["feature_effect"]
    assert about["settings"] == settings | {"data_to_date": "2025-09-30"}
    for file in folder.glob("*.zip"):
        assert about["rows"][file.name] == len(frame(folder, file.name.removesuffix(".tsv.zip")))
    assert {path.name for path in folder.iterdir()} == {*about["rows"], "release.json", "truth.parquet"}


def test_the_same_seed_gives_the_same_bytes_whatever_the_chunks(small, tmp_path):
    folder, about = small
    make(tmp_path / "again", patents=3000, seed=5)
    for file in folder.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes(), file.name
    in_chunks = make(tmp_path / "chunks", chunk=517, patents=3000, seed=5)
    assert in_chunks == about
    for file in folder.glob("*.zip"):
        name = file.name.removesuffix(".tsv.zip")
        assert raw(tmp_path / "chunks", name) == raw(folder, name)
    truths = [pd.read_parquet(each / "truth.parquet") for each in (tmp_path / "chunks", folder)]
    pd.testing.assert_frame_equal(*truths)
    make(tmp_path / "other", patents=3000, seed=6)
    for file in folder.glob("*_*.zip"):
        if file.name != "g_cpc_title.tsv.zip":
            assert (tmp_path / "other" / file.name).read_bytes() != file.read_bytes(), file.name


def without_citations_of_later_patents(citations, order):
    pairs = citations[["patent_id", "citation_patent_id"]]
    kept = [order.get(cited, 0) <= order[citing] for citing, cited in pairs.to_numpy()]
    return pairs[kept].reset_index(drop=True)


def test_a_later_release_adds_to_an_earlier_one(small, tmp_path):
    folder, _ = small
    about = make(tmp_path / "early", patents=3000, seed=5, data_to_date=datetime.date(2018, 5, 29))
    assert about["data_to_date"] == "2018-05-29"
    for name in ("g_patent", "g_patent_abstract", "g_cpc_current", "g_us_patent_citation"):
        early, late = frame(tmp_path / "early", name), frame(folder, name)
        if name == "g_us_patent_citation":
            # The few citations of a patent not yet granted can only be known later.
            order = {each: k for k, each in enumerate(frame(folder, "g_patent")["patent_id"])}
            early, late = (without_citations_of_later_patents(rows, order) for rows in (early, late))
        assert 0.4 * len(late) < len(early) < 0.8 * len(late)
        pd.testing.assert_frame_equal(early, late.iloc[: len(early)])
    assert frame(tmp_path / "early", "g_patent")["patent_date"].max() == "2018-05-29"


def test_file_format_of_older_dumps(small, tmp_path):
    folder, _ = small
    make(tmp_path / "old", patents=3000, seed=5, columns="old")
    files = {"patent.tsv.zip", "uspatentcitation.tsv.zip", "cpc_current.tsv.zip", "usreldoc.tsv.zip"}
    assert {path.name for path in (tmp_path / "old").glob("*.zip")} == files
    patents, new = frame(tmp_path / "old", "patent"), frame(folder, "g_patent")
    assert list(patents) == [
        "id", "type", "number", "country", "date", "abstract", "title", "kind", "num_claims",
        "filename", "withdrawn",
    ]  # fmt: skip
    assert list(patents["id"]) == list(new["patent_id"])
    assert list(patents["title"]) == list(new["patent_title"])
    assert set(patents["country"]) == {"US"}
    abstracts = frame(folder, "g_patent_abstract")
    expected = abstracts.set_index("patent_id")["patent_abstract"]
    assert patents.set_index("id")["abstract"].reindex(expected.index).equals(expected)
    cpc, new = frame(tmp_path / "old", "cpc_current"), frame(folder, "g_cpc_current")
    assert list(cpc) == [
        "uuid", "patent_id", "section_id", "subsection_id", "group_id", "subgroup_id", "category", "sequence",
    ]  # fmt: skip
    assert cpc["uuid"].is_unique
    columns = ["section", "class", "subclass", "group", "type", "sequence"]
    expected = new[["patent_id", *(f"cpc_{name}" for name in columns)]]
    assert (cpc.drop(columns="uuid").to_numpy() == expected.to_numpy()).all()
    citations, new = frame(tmp_path / "old", "uspatentcitation"), frame(folder, "g_us_patent_citation")
    assert list(citations) == [
        "uuid", "patent_id", "citation_id", "date", "name", "kind", "country", "category", "sequence",
    ]  # fmt: skip
    assert list(citations["citation_id"]) == list(new["citation_patent_id"])


def test_broken_rows_are_extra_and_counted(small, tmp_path):
    folder, clean = small
    about = make(tmp_path / "broken", chunk=70, patents=3000, seed=5, broken_fraction=0.02)
    is_of_kind = {
        "too few fields": lambda fields, width: len(fields) < width,
        "too many fields": lambda fields, width: len(fields) > width,
        "no patent id": lambda fields, width: '""' in fields[:2],
        "malformed patent id": lambda fields, width: any(re.fullmatch(r'"\d+-\d+/x"', f) for f in fields),
        "impossible date": lambda fields, width: '"2009-02-30"' in fields,
        "date far off": lambda fields, width: '"9178-12-11"' in fields or '"1074-03-05"' in fields,
        "text in a number": lambda fields, width: '"first"' in fields,
    }
    for file, kinds in about["broken"].items():
        name = file.removesuffix(".tsv.zip")
        good = Counter(raw(folder, name).split(b"\n"))
        lines = raw(tmp_path / "broken", name).split(b"\n")
        broken = list((Counter(lines) - good).elements())
        assert not good - Counter(lines), "the good rows are those of the release without broken ones"
        assert about["rows"][file] == clean["rows"][file] + len(broken)
        assert len(broken) == sum(kinds.values()) == pytest.approx(0.02 * about["rows"][file], abs=1.1)
        width = lines[0].count(b"\t") + 1
        rows = [line.decode().split("\t") for line in broken]
        counts = Counter(kind for row in rows for kind in kinds if is_of_kind[kind](row, width))
        assert counts == kinds, file
    assert about["bayes_rates"] == clean["bayes_rates"]
    assert set(about["broken"]["g_patent.tsv.zip"]) == set(is_of_kind) - {"text in a number"}


@pytest.mark.slow
def test_memory_does_not_grow_with_the_release(tmp_path):
    script = (
        "import pathlib, re, sys\n"
        "from patent_spark.config import Simulate\n"
        "from patent_spark.stages.simulate.generator import ReleaseGenerator\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "folder.mkdir()\n"
        "ReleaseGenerator(folder, Simulate(patents=int(sys.argv[2]))).generate()\n"
        "print(re.search(r'VmHWM:\\s+(\\d+) kB', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    peaks = []
    for patents in (20_000, 400_000):
        command = [sys.executable, "-c", script, tmp_path / str(patents), str(patents)]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] < peaks[0] + 80, "MB; the release is twenty times as large"
