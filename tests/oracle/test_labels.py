"""COUNTS and LABELS of random releases against pandas, and what must not change them."""

import random
import shutil
import zipfile

import pandas as pd
import pyarrow.compute as pc
import pytest

from patent_spark.config import load_config
from patent_spark.core.store import Store
from patent_spark.stages.ingest import writers as tables_of_ingest
from patent_spark.stages.ingest.duplicate_pairs import COLUMN, DuplicatePairs
from tests.support.ingested_tables import arrow_tables, publish_release, run
from tests.support.labels_pandas import expected_labels, interim_levels_of_store, labels_of_store, read
from tests.support.random_citations import DATA_TO_DATE, random_releases

SETTINGS = [  # every pair of values of two settings occurs, but for the pairs with a horizon
    (
        "reference_set=class_year",
        "population=all",
        "percentiles_before_censoring=false",
        "citing=all",
        "self_citations=true",
    ),
    (
        "reference_set=class",
        "population=cited",
        "percentiles_before_censoring=true",
        "citing=all",
        "self_citations=false",
    ),
    (
        "reference_set=class_year",
        "population=cited",
        "percentiles_before_censoring=true",
        "citing=examiner",
        "self_citations=true",
    ),
    (
        "reference_set=class",
        "population=all",
        "percentiles_before_censoring=false",
        "citing=examiner",
        "self_citations=false",
        "horizon_months=2",
    ),
    (
        "reference_set=class",
        "population=cited",
        "percentiles_before_censoring=false",
        "citing=not_examiner",
        "self_citations=true",
    ),
    (
        "reference_set=class_year",
        "population=all",
        "percentiles_before_censoring=true",
        "citing=not_examiner",
        "self_citations=false",
        "horizon_months=12",
    ),
]


def with_section(settings) -> list[str]:
    return [f"label.{setting}" for setting in settings]


@pytest.fixture(scope="module")
def rows():
    return random_releases(200, seed=7)


@pytest.fixture(scope="module")
def tables(rows):
    return arrow_tables(rows)


@pytest.fixture(scope="module")
def store(tables, tmp_path_factory):
    return publish_release(tmp_path_factory.mktemp("releases"), tables, DATA_TO_DATE, files=2)


def labels_in(store) -> pd.DataFrame:
    labels, counts = (
        read(store.directory(name)).set_index("patent_id", verify_integrity=True).sort_index()
        for name in ("LABELS", "COUNTS")
    )
    pd.testing.assert_frame_equal(
        labels[["patent_key", "forward_citations"]], counts[["patent_key", "forward_citations"]]
    )
    return labels.assign(total_citations=counts["total_citations"])


@pytest.fixture(scope="module")
def labels(store, session, engine):
    run(store, "label", engine)
    return labels_in(store)


@pytest.mark.engine
def test_citations_whose_rows_stand_together_are_counted_the_same(labels, tables, session, engine, tmp_path):
    """Citations as ingest writes them; in the other tests every row may repeat."""
    citations = tables["CITATIONS"].sort_by("citing_key")
    citations = citations.filter(pc.is_valid(citations["citing_key"]))
    may_repeat = DuplicatePairs().may_repeat(
        *(citations[key].combine_chunks() for key in ("citing_key", "cited_key"))
    )
    assert 1000 < pc.sum(may_repeat).as_py() < len(may_repeat) - 1000
    place = citations.schema.get_field_index(COLUMN)
    grouped = publish_release(
        tmp_path, tables | {"CITATIONS": citations.set_column(place, COLUMN, may_repeat)}, DATA_TO_DATE
    )
    run(grouped, "label", engine)
    assert_same(labels_in(grouped), labels)


def assert_same(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(actual[expected.columns], expected, check_dtype=False, check_exact=True)


@pytest.mark.engine
@pytest.mark.parametrize(
    "settings", SETTINGS, ids=lambda settings: "-".join(setting.partition("=")[2] for setting in settings)
)
def test_labels_equal_pandas_row_for_row(store, session, engine, settings):
    metadata = run(store, "label", engine, *with_section(settings)).metadata
    expected = labels_of_store(store, load_config(sets=with_section(settings))[0].label)
    assert_same(labels_in(store), expected)
    assert metadata["levels"] == expected["citation_level"].value_counts().to_dict()
    assert metadata["open_window"] == (~expected["window_complete"]).sum()
    assert metadata["without_class"] == expected["cpc_class"].isna().sum()
    in_sets = expected[expected["q90"].notna()]
    years = [day.year if "reference_set=class_year" in settings else 0 for day in in_sets["grant_date"]]
    sizes = pd.Series(list(zip(in_sets["cpc_class"], years, strict=True))).value_counts()
    assert (metadata["reference_sets"], metadata["small_reference_sets"]) == (
        len(sizes),
        (sizes < 100).sum(),
    )


@pytest.mark.engine
@pytest.mark.parametrize("settings", [SETTINGS[0], SETTINGS[1]], ids=["default", "odd"])
def test_interim_levels_equal_pandas_row_for_row_and_labels_stay(store, session, engine, settings):
    """INTERIM_LEVELS compare patents of the same age, whatever label.reference_set says."""
    run(store, "label", engine, *with_section(settings))
    labels = labels_in(store)
    settings = [*with_section(settings), "label.follow_up_months=[1, 12, 24, 59]"]
    assert run(store, "label", engine, *settings).metadata["follow_up_months"] == [1, 12, 24, 59]
    assert_same(labels_in(store), labels)
    expected = interim_levels_of_store(store, load_config(sets=settings)[0].label)
    actual = read(store.directory("INTERIM_LEVELS")).astype({"follow_up_months": "int64"})
    actual = actual.set_index(["patent_id", "follow_up_months"], verify_integrity=True).sort_index()
    assert_same(actual, expected)
    sizes = expected.groupby("follow_up_months").size()
    assert sizes[1] > sizes[12] > sizes[24] >= sizes[59]  # a longer window is over for fewer
    assert set(expected.loc[expected.index.get_level_values(1) == 12, "citation_level"]) == {
        "top1",
        "top10",
        "btm90",
        "zerocite",
    }


def test_the_worlds_hold_what_bites(rows, tables):
    """Without these the test above proves little: each case is met many times."""
    patents, citations, cpc = (
        tables[name].to_pandas(date_as_object=True) for name in ("PATENTS", "CITATIONS", "CPC")
    )
    expected = expected_labels(
        patents, citations, cpc, load_config(sets=["label.reference_set=class"])[0].label, DATA_TO_DATE
    )
    assert set(expected["citation_level"].value_counts().loc[lambda n: n > 10].index) == {
        "top1",
        "top10",
        "btm90",
        "zerocite",
    }
    counted = expected[expected["forward_citations"] > 0]
    assert (counted["forward_citations"] == counted["q90"]).sum() > 20
    assert (counted["forward_citations"] == counted["q99"]).sum() > 20
    assert (expected["forward_citations"] < expected["total_citations"]).sum() > 100
    assert expected["citation_level"].isna().sum() > 100 and expected["cpc_class"].isna().sum() > 100
    withdrawn = {row["patent_id"] for row in rows["PATENTS"] if row["withdrawn"]}
    pairs = [(row["patent_id"], row["citation_patent_id"]) for row in rows["CITATIONS"]]
    assert (
        sum(citing in withdrawn for citing, _ in pairs) > 50
        and sum(cited in withdrawn for _, cited in pairs) > 50
    )
    assert sum(citing == cited for citing, cited in pairs) > 50 and len(set(pairs)) < len(pairs) - 50


@pytest.mark.engine
def test_order_files_and_partitions_change_nothing(labels, tables, session, engine, tmp_path):
    other = publish_release(tmp_path, tables, DATA_TO_DATE, files=5, shuffle=3)
    run(other, "label", engine.__class__(name=engine.name, shuffle_partitions=7))
    assert_same(labels_in(other), labels)


@pytest.mark.engine
def test_the_order_of_the_rows_in_a_release_changes_nothing(session, engine, tmp_path, monkeypatch):
    """From zips on: adjacent and distant copies of a pair take different paths through ingest and label."""
    monkeypatch.setattr(tables_of_ingest, "_GROUP_ROWS", 1000)
    store = Store(tmp_path / "simulated")
    run(store, "simulate", engine, "simulate.patents=1000", "source.kind=simulate")
    citations = store.directory("RELEASE") / "g_us_patent_citation.tsv.zip"
    with zipfile.ZipFile(citations) as archive:
        header, *lines = archive.read("g_us_patent_citation.tsv").decode().splitlines(keepends=True)
    lines = sorted(lines + random.Random(1).sample(lines, 500))
    actual = []
    for order in (lines, random.Random(2).sample(lines, len(lines))):
        release = tmp_path / f"release-{len(actual)}"
        shutil.copytree(store.directory("RELEASE"), release)
        with zipfile.ZipFile(release / citations.name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("g_us_patent_citation.tsv", header + "".join(order))
        other = Store(tmp_path / f"warehouse-{len(actual)}")
        for stage in ("ingest", "label"):
            run(other, stage, engine, "source.kind=folder", f"source.path={release}")
        actual.append(
            (other.read_arrow("CITATIONS", ["may_repeat"])["may_repeat"].to_pylist(), labels_in(other))
        )
    (ordered, labels), (shuffled, same) = actual
    assert all(shuffled) and 500 < sum(ordered) < len(ordered) / 4
    assert labels["total_citations"].sum() < len(lines) - 500
    assert_same(same, labels)


@pytest.mark.engine
def test_one_more_citation_never_lowers_a_count(labels, rows, session, engine, tmp_path):
    ids = [row["patent_id"] for row in rows["PATENTS"]]
    added = [
        {"patent_id": citing, "citation_patent_id": cited}
        for citing, cited in zip(ids, ids[1:] + ids[:1], strict=True)
    ]
    fuller = publish_release(
        tmp_path, arrow_tables(rows | {"CITATIONS": rows["CITATIONS"] + added}), DATA_TO_DATE
    )
    run(fuller, "label", engine)
    after = labels_in(fuller)
    assert (after["forward_citations"] >= labels["forward_citations"]).all()
    assert (after["total_citations"] >= labels["total_citations"]).all()
    assert after["total_citations"].sum() > labels["total_citations"].sum()
    assert (after["forward_citations"] <= after["total_citations"]).all()


@pytest.mark.engine
def test_levels_partition_the_patents_with_a_class_and_a_closed_window(labels):
    closed = labels["window_complete"] & labels["cpc_class"].notna()
    assert (labels["citation_level"].notna() == closed).all()
    assert ((labels["citation_level"] == "zerocite") == (closed & (labels["forward_citations"] == 0))).all()
    counted = labels[closed & (labels["forward_citations"] > 0)]
    above = (counted["forward_citations"] > counted["q90"]).astype(int) + (
        counted["forward_citations"] > counted["q99"]
    )
    assert counted["citation_level"].tolist() == above.map({0: "btm90", 1: "top10", 2: "top1"}).tolist()
