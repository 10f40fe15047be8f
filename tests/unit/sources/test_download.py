"""Downloads that go well, the list of releases, and what ingest makes of a download."""

import hashlib
import json

import pytest

from patent_spark.cli import main
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.metadata import IngestMetadata
from patent_spark.core.store import Store
from patent_spark.sources import download as downloading
from patent_spark.sources.listing import Releases
from tests.support.downloads import BIG, KEY, RELEASE
from tests.support.errors import raises


def test_a_release_is_fetched_whole_and_described(odp):
    folder = odp.fetch()
    assert folder == odp.release
    files = odp.server.files
    assert odp.names() == {*files, "release.json"}
    assert {name: (folder / name).read_bytes() for name in files} == files
    about = json.loads((folder / "release.json").read_text())
    assert (about["release_id"], about["data_to_date"], about["kind"]) == (RELEASE, "2025-09-30", "odp")
    assert {name: each["sha256"] for name, each in about["files"].items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }


def test_a_release_that_is_here_is_not_fetched_again(odp):
    odp.fetch()
    requests = len(odp.server.file_requests())
    assert odp.fetch() == odp.release
    assert len(odp.server.file_requests()) == requests == len(odp.server.files)


def test_a_file_that_was_removed_is_fetched_again_alone(odp):
    odp.fetch()
    (odp.release / BIG).unlink()
    odp.fetch()
    assert (odp.release / BIG).read_bytes() == odp.server.files[BIG]
    assert len(odp.server.file_requests(BIG)) == 2
    assert len(odp.server.file_requests()) == len(odp.server.files) + 1


def test_the_same_files_at_zenodo_need_no_key_and_no_ledger(zenodo, monkeypatch):
    monkeypatch.delenv("USPTO_API_KEY")
    folder = zenodo.fetch()
    assert {name: (folder / name).read_bytes() for name in zenodo.server.files} == zenodo.server.files
    assert not zenodo.ledger()
    about = json.loads((folder / "release.json").read_text())
    assert (about["release_id"], about["data_to_date"]) == ("zenodo-15058362", "2024-12-31")


def test_ingest_reads_the_download_and_keeps_where_it_is_from(odp):
    assert main(["download", *odp.options()]) == 0
    assert main(["ingest", *odp.options()]) == 0
    manifest = Store(odp.folder / "warehouse").manifest("ingest")
    assert manifest.release_id == RELEASE
    read = manifest.metadata_as(IngestMetadata)
    assert (str(read.data_to_date), read.data_to_date_from) == ("2025-09-30", "release.json")
    assert (read.source, read.folder) == (f"{odp.server.odp}/PVGPATDIS", str(odp.release))
    assert {name: file.sha256 for name, file in read.files.items()} == {
        name: hashlib.sha256(content).hexdigest() for name, content in odp.server.files.items()
    }


def test_ingest_refuses_a_file_that_changed_after_its_download(odp, capsys):
    odp.fetch()
    (odp.release / BIG).write_bytes((odp.release / "g_cpc_current.tsv.zip").read_bytes())
    assert main(["ingest", *odp.options()]) == 3
    error = capsys.readouterr().err
    assert BIG in error and "SHA-256" in error


def test_ingest_before_the_download_says_what_to_run(odp, capsys):
    assert main(["ingest", *odp.options()]) == 3
    assert "`patent-spark download`" in capsys.readouterr().err


def test_an_unfinished_download_is_not_read(odp, capsys):
    odp.fetch()
    (odp.release / "release.json").unlink()
    assert main(["ingest", *odp.options()]) == 3
    assert "`patent-spark download`" in capsys.readouterr().err


def test_the_newest_release_is_read_unless_another_is_named(odp):
    odp.fetch()
    odp.server.days = dict.fromkeys(odp.server.files, "2025-12-31")
    newer = odp.fetch()
    ingest = ["ingest", *odp.options()]
    assert main(ingest) == 0
    store = Store(odp.folder / "warehouse")
    assert store.manifest("ingest").release_id == newer.name == "PVGPATDIS-2025-12-31-r20260410"
    assert main([*ingest, "--set", f"source.release={RELEASE}"]) == 0
    assert store.manifest("ingest").release_id == RELEASE


def corrected(odp):
    """One file is published again, which makes another release."""
    odp.server.released[BIG] = "2026-05-02 08:00:00"
    odp.server.requests.clear()


def test_of_a_corrected_release_only_the_new_file_is_fetched(odp):
    first = odp.fetch()
    corrected(odp)
    second = odp.fetch()
    assert second.name == "PVGPATDIS-2025-09-30-r20260502" != first.name
    assert [BIG in request.path for request in odp.server.file_requests()] == [True]
    for folder in (first, second):
        assert {name: (folder / name).read_bytes() for name in odp.server.files} == odp.server.files


def test_a_file_that_changed_on_the_disk_is_not_taken_over(odp):
    damaged = odp.fetch() / "g_cpc_current.tsv.zip"
    damaged.write_bytes(bytes(damaged.stat().st_size))
    corrected(odp)
    second = odp.fetch()
    assert len(odp.server.file_requests()) == 2
    assert (second / damaged.name).read_bytes() == odp.server.files[damaged.name]


def test_a_file_of_another_size_is_not_taken_over(odp):
    odp.fetch()
    corrected(odp)
    odp.server.files["g_cpc_current.tsv.zip"] = odp.server.files["g_patent.tsv.zip"]
    second = odp.fetch()
    assert len(odp.server.file_requests()) == 2
    assert (second / "g_cpc_current.tsv.zip").read_bytes() == odp.server.files["g_patent.tsv.zip"]


def test_a_release_that_does_not_exist_is_named(odp):
    with raises(DataError, setting="source.release"):
        odp.fetch("source.release=none-of-them")


def test_a_release_that_is_here_is_used_without_asking_the_source(odp):
    odp.fetch()
    odp.server.requests.clear()
    assert odp.fetch(f"source.release={RELEASE}") == odp.release
    assert odp.server.requests == []


def test_the_command_prints_the_folder_alone(odp, capsys):
    assert main(["download", *odp.options()]) == 0
    assert capsys.readouterr().out == f"{odp.release}\n"


def test_run_fetches_the_release_first(odp, monkeypatch):
    ran = []
    monkeypatch.setattr("patent_spark.commands.stages.run_stage", lambda name, *_, **__: ran.append(name))
    monkeypatch.setattr("patent_spark.run_summary.summarise", lambda *_: "")
    assert main(["run", *odp.options()]) == 0
    assert odp.names() == {*odp.server.files, "release.json"}
    assert ran[0] == "ingest"


def listed(capsys, odp, *options):
    assert main(["download", "--list", *options, *odp.options()]) == 0
    return capsys.readouterr().out


def test_the_list_asks_for_metadata_only_and_costs_nothing(odp, capsys):
    listing = Releases.model_validate_json(listed(capsys, odp, "--json"))
    (release,) = listing.releases
    size = sum(map(len, odp.server.files.values()))
    assert (release.release_id, str(release.data_to_date), release.state) == (
        RELEASE,
        "2025-09-30",
        "not here",
    )
    assert (release.bytes, release.bytes_to_fetch, listing.budget) == (size, size, 20)
    assert {file.name: (file.bytes, file.here, file.requests_used) for file in release.files} == {
        name: (len(content), False, 0) for name, content in odp.server.files.items()
    }
    assert not odp.server.file_requests() and not odp.ledger()


def test_the_list_knows_what_is_here_and_what_it_cost(odp, capsys):
    odp.fetch()
    (odp.release / BIG).unlink()
    (release,) = Releases.model_validate_json(listed(capsys, odp, "--json")).releases
    assert (release.state, release.bytes_to_fetch) == ("partly here", len(odp.server.files[BIG]))
    assert {file.name for file in release.files if not file.here} == {BIG}
    assert {file.requests_used for file in release.files} == {1}
    odp.fetch()
    text = listed(capsys, odp)
    assert RELEASE in text and "here" in text and "2 of 20" in text


def test_a_folder_and_a_simulated_release_are_listed_too(tmp_path, capsys, server):
    folder, root = tmp_path / "made", tmp_path / "w"
    common = ["--set", f"warehouse.root={root}", "--json", "--list"]
    assert main(["download", *common, "--set", f"source.path={folder}"]) == 0
    (release,) = Releases.model_validate_json(capsys.readouterr().out).releases
    assert (release.release_id, release.state, len(release.files)) == ("made", "here", len(server.files))
    simulate = ["--set", "source.kind=simulate", "--set", "simulate.patents=1000"]
    assert main(["download", *common, *simulate]) == 0
    assert Releases.model_validate_json(capsys.readouterr().out).releases == ()
    assert main(["download", "--set", f"warehouse.root={root}", *simulate]) == 0
    assert capsys.readouterr().out.strip() == str(Store(root).directory("RELEASE"))


def test_the_claims_come_from_their_own_product_when_they_are_asked_for(odp):
    odp.server.files["g_claims_1976.tsv.zip"] = odp.server.files[BIG]
    odp.server.days["g_claims_1976.tsv.zip"] = "1976-12-31"
    assert "g_claims_1976.tsv.zip" not in {path.name for path in odp.fetch().iterdir()}
    folder = odp.fetch("text.fields=[title, abstract, claims]")
    assert (folder / "g_claims_1976.tsv.zip").exists()
    (request,) = odp.server.file_requests("g_claims_1976.tsv.zip")
    assert request.path.endswith("/files/PVGPATTXT/g_claims_1976.tsv.zip")


def test_a_release_that_is_still_being_published_is_left_out(odp, capsys):
    odp.server.files["g_patent_abstract.tsv.zip"] = odp.server.files.pop("g_patent_abstract.tsv.zip")
    odp.server.days |= {"g_patent.tsv.zip": "2025-12-31"}
    with raises(DataError, product="PVGPATDIS"):
        odp.fetch()
    assert "g_patent_abstract.tsv.zip" in capsys.readouterr().err
    assert not odp.server.file_requests()


def test_a_second_download_at_the_same_time_ends(odp):
    with (
        downloading._only_download(odp.folder) as _,
        raises(WorkError, folder=str(odp.folder)),
        downloading._only_download(odp.folder),
    ):
        pytest.fail("both are at work")


def test_no_room_is_said_before_any_request(odp, monkeypatch):
    usage = downloading.shutil.disk_usage(odp.folder)._replace(free=10)
    monkeypatch.setattr(downloading.shutil, "disk_usage", lambda _: usage)
    with raises(WorkError, setting="source.downloads", folder=str(odp.release)):
        odp.fetch()
    assert not odp.server.file_requests() and not odp.ledger()


def test_the_key_is_sent_to_the_portal(odp):
    odp.fetch()
    assert {request.headers.get("X-Api-Key") for request in odp.server.requests} == {KEY}
