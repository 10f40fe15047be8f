"""A second release with files that did not change: they are not parsed again, and nothing else differs."""

import shutil

import pytest

from patent_spark.cli import main
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.reuse import Reused
from patent_spark.core.store import Store
from tests.support.releases import write_release
from tests.support.table_hash import table_digest

PATENTS = [
    {"patent_id": "3930271", "patent_type": "utility", "patent_date": "1976-01-06", "withdrawn": 0},
    {"patent_id": "4065811", "patent_type": "utility", "patent_date": "1978-01-03", "withdrawn": 0},
]
NEW = {"patent_id": "4100000", "patent_type": "utility", "patent_date": "1978-07-11", "withdrawn": 0}
OLDER = {
    "g_patent": PATENTS,
    "g_patent_abstract": [
        {"patent_id": "3930271", "patent_abstract": "A glove."},
        {"patent_id": "4065811", "patent_abstract": ""},
    ],
    "g_us_patent_citation": [
        {"patent_id": "4065811", "citation_patent_id": "03930271"},
        {"patent_id": "4065811", "citation_patent_id": "what"},
    ],
    "g_cpc_current": [{"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A63"}, "broken"],
    "g_claims_1976": [{"patent_id": "3930271", "claim_sequence": 0, "claim_text": "A glove."}, "broken"],
    "g_claims_1978": [{"patent_id": "4065811", "claim_sequence": 0, "claim_text": "A hat."}],
}
NEWER = OLDER | {
    "g_patent": [*PATENTS, NEW],
    "g_claims_1978": [
        *OLDER["g_claims_1978"],
        {"patent_id": "4100000", "claim_sequence": 0, "claim_text": "New."},
    ],
}
TABLES = ("PATENTS", "ABSTRACTS", "CITATIONS", "CPC", "CLAIMS", "REJECTS")
UNCHANGED = ("g_patent_abstract", "g_us_patent_citation", "g_cpc_current", "g_claims_1976")


@pytest.fixture
def releases(tmp_path):
    """Folders of the older and the newer release; the unchanged zips are the same to the byte."""
    older, newer = (write_release(tmp_path / name, rows) for name, rows in (("o", OLDER), ("n", NEWER)))
    for name in UNCHANGED:
        shutil.copyfile(older / f"{name}.tsv.zip", newer / f"{name}.tsv.zip")
    return older, newer


def ingest(root, release, *sets, day="2020-06-30", force=()):
    settings = (
        f"source.path={release}",
        f"warehouse.root={root}",
        "text.fields=[title, claims]",
        "ingest.max_reject_fraction=1.0",
        f"release.data_to_date={day}",
        *sets,
    )
    code = main(["ingest", *force, *(part for each in settings for part in ("--set", each))])
    assert code == 0
    return Store(root)


def content(store):
    return {table: table_digest(store.directory(table)) for table in TABLES}


def facts(store):
    return store.metadata(IngestMetadata).model_dump(exclude={"folder", "release_id"})


@pytest.fixture
def both(tmp_path, releases):
    """The warehouse that had the older release before the newer one, and one that had none."""
    older, newer = releases
    ingest(tmp_path / "w", older, day="2020-03-31")
    return ingest(tmp_path / "w", newer), ingest(tmp_path / "anew", newer)


def test_only_changed_files_are_read(both):
    second, anew = both
    assert second.manifest("ingest").reused == {
        "ABSTRACTS": Reused(parts=1, of=1),
        "CITATIONS": Reused(parts=1, of=1),
        "CPC": Reused(parts=1, of=1),
        "CLAIMS": Reused(parts=1, of=2),
    }
    assert anew.manifest("ingest").reused == {}


def test_tables_and_metadata_are_those_of_a_full_run(both):
    second, anew = both
    assert content(second) == content(anew)
    assert facts(second) == facts(anew)
    assert facts(second)["rejected"]["CLAIMS"] == {"too few fields": 1}
    assert facts(second)["cited_malformed"] == 1
    assert facts(second)["respelled"]["CITATIONS"]


def test_patents_are_read_again_when_the_last_possible_grant_date_differs(tmp_path, releases):
    older, _ = releases
    ingest(tmp_path / "w", older, day="2020-03-31")
    reused = ingest(tmp_path / "w", older, day="2020-06-30").manifest("ingest").reused
    assert set(reused) == set(TABLES) - {"PATENTS", "REJECTS"}


def test_a_limit_of_rejected_rows_is_held_by_unchanged_files_too(tmp_path, releases, capsys):
    older, newer = releases
    ingest(tmp_path / "w", older)
    sets = [f"source.path={newer}", f"warehouse.root={tmp_path / 'w'}", "text.fields=[title, claims]"]
    assert main(["ingest", *(part for each in sets for part in ("--set", each))]) == 3


def test_force_reads_all(tmp_path, releases):
    older, _ = releases
    ingest(tmp_path / "w", older)
    assert ingest(tmp_path / "w", older, force=["--force"]).manifest("ingest").reused == {}


def test_files_that_other_code_read_are_read_again(tmp_path, releases, monkeypatch):
    older, newer = releases
    ingest(tmp_path / "w", older)
    monkeypatch.setattr("patent_spark.stages.ingest.unchanged_files.code_digest", lambda _: "other code")
    assert ingest(tmp_path / "w", newer).manifest("ingest").reused == {}
