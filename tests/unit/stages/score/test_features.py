"""A model with features: their values come from the tables of the warehouse, or from columns of the files."""

import csv
import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.core.store import Store
from tests.support.factories import publish
from tests.support.ingested_tables import arrow_tables
from tests.support.small_package import FEATURES, small_package
from tests.support.texts_to_score import RELEASE, score, scores_of

TASK = "citation_level"
TITLE = "a neural network of pumps"
KNOWN = {"1001": {"num_claims": 20, "cpc_class": "H04"}, "1002": {"cpc_class": "A61"}, "1003": {}}


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return small_package(tmp_path_factory.mktemp("features") / "p", features=FEATURES)


def expected(package):
    packed = package.task(TASK)
    return packed.probabilities(packed.encode([TITLE] * 3, list(KNOWN.values())))[:, 0].tolist()


def top1(store):
    found = scores_of(store, TASK)
    return [found[patent]["top1_probability"] for patent in KNOWN]


@pytest.mark.engine
def test_patents_of_the_warehouse(tmp_path, engine, package):
    patents = [
        {
            "patent_id": patent, "title": TITLE, "grant_date": datetime.date(2001, 2, 6),
            "num_claims": known.get("num_claims"),
        }
        for patent, known in KNOWN.items()
    ]  # fmt: skip
    classes = [
        {"patent_id": patent, "cpc_sequence": 0, "cpc_class": known["cpc_class"], "cpc_type": "inventional"}
        for patent, known in KNOWN.items()
        if known
    ]
    store, tables = Store(tmp_path), arrow_tables({"PATENTS": patents, "CPC": classes, "CLAIMS": []})
    publish(store, "ingest", tables, metadata={"release_id": RELEASE}, release_id=RELEASE)
    score(store, engine, package, "tasks=citation_level")
    assert top1(store) == pytest.approx(expected(package), abs=1e-6)


@pytest.mark.engine
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_columns_of_files(tmp_path, engine, package, ending):
    """A value that cannot be read counts as unknown, and so does a column that is not there."""
    rows = [{"patent_id": patent, "title": TITLE, "abstract": "", **known} for patent, known in KNOWN.items()]
    files = tmp_path / "texts"
    files.mkdir()
    names = ("patent_id", "title", "abstract", "num_claims", "cpc_class")
    if ending == "csv":
        with (files / "a.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows([*rows[:2], rows[2] | {"num_claims": "many"}])
    else:
        pq.write_table(
            pa.Table.from_pylist([{n: row.get(n) for n in names} for row in rows]), files / "a.parquet"
        )
    store = Store(tmp_path / "warehouse")
    score(store, engine, package, "tasks=citation_level", f"score.input={files}")
    assert top1(store) == pytest.approx(expected(package), abs=1e-6)
    bare = [{name: row[name] for name in names[:3]} for row in rows]
    (files / f"a.{ending}").unlink()
    pq.write_table(pa.Table.from_pylist(bare), files / "b.parquet")
    score(store, engine, package, "tasks=citation_level", f"score.input={files}")
    assert top1(store) == pytest.approx([expected(package)[2]] * 3, abs=1e-6)
