"""What `patent-spark status` knows of a warehouse."""

import datetime
import os
import socket

import pytest

from patent_spark.cli import main
from patent_spark.config import load_config
from patent_spark.core.files import write_json
from patent_spark.core.local_storage import LocalControlFiles
from patent_spark.core.store import Store
from patent_spark.refresh.lock import refresh_lock
from patent_spark.refresh.overview import warehouse_status
from patent_spark.refresh.overview_schema import WarehouseStatus
from patent_spark.refresh.overview_text import as_text
from patent_spark.refresh.release import find_release
from patent_spark.refresh.report_schema import RefreshRecord, RefreshStatus
from patent_spark.refresh.status import write_status
from patent_spark.tracking.registry import IDENTITY, Registry
from patent_spark.tracking.runs import create_run
from tests.support.cluster import free_port
from tests.support.factories import publish
from tests.support.messages import line_with
from tests.support.mlflow_database import empty_database, use_database

NIGHT = "2026-11-28T03:00:00+00:00"


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", "source.kind=simulate", *sets])[0]


def record(**values):
    return RefreshRecord(release_id="r-1", fingerprint="f", started=NIGHT, finished=NIGHT, **values)


def refreshed(root, last, published=None):
    write_status(LocalControlFiles(root), RefreshStatus(checked=NIGHT, last=last, published=published))


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    return empty_database(tmp_path_factory.mktemp("mlflow"))


def test_nothing_is_made_where_nothing_is(tmp_path):
    status = warehouse_status(configured(tmp_path / "w", "tasks=technology"))
    assert (status.release_id, status.stages, status.bytes, status.refresh.last) == ("", (), 0, None)
    assert [(each.model, each.address) for each in status.champions] == [("technology", None)]
    assert status.next_call.new and status.next_call.runs[0] == "simulate"
    assert status.next_call.runs[-1] == "register" and status.next_call.reuses == ()
    assert "technology: none" in as_text(status)
    assert not (tmp_path / "w").exists()


def test_the_command_leaves_no_trace(tmp_path, capsys):
    sets = [f"warehouse.root={tmp_path / 'w'}", "source.kind=simulate"]
    assert main(["status", "--json", *(part for each in sets for part in ("--set", each))]) == 0
    assert WarehouseStatus.model_validate_json(capsys.readouterr().out).release_id == ""
    assert not (tmp_path / "w").exists()


def test_versions_and_sizes_of_tables(tmp_path):
    store = Store(tmp_path)
    for _ in range(2):
        ingest = publish(store, "ingest", {"PATENTS": [{"patent_id": "3930271"}]}, {}, release_id="r-7")
    publish(Store(tmp_path, candidate=True), "label", {"LABELS": []})
    status = warehouse_status(configured(tmp_path))
    (stage,) = status.stages
    assert (stage.stage, stage.version, stage.release_id) == ("ingest", ingest.version, "r-7")
    assert (stage.kept_versions, stage.tables["PATENTS"]["rows"]) == (2, 1)
    folder = tmp_path / "ingest" / ingest.version
    assert stage.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert status.bytes > stage.bytes
    os.link(folder / "manifest.json", folder / "same")
    assert warehouse_status(configured(tmp_path)).bytes == status.bytes
    assert status.candidates.keys() == {"label"}
    text = as_text(status)
    assert line_with(text, "ingest", ingest.version, "r-7", "PATENTS 1")
    assert line_with(text, "candidates", "label")


def test_the_champion_and_since_when(tmp_path, database):
    use_database(tmp_path, database)
    config = configured(tmp_path)
    run, registry = create_run(config, "technology", {}), Registry(config, "technology")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "task.json").write_text("{}")
    before = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    version = registry.add(run.run_id, tmp_path / "package", {IDENTITY: "i", "release_id": "r-7"}, "")
    registry.promote(version)
    technology, level = warehouse_status(config).champions
    assert (technology.address, technology.release_id) == (version.address, "r-7")
    promoted = datetime.datetime.fromisoformat(technology.promoted_at)
    assert before <= promoted <= datetime.datetime.now(datetime.UTC)
    assert (level.model, level.address) == ("citation_level", None)
    assert line_with(as_text(warehouse_status(config)), version.address, "r-7", technology.promoted_at)


def test_without_an_answer_of_mlflow_the_rest_is_shown(tmp_path):
    status = warehouse_status(configured(tmp_path, f"tracking.uri=http://127.0.0.1:{free_port()}"))
    assert status.champions == () and "tracking.uri" in status.champions_problem
    assert "tracking.uri" in as_text(status)
    assert status.next_call.new


def test_without_an_answer_of_the_source_the_rest_is_shown(tmp_path):
    status = warehouse_status(configured(tmp_path, "source.kind=folder", f"source.path={tmp_path}/none"))
    assert "source.path" in status.next_call.problem and not status.next_call.new
    assert "source.path" in as_text(status)


def test_a_refusal_its_reason_and_what_was_published_before(tmp_path):
    last = record(verdict="refused", message="CPC lost half of its rows", exit_code=4)
    refreshed(tmp_path, last, RefreshRecord(
        release_id="r-0", fingerprint="e", started=NIGHT, finished="2026-10-01T03:10:00+00:00",
        verdict="promoted",
    ))  # fmt: skip
    text = as_text(warehouse_status(configured(tmp_path)))
    for shown in ("refused", "CPC lost half of its rows", "r-0", "2026-10-01T03:10:00+00:00"):
        assert line_with(text, shown)


def test_a_release_that_was_refreshed_is_nothing_new(tmp_path):
    config = configured(tmp_path)
    release = find_release(config)
    refreshed(tmp_path, record(verdict="promoted").model_copy(update={"fingerprint": release.fingerprint}))
    call = warehouse_status(config).next_call
    assert (call.release_id, call.new, call.runs) == (release.id, False, ())
    assert line_with(as_text(warehouse_status(config)), "next call", release.id)


def test_a_refresh_at_work_is_named_and_one_that_was_killed_is_not(tmp_path):
    refreshed(tmp_path, record(verdict="running"))
    with refresh_lock(LocalControlFiles(tmp_path)):
        status = warehouse_status(configured(tmp_path))
        assert status.worker["process"] == str(os.getpid())
        assert line_with(as_text(status), f"process {os.getpid()}", "at work")
    gone = {"process": 2**22 + 1, "host": socket.gethostname(), "since": NIGHT}
    write_json(tmp_path / "refresh" / "lock", gone)
    status = warehouse_status(configured(tmp_path))
    assert status.worker == {}
    assert line_with(as_text(status), "the next call goes on")
