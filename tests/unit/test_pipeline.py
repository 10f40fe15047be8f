"""When a stage is done again and when it is skipped, on two stages of three lines each."""

import json
import sys
import types
import zipfile
from dataclasses import replace

import pyarrow as pa
import pytest

from patent_spark import pipeline
from patent_spark.config import load_config
from patent_spark.core.code_version import code_digest
from patent_spark.core.errors import DataError
from patent_spark.core.log_lines import lines_on_stderr, log_context
from patent_spark.core.store import Store, arrow_schema
from patent_spark.pipeline import Stage, run_stage
from tests.support.errors import raises
from tests.support.factories import stage_metadata


def fake(monkeypatch, name, run):
    monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(run=run))
    return name


@pytest.fixture
def two_stages(monkeypatch):
    """`ingest` writes one reject, `text` writes one word; the names of the runs are collected."""
    runs = []

    def ingest(work):
        runs.append("ingest")
        row = {"table": ["PATENTS"], "file": ["f"], "row": [2], "reason": ["bad"], "content": ["x"]}
        with work.draft.writer("REJECTS") as writer:
            writer.write_table(pa.table(row, schema=arrow_schema("REJECTS")))
        work.record_metadata(stage_metadata("ingest", release_id="r1"))

    def text(work):
        runs.append("text")
        if work.config.text.window == 13:
            raise RuntimeError("an unlucky window")
        with work.draft.writer("VOCABULARY") as writer:
            writer.write_table(
                pa.table(
                    {"word": ["a"], "id": [1], "count": [work.config.text.window]},
                    schema=arrow_schema("VOCABULARY"),
                )
            )

    def split(work):
        runs.append("split")
        with work.draft.writer("SPLITS") as writer:
            writer.write_table(
                pa.table({name: [] for name in arrow_schema("SPLITS").names}, schema=arrow_schema("SPLITS"))
            )

    plan = {
        "split": Stage(
            "split",
            fake(monkeypatch, "patent_spark.stages.split.stage", split),
            ("ingest", "text"),
            ("split",),
            "",
        ),
        "ingest": Stage(
            "ingest",
            fake(monkeypatch, "patent_spark.stages.ingest.stage", ingest),
            ("simulate",),
            ("ingest", "release"),
            "",
        ),
        "text": Stage(
            "text", fake(monkeypatch, "patent_spark.stages.text.stage", text), ("ingest",), ("text",), ""
        ),
    }
    monkeypatch.setattr(pipeline, "STAGES", plan)
    return runs


@pytest.fixture
def go(tmp_path, two_stages):
    release = tmp_path / "release"
    release.mkdir()
    with zipfile.ZipFile(release / "g_patent.tsv.zip", "w") as archive:
        archive.writestr("g_patent.tsv", "one")

    def run(name, *sets, force=False):
        config, _ = load_config(sets=[f"warehouse.root={tmp_path / 'w'}", f"source.path={release}", *sets])
        two_stages.clear()
        done = run_stage(name, config, force=force)
        return done.skipped, list(two_stages)

    run.release, run.store = release, Store(tmp_path / "w")
    return run


def test_a_stage_whose_inputs_and_settings_did_not_change_is_skipped(go, capsys):
    assert go("ingest") == (False, ["ingest"])
    assert go("ingest") == (True, [])
    message = capsys.readouterr().err
    assert "skipped" in message and go.store.manifest("ingest").version in message


def test_force_redoes_it(go):
    go("ingest")
    assert go("ingest", force=True) == (False, ["ingest"])


def test_a_changed_setting_redoes_the_stages_that_depend_on_it_and_no_other(go):
    go("ingest"), go("text")
    assert go("ingest", "text.window=7") == (True, [])
    assert go("text", "text.window=7") == (False, ["text"])
    assert go("text", "text.window=7", "engine.name=spark", "train.epochs=9") == (True, [])


def test_a_new_version_upstream_redoes_what_reads_it(go):
    go("ingest"), go("text")
    go("ingest", force=True)
    assert go("text") == (False, ["text"])


def test_what_a_report_shows_of_another_stage_redoes_it_only_when_it_changes(go, monkeypatch):
    """The stage runs without the other one, and a new version that says the same changes nothing."""
    monkeypatch.setitem(
        pipeline.STAGES, "text", replace(pipeline.STAGES["text"], reads=(), shows=("ingest",))
    )
    assert go("text") == (False, ["text"])
    go("ingest")
    assert go("text") == (False, ["text"])
    go("ingest", force=True)
    assert go("text") == (True, [])
    assert go.store.manifest("text").inputs == {}


def test_a_release_whose_content_changed_is_read_again(go):
    go("ingest")
    with zipfile.ZipFile(go.release / "g_patent.tsv.zip", "w") as archive:
        archive.writestr("g_patent.tsv", "two")  # the same name and size
    assert go("ingest") == (False, ["ingest"])


def test_what_fails_leaves_the_version_before(go):
    go("ingest"), go("text")
    with pytest.raises(RuntimeError):
        go("text", "text.window=13")
    assert go.store.read_arrow("VOCABULARY")["count"].to_pylist() == [5]


def test_the_release_id_travels_with_every_stage(go):
    go("ingest"), go("text")
    assert go.store.manifest("text").release_id == "r1"
    assert go.store.manifest("text").inputs == {"ingest": go.store.manifest("ingest").version}


def test_a_stage_without_its_inputs_says_what_to_run(go):
    with raises(DataError, stage="ingest"):
        go("text")


def test_a_stage_refuses_inputs_that_do_not_belong_together(go):
    go("ingest"), go("text")
    old = go.store.manifest("ingest")
    go("ingest", force=True)
    versions = {"version": old.version, "current": go.store.manifest("ingest").version}
    with raises(DataError, stage="text", **versions):
        go("split")


def test_changed_code_redoes_the_stages_that_it_does(go, monkeypatch):
    go("ingest"), go("text")
    monkeypatch.setattr(
        pipeline,
        "code_digest",
        lambda module, **options: "changed" if "stages.text" in module else code_digest(module, **options),
    )
    assert go("ingest") == (True, [])
    assert go("text") == (False, ["text"])


def test_the_lines_of_a_stage_say_its_release_rows_and_version(go, capsys):
    with lines_on_stderr("json"), log_context(command="run", run_id="r9"):
        go("ingest"), go("text"), go("text")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["stage"], line["release_id"]) for line in lines] == [
        ("ingest", ""),  # not read yet
        ("ingest", "r1"),
        ("text", "r1"),
        ("text", "r1"),
        ("text", "r1"),
    ]
    done, again, manifest = lines[3], lines[4], go.store.manifest("text")
    assert (done["rows"], done["version"], done["run_id"]) == ({"VOCABULARY": 1}, manifest.version, "r9")
    assert done["seconds"] == manifest.seconds and manifest.log_run_id == "r9"
    assert (again["skipped"], again["version"]) == (True, manifest.version)
