"""A second release in a warehouse that has the first one, and in an empty one: the same tables."""

import pytest

from patent_spark.config import load_config
from patent_spark.core.schemas import STAGE_OF, TABLES
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from tests.support.small_run import ROOT, SMALL
from tests.support.table_hash import table_digest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

DAYS = "2020-12-31", "2021-05-31"
"""The last grant dates; the second release has about two per cent more patents."""
STAGES = ("simulate", "ingest", "label", "quality", "split", "text", "shard")
CLAIMS = ("simulate.claims=true", "text.fields=[title, abstract, claims]")
FEATURES = "model.features=[claims, citations_made, citation_age, class, kind, text_length, family_size]"


def run(root, day):
    sets = [*SMALL, *CLAIMS, FEATURES, f"warehouse.root={root}", f"simulate.data_to_date={day}"]
    config = load_config([ROOT / "conf" / "demo.yaml"], sets=sets)[0]
    for stage in STAGES:
        run_stage(stage, config)
    return Store(root)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The second release after the first, and from nothing."""
    folder = tmp_path_factory.mktemp("releases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("patent_spark.core.key_ranges.BLOCK_BITS", 8)  # 3,000 patents are few
        run(folder / "second", DAYS[0])
        return run(folder / "second", DAYS[1]), run(folder / "anew", DAYS[1])


@pytest.mark.parametrize("table", sorted(name for name in TABLES if STAGE_OF[name] in STAGES))
def test_a_table_is_that_of_a_run_from_nothing(stores, table):
    made = [table in store.manifest(STAGE_OF[table]).tables for store in stores]
    assert made == [table != "INTERIM_LEVELS"] * 2
    if all(made):
        second, anew = (table_digest(store.directory(table)) for store in stores)
        assert second == anew


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "quality"])
def test_what_a_stage_records_is_that_of_a_run_from_nothing(stores, stage):
    """But for `quality`, which compares a release with the one before."""
    second, anew = (dict(store.manifest(stage).metadata) for store in stores)
    for values in (second, anew):
        values.pop("folder", None)  # of each warehouse's own
    assert second == anew


def test_most_of_the_claims_and_tokens_are_taken_over(stores):
    second, anew = stores
    claims, tokens = (
        second.manifest(stage).reused[t] for stage, t in (("ingest", "CLAIMS"), ("text", "TOKENS"))
    )
    assert claims.parts == claims.of - 1, "the file of the last year changed"
    assert tokens.of / 2 < tokens.parts < tokens.of
    assert all(anew.manifest(stage).reused == {} for stage in STAGES)
