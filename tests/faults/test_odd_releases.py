"""Readable but unusual releases: the tables, and what each stage reports, through the command line."""

import datetime
import json

import pytest

from patent_spark.cli import BAD_DATA, DONE, main
from patent_spark.core.store import Store
from patent_spark.stages.quality.messages import CONSEQUENCES, warn
from tests.support.messages import line_with
from tests.support.releases import write_release

FIRST, STEP, PATENTS = 4_000_000, 250, 40
FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 4), "2009-08-20"


def number(place):
    return str(FIRST + STEP * place)


def rows_of_release():
    """40 patents of one class, one a quarter, 250 numbers apart; each cites the two before it."""
    places = range(PATENTS)
    days = [FIRST_DAY + datetime.timedelta(90 * place) for place in places]
    return {
        "g_patent": [
            {
                "patent_id": number(i),
                "patent_type": "utility",
                "patent_date": str(days[i]),
                "patent_title": f"Lamp {i}",
                "withdrawn": 0,
            }
            for i in places
        ],
        "g_patent_abstract": [
            {"patent_id": number(i), "patent_abstract": f"A lamp of {i} parts."} for i in places
        ],
        "g_us_patent_citation": [
            {"patent_id": number(i), "citation_patent_id": number(i - k)}
            for i in places
            for k in (1, 2)
            if i >= k
        ],
        "g_cpc_current": [
            {"patent_id": number(i), "cpc_sequence": 0, "cpc_class": "H04", "cpc_type": "inventional"}
            for i in places
        ],
    }


class ReleaseRun:
    """A release folder and its warehouse."""

    def __init__(self, home, capsys):
        self.home, self.capsys, self.store = home, capsys, Store(home / "warehouse")

    def write(self, rows, data_to_date=LAST_DAY):
        write_release(self.home / "release", rows, {"release_id": "odd", "data_to_date": data_to_date})

    def run(self, *stages, sets=()):
        """Run stages until one fails; returns the last exit code, and the text that all of them printed."""
        code = DONE
        sets = (
            f"source.path={self.home / 'release'}",
            f"warehouse.root={self.store.root}",
            "label.reference_set=class",
            *sets,
        )
        for stage in stages:
            code = code or main([stage, *(part for setting in sets for part in ("--set", setting))])
        return code, self.capsys.readouterr().err

    def labels(self):
        return {row["patent_id"]: row for row in self.store.read_arrow("LABELS").to_pylist()}

    def quality(self):
        return json.loads((self.store.directory("QUALITY") / "quality.json").read_text())


@pytest.fixture
def house(tmp_path, capsys):
    return ReleaseRun(tmp_path, capsys)


def test_a_range_of_patents_is_missing(house):
    rows = rows_of_release()
    house.write(rows)
    assert house.run("ingest", "label", "quality")[0] == DONE
    whole = house.labels()
    assert house.quality()["warnings"] == []

    rows["g_patent"] = [row for row in rows["g_patent"] if not 4_003_000 <= int(row["patent_id"]) < 4_005_000]
    house.write(rows)
    code, messages = house.run("ingest", "label", "quality")
    assert code == DONE
    warnings = {warning["code"]: warning for warning in house.quality()["warnings"]}
    absent, ranges = warnings["many_absent"], warnings["missing_ranges"]
    assert (absent["facts"]["absent"], absent["facts"]["citations"]) == (16, 77)
    assert ranges["facts"]["examples"] == "4,003,000 to 4,004,999 (16 citations)"
    line_with(messages, absent["message"])
    line_with(messages, ranges["message"])
    labels = house.labels()
    lost = {"4002500": 1, "4002750": 2}  # the citations that the missing patents made
    assert len(labels) == PATENTS - 8
    assert {
        id_: whole[id_]["forward_citations"] - row["forward_citations"] for id_, row in labels.items()
    } == dict.fromkeys(labels, 0) | lost


UNUSABLE = {
    "g_patent": {"patent_id": "?", "patent_date": "2000-01-04", "withdrawn": 0},
    "g_patent_abstract": {"patent_id": number(0), "patent_abstract": ""},
    "g_us_patent_citation": {"patent_id": "?", "citation_patent_id": number(0)},
    "g_cpc_current": {
        "patent_id": number(0),
        "cpc_sequence": 0,
        "cpc_class": "somewhere",
        "cpc_type": "inventional",
    },
}


def no_level(open_windows, without_class):
    return "citation level", f"{open_windows} citation windows", f"{without_class} patents have no class"


NOTHING_TO_TRAIN_ON = ("patent-spark: technology", "split.sample = 1.0")


def warn_empty(table):
    """The warning about a table without rows."""
    return (warn("empty_table", table=table, consequence=CONSEQUENCES[table]).message,)


REPORTED = {
    "g_patent": [no_level(0, 0), warn_empty("PATENTS"), NOTHING_TO_TRAIN_ON],
    "g_patent_abstract": [warn_empty("ABSTRACTS")],
    "g_us_patent_citation": [warn_empty("CITATIONS")],
    "g_cpc_current": [no_level(21, 40), warn_empty("CPC"), NOTHING_TO_TRAIN_ON],
}


@pytest.mark.parametrize("table", UNUSABLE)
def test_no_row_of_a_table_can_be_used(house, table):
    """Every row is rejected or empty, which is allowed; a file without rows is not."""
    house.write(rows_of_release() | {table: [UNUSABLE[table]]})
    code, messages = house.run(
        "ingest", "label", "quality", "split", sets=["ingest.max_reject_fraction=1.0", "tasks=technology"]
    )
    assert code == (BAD_DATA if NOTHING_TO_TRAIN_ON in REPORTED[table] else DONE)
    for facts in REPORTED[table]:
        line_with(messages, *facts)
    levels = {row["citation_level"] for row in house.labels().values()}
    assert (
        levels
        == {
            "g_patent": set(),
            "g_patent_abstract": {None, "btm90"},
            "g_us_patent_citation": {None, "zerocite"},
            "g_cpc_current": {None},
        }[table]
    )


def test_impossible_grant_dates_are_rejected_and_reported(house):
    rows = rows_of_release()
    for place, day in ((3, "9178-12-11"), (4, "1074-03-05")):
        rows["g_patent"][place]["patent_date"] = day
    house.write(rows)
    code, messages = house.run("ingest")
    kept = house.store.root / "logs" / "rejects-PATENTS.parquet"
    assert code == BAD_DATA
    facts = ("PATENTS", "2 of 40 rows", "5 %", "1 %", "ingest.max_reject_fraction", kept)
    line_with(messages, "patent-spark: ", *facts, "grant date outside 1790-07-31..2009-08-20 2")
    code, messages = house.run("ingest", "label", "quality", sets=["ingest.max_reject_fraction=0.1"])
    assert code == DONE
    line_with(messages, "g_patent.tsv.zip", "40 rows", "2 rejected")
    assert house.quality()["known_issues"][9]["observed"] == {
        "grant date outside 1790-07-31..2009-08-20": 2,
        "rows of CPC": 40,
    }
    rejects = house.store.read_arrow("REJECTS").to_pylist()
    assert [(row["row"], row["content"].split("\t")[2]) for row in rejects] == [
        (5, '"9178-12-11"'),
        (6, '"1074-03-05"'),
    ]
    labels = house.labels()
    assert not {number(3), number(4)} & set(labels) and labels[number(2)]["forward_citations"] == 0


@pytest.mark.parametrize("day", ["9178-12-11", "1074-03-05"])
def test_a_release_cannot_cover_that_day(house, day):
    """With the one every window would count as closed, with the other every patent would be of the future."""
    house.write(rows_of_release(), day)
    refused = ("patent-spark: ", f"data_to_date = {day}", "set release.data_to_date")
    code, messages = house.run("ingest")
    assert code == BAD_DATA
    line_with(messages, *refused, "(release.json)")
    house.write(rows_of_release())
    code, messages = house.run("ingest", sets=[f"release.data_to_date={day}"])
    assert code == BAD_DATA
    line_with(messages, *refused, "(release.data_to_date)")
    assert house.store.manifest("ingest") is None


def test_data_to_date_lies_before_the_end_of_every_window(house):
    young = {table: rows[:12] for table, rows in rows_of_release().items()}
    house.write(young, "2002-12-31")
    code, messages = house.run("ingest", "label", "quality", "split", sets=["tasks=citation_level"])
    assert code == BAD_DATA
    line_with(messages, *no_level(12, 0))
    line_with(messages, warn("all_windows_open", data_to_date="2002-12-31", patents=12).message)
    line_with(messages, "patent-spark: citation_level", "split.train_until", "split.test_years")
    assert house.run("label", "split", sets=["tasks=citation_level", "label.horizon_months=12"])[0] == DONE
