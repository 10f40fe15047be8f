"""Citations made after the cutoff change no training label, no split and no vector.

Real stages run on a release of 1,200 patents whose citations end at the cutoff, and on the same release with
the citations of 2007 and later and forty more for every fourth patent.
"""

import csv
import io
import shutil
import zipfile

import pytest
from pyarrow.dataset import field

from patent_spark.config import load_config, with_settings
from patent_spark.core.store import Store
from patent_spark.experiments.backtest.plan import ModelPlan, model_config, point_in_time_config
from patent_spark.pipeline import run_stage
from tests.support.releases import tsv, write_zip

SETTINGS = [
    "tasks=citation_level", "source.kind=simulate", "simulate.patents=1200", "simulate.classes=2",
    "text.workers=1", "text.dimensions=8", "text.epochs=1", "text.min_count=2", "label.population=cited",
]  # fmt: skip
MODEL = ModelPlan(2006, (2007, 2008, 2009), ())


def rows_of(release, table):
    with zipfile.ZipFile(release / f"{table}.tsv.zip") as archive:
        return list(csv.DictReader(io.StringIO(archive.read(f"{table}.tsv").decode()), delimiter="\t"))


def make_two(home):
    """From the release in `made`: `plain` without citations of 2007 and later, `later` with them and more."""
    patents, citations = rows_of(home / "made", "g_patent"), rows_of(home / "made", "g_us_patent_citation")
    late = [row["patent_id"] for row in patents if row["patent_date"] >= "2007"]
    early = [row["patent_id"] for row in patents if row["patent_date"] < "2007"][::4]
    more = [
        {
            "patent_id": citing,
            "citation_sequence": 900 + i,
            "citation_patent_id": cited,
            "citation_category": "cited by examiner",
        }
        for citing in late[:40]
        for i, cited in enumerate(early)
    ]
    for name, rows in {
        "plain": [row for row in citations if row["patent_id"] not in set(late)],
        "later": citations + more,
    }.items():
        shutil.copytree(home / "made", home / name)
        (home / name / "g_us_patent_citation.tsv.zip").unlink()
        write_zip(home / name, "g_us_patent_citation", tsv("g_us_patent_citation", rows))


def training_inputs(config, *further):
    """Labels and percentiles of the training patents, all splits, and the vectors if stage text runs too."""
    for stage in ("ingest", "label", "split", *further):
        run_stage(stage, config)
    store = Store(config.warehouse.root)
    splits = sorted(store.read_arrow("SPLITS", ["patent_id", "split"]).to_pylist(), key=str)
    training = [row["patent_id"] for row in splits if not row["split"].startswith("test")]
    columns = ["patent_id", "cpc_class", "forward_citations", "q90", "q99", "citation_level"]
    labels = store.read_arrow("LABELS", columns, where=field("patent_id").isin(training)).to_pylist()
    vectors = store.read_arrow("VECTORS").to_pylist() if further else []
    return store, {"splits": splits, "labels": sorted(labels, key=str), "vectors": vectors}


@pytest.fixture(scope="module")
def warehouses(tmp_path_factory, engine):
    """Configurations of both releases."""
    home = tmp_path_factory.mktemp("known")
    made = load_config(sets=[*SETTINGS, f"warehouse.root={home / 'w'}", f"source.path={home / 'made'}"])[0]
    run_stage("simulate", made)
    make_two(home)
    places = {
        name: {
            "source.path": str(home / name),
            "source.kind": "folder",
            "warehouse.root": str(home / f"w-{name}"),
        }
        for name in ("plain", "later")
    }
    return {
        name: with_settings(made, {**place, "engine.name": engine.name}) for name, place in places.items()
    }


def test_training_inputs_are_the_same_with_citations_from_after_the_cutoff(warehouses):
    (_, plain), (store, later) = (
        training_inputs(model_config(point_in_time_config(config), MODEL, {}), "text")
        for config in warehouses.values()
    )
    assert len(plain["labels"]) > 200 and len(plain["vectors"]) > 300
    # the later citations are there
    assert len(store.read_arrow("COUNTS", ["patent_id"], where=field("total_citations") >= 40)) > 100
    assert later == plain


@pytest.mark.parametrize(
    "setting", ["label.population=cited", "label.reference_set=class", "split.embargo=false"]
)
def test_each_point_in_time_setting_is_needed(warehouses, setting):
    """With one of them as in the paper, later citations reach the training labels."""
    name, _, value = setting.partition("=")
    plain, later = (
        training_inputs(
            with_settings(
                model_config(point_in_time_config(config), MODEL, {}),
                {name: {"false": False}.get(value, value)},
            )
        )[1]
        for config in warehouses.values()
    )
    assert later["labels"] != plain["labels"]
