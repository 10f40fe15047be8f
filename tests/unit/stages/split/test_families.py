"""FAMILIES: patents connected by abstracts and by related documents."""

import datetime
from collections import defaultdict

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from patent_spark import cli
from patent_spark.core.patent_ids import patent_keys
from patent_spark.core.store import Store
from patent_spark.stages.audit.relatives import connected_patents, document_links
from patent_spark.stages.split.families import connected_families, largest_family
from tests.support.factories import publish, table_of
from tests.support.ingested_tables import publish_release, run
from tests.support.messages import line_with
from tests.support.table_hash import table_digest

DAY = datetime.date(2001, 2, 6)


def related(id_, relation, kind, number, is_patent=False):
    key = patent_keys(pa.array([number], pa.string()))[0].as_py() if is_patent else None
    return {
        "patent_id": id_,
        "relation": relation,
        "related_kind": kind,
        "related_number": number,
        "related_key": key,
    }


def grant(id_, relation, number):
    return related(id_, relation, "parent-grant", number, is_patent=True)


CASES = {
    "a chain of three": [grant("102", "continuation", "101"), grant("103", "division", "102")],
    "the same application": [
        related("201", "continuation-in-part", "parent", "10/123,456"),
        related("202", "division", "parent", "10123456"),
    ],
    "the same application without its series": [
        related("203", "division", "parent", "123,456"),
        related("204", "division", "parent", "123456"),
    ],
    "read from running text, without a kind": [
        related("205", "division", None, "10555555"),
        related("206", "division", None, "10555555"),
    ],
    "the same provisional application, which another calls its parent": [
        related("301", "us-provisional-application", None, "60/987,654"),
        related("302", "us-provisional-application", None, "60987654"),
        related("303", "continuation", "parent", "60987654"),
    ],
    "the same publication": [
        related("401", "related-publication", None, "US 2004/0123456 A1"),
        related("402", "related-publication", "parent-pct", "US20040123456A1"),
        related("403", "related-publication", None, "US20040123456A1"),
    ],
    "an unknown type, none, and a correction": [
        related("501", "made-up", "parent", "11222333"),
        related("502", None, "parent", "11222333"),
        related("503", "correction", "parent", "11222333"),
        related("504", "made-up", "parent-grant", "501", is_patent=True),
    ],
    "a withdrawn parent": [grant("601", "reissue", "602"), grant("603", "substitution", "602")],
    "a parent that is not in the release": [
        grant("701", "continuation", "3900000"),
        grant("702", "reexamination", "3900000"),
    ],
    "itself": [grant("801", "continuation", "801"), related("802", "continuation", "parent", "12000802")],
    "the same child": [
        related("901", "continuation", "child", "12000000"),
        related("902", "us-provisional-application", "child", "12000000"),
        related("903", "us-provisional-application", "child", "12000000"),
        related("904", "division", "child", "12000000"),
    ],
    "abstracts between": [grant("1003", "continuation", "1002")],
    "without abstracts": [grant("D1002", "division", "D1001")],
    "the same application under the PCT": [
        related("1101", "continuation", "parent-pct", "PCT/US2004/012345"),
        related("1102", "continuing-reissue", "parent", "pctus2004012345"),
    ],
    "no number": [
        related("1201", "continuation", "parent", "00000000"),
        related("1202", "continuation", "parent", "00/000,000"),
        related("1203", "continuation", "parent", None),
        related("1204", "continuation", "parent-grant", None),
        related("1205", "continuation", "parent-grant", "none of them"),
        related("1206", "continuation", "parent-grant", "none of them"),
    ],
    "over a patent that is not in the release": [
        grant("1301", "continuation", "1300"),
        related("1300", "continuation", "parent", "09111222"),
        related("1302", "division", "parent", "09111222"),
    ],
}
TOGETHER = [
    ["101", "102", "103"],
    ["201", "202"],
    ["301", "302", "303"],
    ["601", "602", "603"],
    ["701", "702"],
    ["1001", "1002", "1003", "1004"],
    ["D1001", "D1002"],
    ["1101", "1102"],
    ["1301", "1302"],
]
NOT_THERE = {"1300"}
ABSTRACTS = {
    "1001": "A lamp.",
    "1002": "a  LAMP.",
    "1003": "A light.",
    "1004": "A light. ",
    "1005": "A door.",
    "102": "A chain.",
    "601": " ",
}
IDS = (
    {row["patent_id"] for rows in CASES.values() for row in rows}
    | {id_ for family in TOGETHER for id_ in family}
    | {*ABSTRACTS} - NOT_THERE
)
RELEASE = {
    "PATENTS": [
        {"patent_id": id_, "grant_date": DAY, "withdrawn": id_ == "602"} for id_ in sorted(IDS - NOT_THERE)
    ],
    "ABSTRACTS": [{"patent_id": id_, "abstract": text} for id_, text in ABSTRACTS.items()],
    "RELATED_DOCUMENTS": [row for rows in CASES.values() for row in rows],
}
LABELS = [
    {"patent_id": id_, "grant_date": DAY, "cpc_class": "A01"} for id_ in sorted(IDS - NOT_THERE - {"602"})
]


def split(root, engine, release, **how):
    store = publish_release(root, {name: table_of(name, rows) for name, rows in release.items()}, DAY, **how)
    publish(store, "label", {"LABELS": LABELS})
    run(store, "split", engine, "tasks=technology", "split.test=0.4")
    return store


def families_in(store):
    """Every patent's family by its number; its key where FAMILIES does not have it."""
    rows = store.read_arrow("FAMILIES").to_pylist()
    known = {row["patent_key"]: row["family"] for row in rows}
    assert len(known) == len(rows)
    keys = {id_: patent_keys(pa.array([id_]))[0].as_py() for id_ in IDS - NOT_THERE}
    return {id_: known.get(key, key) for id_, key in keys.items()}


@pytest.mark.engine
def test_who_belongs_together(session, engine, tmp_path):
    store = split(tmp_path / "one", engine, RELEASE)
    family_of, members = families_in(store), defaultdict(set)
    for id_, family in family_of.items():
        members[family].add(id_)
    assert sorted(map(sorted, (each for each in members.values() if len(each) > 1))) == sorted(
        map(sorted, TOGETHER)
    )
    assert family_of["701"] == 701 and family_of["801"] == 801  # the smallest number; nobody else's
    sides = {row["patent_id"]: row["split"] for row in store.read_arrow("SPLITS").to_pylist()}
    assert set(sides.values()) == {"train", "development", "test"}
    assert all(len({sides[id_] for id_ in family if id_ in sides}) == 1 for family in TOGETHER)
    other = split(
        tmp_path / "other",
        engine.__class__(name=engine.name, shuffle_partitions=7),
        RELEASE,
        files=3,
        shuffle=2,
    )
    assert table_digest(other.directory("FAMILIES")) == table_digest(store.directory("FAMILIES"))
    assert not [
        path.name
        for path in store.directory("FAMILIES").parent.iterdir()
        if path.name not in ("FAMILIES", "SPLITS", "manifest.json")
    ]
    # Hashes of an abstract, of an abstract that a relative shares, and of an application's number, the same
    # on every engine.
    assert (family_of["1005"], family_of["1001"], family_of["1101"]) == (
        6151087840929614368,
        -8925212216436505633,
        -8242548525769983349,
    )


@pytest.mark.engine
@pytest.mark.parametrize(
    "relatives", [[], CASES["the same publication"]], ids=["no file", "publications alone"]
)
def test_without_relatives_a_family_is_an_abstract(session, engine, tmp_path, relatives):
    store = split(tmp_path, engine, RELEASE | {"RELATED_DOCUMENTS": relatives})
    assert store.manifest("split").tables["FAMILIES"]["rows"] == len(ABSTRACTS) - 1  # one is empty
    family_of = families_in(store)
    assert family_of["1001"] == family_of["1002"] != family_of["1003"] == family_of["1004"]
    assert family_of["101"] == 101


def test_the_audit_finds_the_same_by_its_own_way():
    rows = table_of("RELATED_DOCUMENTS", RELEASE["RELATED_DOCUMENTS"])
    place = rows.schema.get_field_index("related_key")
    names = document_links(
        rows.set_column(place, "related_key", rows["related_key"].fill_null(-1)).to_pandas()
    )
    key_of = {id_: patent_keys(pa.array([id_]))[0].as_py() for id_ in IDS}
    texts = {id_: "".join(text.lower().split()) for id_, text in ABSTRACTS.items() if text.strip()}
    abstracts = pd.DataFrame(
        {"patent_key": [key_of[id_] for id_ in texts], "link": pd.factorize(list(texts.values()))[0]}
    )
    family_of = {id_: {id_} for id_ in IDS - NOT_THERE} | {
        id_: set(family) for family in TOGETHER for id_ in family
    }
    for id_, family in family_of.items():
        actual = set(connected_patents(np.array([key_of[id_]]), names, abstracts).tolist())
        assert actual & {key_of[other] for other in IDS - NOT_THERE} == {key_of[other] for other in family}, (
            id_
        )
    assert connected_patents(np.array([key_of["1002"]]), names).tolist() == [1002, 1003]  # without abstracts


def test_joined_families_by_hand():
    links = pa.table({"one": [5, -7, 30, 9, 5], "other": [9, 2**62, 9, 5, 9]})
    assert connected_families(links).to_pydict() == {"number": [9, 30, 2**62], "family": [5, 5, -7]}
    assert largest_family(connected_families(links)) == 3
    assert connected_families(links.slice(0, 0)).num_rows == 0
    assert largest_family(connected_families(links.slice(0, 0))) == 1


def test_a_warehouse_of_an_older_version_names_the_command_to_run(tmp_path, capsys):
    store = Store(tmp_path)
    publish(store, "ingest", {"PATENTS": [], "ABSTRACTS": []})
    publish(store, "label", {"LABELS": LABELS})
    assert cli.main(["split", "--set", f"warehouse.root={tmp_path}"]) == cli.BAD_DATA
    line_with(capsys.readouterr().err, "RELATED_DOCUMENTS", "`patent-spark ingest`")
    publish(store, "split", {"SPLITS": []}, {"splits": {"technology": {"train": 1}}})
    publish(store, "ingest", {name: [] for name in ("PATENTS", "ABSTRACTS", "RELATED_DOCUMENTS")})
    assert cli.main(["text", "--set", f"warehouse.root={tmp_path}"]) == cli.BAD_DATA
    line_with(capsys.readouterr().err, "FAMILIES", "`patent-spark split`")
