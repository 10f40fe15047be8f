"""Which steps of the stage are done again after a change, and which outputs are taken over."""

import json

import pytest

from patent_spark.core.code_version import code_digest
from patent_spark.core.files import write_json
from patent_spark.pipeline import run_stage
from tests.support.evaluation_warehouse import configured


def outputs_of(store, *names):
    """Inode and content of each file."""
    files = [path for name in names for path in sorted(store.directory(name).rglob("*")) if path.is_file()]
    return {f"{path.parent.name}/{path.name}": (path.stat().st_ino, path.read_bytes()) for path in files}


PREDICTED = ("PREDICTIONS", "BASELINE_PREDICTIONS", "CALIBRATION", "BASELINES")


def changed_code(monkeypatch, *modules):
    """As if the code of these modules were another one, for the stage and for its steps."""
    from patent_spark import pipeline
    from patent_spark.stages.evaluate import steps

    def digest(module, **options):
        changed = any(module.endswith(name) for name in modules)
        return f"changed: {modules}" if changed else code_digest(module, **options)

    for place in (pipeline, steps):
        monkeypatch.setattr(place, "code_digest", digest)


def forbidden(*_, **__):
    raise AssertionError("this step has not changed")


def test_a_change_of_the_report_redoes_the_report_alone(copy, monkeypatch, capsys):
    run_stage("evaluate", configured(copy.root))
    first, before = copy.manifest("evaluate"), outputs_of(copy, *PREDICTED, "METRICS")
    changed_code(monkeypatch, "evaluate.stage")  # whose digest covers the template and the plots
    monkeypatch.setattr("patent_spark.stages.evaluate.predict.predict_task", forbidden)
    monkeypatch.setattr("patent_spark.stages.evaluate.measure.measure_task", forbidden)
    assert not run_stage("evaluate", configured(copy.root)).skipped
    second = copy.manifest("evaluate")
    assert second.version != first.version
    assert outputs_of(copy, *PREDICTED, "METRICS") == before
    assert (copy.directory("REPORT") / "report.html").exists()
    lines = [line for line in capsys.readouterr().err.splitlines() if "reused" in line]
    assert len(lines) == 2 and all(first.version in line for line in lines)
    assert [name for name in (*PREDICTED, "METRICS") if not any(name in line for line in lines)] == []


def test_other_resamples_redo_the_metrics_but_not_the_predictions(copy, monkeypatch):
    run_stage("evaluate", configured(copy.root))
    before = outputs_of(copy, *PREDICTED)
    monkeypatch.setattr("patent_spark.stages.evaluate.predict.predict_task", forbidden)
    run_stage("evaluate", configured(copy.root, "evaluate.resamples=50"))
    assert outputs_of(copy, *PREDICTED) == before
    assert copy.read_json("METRICS", "technology.json")["settings"]["resamples"] == 50


@pytest.mark.parametrize("setting", ["evaluate.neighbour_examples=30", "evaluate.seed=2"])
def test_other_settings_of_the_baselines_redo_the_predictions(copy, setting):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    before = outputs_of(copy, *PREDICTED)
    run_stage("evaluate", configured(copy.root, "tasks=technology", setting))
    after = outputs_of(copy, *PREDICTED)
    assert all(before[name][0] != after[name][0] for name in before)
    table = "BASELINE_PREDICTIONS/part-0.parquet"
    assert before[table][1] != after[table][1]


def test_a_change_of_the_code_of_a_step_redoes_it(copy, monkeypatch):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    before = outputs_of(copy, *PREDICTED)
    changed_code(monkeypatch, "evaluate.stage", "evaluate.measure")
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    assert outputs_of(copy, *PREDICTED) == before
    changed_code(monkeypatch, "evaluate.stage", "evaluate.predict")
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    after = outputs_of(copy, *PREDICTED)
    assert all(before[name][0] != after[name][0] for name in before)


def test_force_redoes_every_step(copy):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    before = outputs_of(copy, *PREDICTED, "METRICS")
    run_stage("evaluate", configured(copy.root, "tasks=technology"), force=True)
    after = outputs_of(copy, *PREDICTED, "METRICS")
    assert all(before[name][0] != after[name][0] for name in before)
    assert {name: content for name, (_, content) in before.items()} == {
        name: content for name, (_, content) in after.items()
    }


def test_reused_metrics_have_no_verdict_of_an_audit_that_has_not_seen_them(copy, monkeypatch):
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    path = copy.directory("METRICS") / "technology.json"
    before = json.loads(path.read_text())
    write_json(path, before | {"audit": {"verdict": "passed", "failed": [], "not_made": []}})
    changed_code(monkeypatch, "evaluate.stage")
    run_stage("evaluate", configured(copy.root, "tasks=technology"))
    assert copy.read_json("METRICS", "technology.json") == before
    assert json.loads(path.read_text())["audit"]["verdict"] == "passed"  # in the version before
