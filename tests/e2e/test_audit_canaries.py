"""The audit on real runs: sound knobs pass, the paper's protocol does not, and `make audit-canaries` shows the table."""

import json
import os
import subprocess
import sys

import pytest

from tests.e2e.conftest import ROOT, patent_spark

pytestmark = pytest.mark.slow

SOUND = ["split.embargo=true", "label.pool=class_year", "simulate.patents=5000"]
PAPER = ["split.embargo=false", "split.group=false", "label.pool=class", "text.trained_on=all", "simulate.patents=5000", "text.epochs=1"]


def audited(root):
    path = next((root / "audit").glob("*/AUDIT/audit.json"))
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    root = tmp_path_factory.mktemp("sound")
    done = patent_spark("run", root=root, sets=SOUND)
    assert done.returncode == 0, done.stderr
    return root, done


def test_sound_knobs_pass_the_audit(sound):
    root, done = sound
    failed = [check for check in audited(root)["checks"] if check["verdict"] == "failed"]
    assert failed == []
    assert "checks passed" in done.stdout and "AUDIT/report.html" in done.stdout


def test_the_figures_are_in_the_runs_of_mlflow(sound):
    code = (
        "import sys, json, mlflow; c = mlflow.MlflowClient(sys.argv[1])\n"
        "runs = [r for e in c.search_experiments() for r in c.search_runs([e.experiment_id])]\n"
        "print(json.dumps([[r.data.metrics, [f.path for f in c.list_artifacts(r.info.run_id, 'audit')]] for r in runs]))"
    )
    told = subprocess.run([sys.executable, "-c", code, f"sqlite:///{sound[0]}/mlflow/mlflow.db"], capture_output=True, text=True, check=True)
    runs = json.loads(told.stdout.splitlines()[-1])
    assert len(runs) == 2
    for metrics, files in runs:
        assert metrics["audit_failed"] == 0
        assert metrics["audit_families_on_both_sides"] == 0
        assert 0.4 < metrics["audit_length_alone_tells_test_patents"] < 0.6
        assert set(files) == {"audit/audit.json", "audit/report.html"}


def test_the_protocol_of_the_paper_fails_and_the_run_goes_on(tmp_path):
    done = patent_spark("run", root=tmp_path, sets=PAPER)
    assert done.returncode == 0, done.stderr
    failed = {(check["task"], check["name"]) for check in audited(tmp_path)["checks"] if check["verdict"] == "failed"}
    assert {
        ("technology", "families on both sides"),
        ("citation_level", "percentiles learned from test patents"),
        ("citation_level", "labels that closed after the first test day"),
        (None, "vocabulary learned from test texts"),
        (None, "vectors learned from test texts"),
    } <= failed
    assert "citation_level: percentiles learned from test patents" in done.stdout


def test_the_canaries_are_all_caught():
    command = [sys.executable, "-m", "tests.audit_canaries"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=540, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = done.stdout.strip().splitlines()
    assert "leaks caught" in lines[-1]
    assert sum(line.endswith("  caught") for line in lines) == len(lines) - 3
