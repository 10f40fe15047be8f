"""OpenLineage events of stages, as a server on loopback gets them."""

import json
import subprocess
import sys
import uuid

import pytest

from patent_spark.cli import main
from patent_spark.core.errors import StoppedError
from patent_spark.core.lineage import lineage_of, stage_lineage
from patent_spark.core.store import Store
from patent_spark.tracking.openlineage import LineageEvents, run_id, stage_events
from tests.support.factories import publish
from tests.support.lineage_server import LineageServer
from tests.support.lineage_warehouse import FILE, publish_chain, publish_stage
from tests.support.releases import write_release


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with LineageServer() as server:
        monkeypatch.setenv("OPENLINEAGE_URL", server.url)
        yield server


def kinds(server):
    return [(event["job"]["name"], event["eventType"]) for event in server.events]


def begun(store, stage, inputs):
    """What is known before the work: a version that is published in the block."""
    return stage_lineage(publish_stage(store, stage, inputs)).model_copy(update={"tables": {}})


def test_a_real_stage_tells_what_it_read_and_what_it_made(tmp_path, server):
    rows = {
        "g_patent": [{"patent_id": "3930271", "patent_date": "1976-01-06", "patent_title": "A"}],
        "g_patent_abstract": [{"patent_id": "3930271", "patent_abstract": "One."}],
        "g_us_patent_citation": [{"patent_id": "3930271", "citation_patent_id": "3930271"}],
        "g_cpc_current": [
            {"patent_id": "3930271", "cpc_sequence": 0, "cpc_class": "A01", "cpc_subclass": "A01B"}
        ],
    }
    release, root = write_release(tmp_path / "r", rows), tmp_path / "w"
    assert main(["ingest", "--set", f"source.path={release}", "--set", f"warehouse.root={root}"]) == 0
    job = "patent_spark.ingest"
    assert kinds(server) == [(job, "START"), (job, "COMPLETE")]
    assert server.paths == {"/api/v1/lineage"}
    start, complete = server.events
    assert start["run"]["runId"] == complete["run"]["runId"] and start["job"]["namespace"] == "patent_spark"
    assert start.get("outputs", []) == []
    manifest = Store(root).manifest("ingest")
    assert {each["name"]: each["facets"]["version"]["datasetVersion"] for each in complete["inputs"]} == {
        f"{release}/{name}": f"sha256:{file['sha256']}" for name, file in manifest.metadata["files"].items()
    }
    made = {each["name"]: each for each in complete["outputs"]}
    assert set(made) == {f"{root}/ingest/{table}" for table in manifest.tables}
    statistics = made[f"{root}/ingest/PATENTS"]["outputFacets"]["outputStatistics"]
    size = manifest.tables["PATENTS"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (1, size["bytes"], 1)
    assert made[f"{root}/ingest/PATENTS"]["facets"]["version"]["datasetVersion"] == manifest.version


def test_a_skipped_stage_is_silent_and_so_is_everything_without_the_variable(tmp_path, monkeypatch, server):
    store = Store(tmp_path)
    monkeypatch.delenv("OPENLINEAGE_URL")
    with stage_events(store, begun(store, "label", {})) as done:
        done.append(store.manifest("label"))
    assert server.events == []


def test_the_inputs_are_the_outputs_of_the_versions_that_were_read(tmp_path, server):
    store = Store(tmp_path)
    label = publish(store, "label", {"COUNTS": [{"patent_id": "3930271"}], "LABELS": []})
    with stage_events(store, begun(store, "train", {"label": label.version, "source": "digest"})) as done:
        done.append(store.manifest("train"))
    start, complete = server.events
    for event in (start, complete):
        assert {each["name"]: each["facets"]["version"]["datasetVersion"] for each in event["inputs"]} == {
            f"{tmp_path}/label/COUNTS": label.version,
            f"{tmp_path}/label/LABELS": label.version,
        }
    assert [each["name"] for each in complete["outputs"]] == [f"{tmp_path}/train/MODEL"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("broken"), "FAIL"),
        (StoppedError("asked to stop"), "ABORT"),
        (KeyboardInterrupt(), "ABORT"),
    ],
)
def test_how_a_stage_ended(tmp_path, server, error, kind):
    store = Store(tmp_path)
    with pytest.raises(type(error)), stage_events(store, begun(store, "label", {})):
        raise error
    job = "patent_spark.label"
    assert kinds(server) == [(job, "START"), (job, kind)]
    assert server.events[1]["run"]["facets"]["errorMessage"]["message"].endswith(str(error))


def test_the_same_version_has_the_same_id_wherever_the_event_is_sent_from(tmp_path, server):
    versions = publish_chain(tmp_path)
    lineage = lineage_of(Store(tmp_path), {"shard": versions["shard"]})
    for _ in range(2):
        LineageEvents(str(tmp_path)).send_all(lineage)
    assert [event["eventType"] for event in server.events] == ["COMPLETE"] * 10
    ids = [event["run"]["runId"] for event in server.events]
    assert ids[:5] == ids[5:] == [str(run_id(str(tmp_path), stage)) for stage in lineage.stages]
    assert len({uuid.UUID(each) for each in ids}) == 5
    (ingest, _) = server.of("ingest")
    assert [each["name"] for each in ingest["inputs"]] == ["/data/r-7/g_patent.tsv.zip"]
    assert ingest["inputs"][0]["facets"]["version"]["datasetVersion"] == f"sha256:{FILE.sha256}"


def test_data_sets_of_a_bucket_have_the_bucket_as_namespace(tmp_path, server):
    store = Store(tmp_path)
    label = publish(store, "label", {"COUNTS": [{"patent_id": "3930271"}]})
    LineageEvents("s3://patents/a/b").send_all(lineage_of(store, {"label": label.version}))
    (event,) = server.events
    (made,) = event["outputs"]
    assert (made["namespace"], made["name"]) == ("s3://patents", "a/b/label/COUNTS")


def test_a_receiver_that_refuses_is_said_once_and_stops_nothing(tmp_path, server, capsys):
    server.status = 403
    versions = publish_chain(tmp_path)
    LineageEvents(str(tmp_path)).send_all(lineage_of(Store(tmp_path), {"shard": versions["shard"]}))
    with stage_events(Store(tmp_path), begun(Store(tmp_path), "label", {})):
        pass
    assert len(server.events) == 1
    message = capsys.readouterr().err
    assert message.count("OpenLineage") == 1 and "403" in message


def test_without_the_library_the_work_goes_on(tmp_path, server, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "openlineage.client.client", None)
    store = Store(tmp_path)
    with stage_events(store, begun(store, "label", {})) as done:
        done.append(store.manifest("label"))
    message = capsys.readouterr().err
    assert "patent_spark[lineage]" in message and message.count("OpenLineage") == 1


def test_a_file_can_take_the_events(tmp_path, monkeypatch):
    events = tmp_path / "events.jsonl"
    settings = tmp_path / "openlineage.yml"
    settings.write_text(f"transport:\n  type: file\n  log_file_path: {events}\n  append: true\n")
    monkeypatch.setenv("OPENLINEAGE_CONFIG", str(settings))
    versions = publish_chain(tmp_path / "w")
    LineageEvents(str(tmp_path / "w")).send_all(
        lineage_of(Store(tmp_path / "w"), {"label": versions["label"]})
    )
    names = [json.loads(line)["job"]["name"] for line in events.read_text().splitlines()]
    assert names == ["patent_spark.ingest", "patent_spark.label"]


def test_the_library_is_not_loaded_without_the_variable():
    code = "import sys, patent_spark.pipeline; print('openlineage' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
