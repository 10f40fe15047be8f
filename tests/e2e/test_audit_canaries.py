"""The audit after a real run, on the paper's protocol, and the table of `make audit-canaries`."""

import json
import os
import subprocess
import sys

import pytest

from patent_spark.pipeline import run_stage
from tests.support.audit_warehouse import build_world, configured
from tests.support.small_run import ROOT

PAPER = (
    "split.interim_levels=false",
    "split.embargo=false",
    "split.group_by_family=false",
    "label.reference_set=class",
    "text.fit_on=all",
)


def failed_in(store):
    found = json.loads((store.directory("AUDIT") / "audit.json").read_text())
    return {(check["task"], check["name"]) for check in found["checks"] if check["verdict"] == "failed"}


def test_a_run_tells_what_its_audit_found(whole_run):
    """The demo's settings: no embargo, and percentiles over all years."""
    late, pooled = "labels that closed after the first test day", "percentiles learned from test patents"
    assert failed_in(whole_run.store) == {("citation_level", late), ("citation_level", pooled)}
    assert "audit: 2 of 53 checks failed" in whole_run.stdout
    assert f"citation_level: {pooled} (100.0 % share of the training patents)" in whole_run.stdout
    assert str(whole_run.store.directory("AUDIT") / "report.html") in whole_run.stdout


def test_the_figures_are_in_the_runs_of_mlflow(whole_run):
    runs = {run["tags"]["task"]: (run["metrics"], run["audit_files"]) for run in whole_run.mlflow_runs()}
    for task, failed in (("technology", 0), ("citation_level", 2)):
        metrics, files = runs[task]
        assert metrics["audit/failed"] == failed
        assert metrics["audit/families_on_both_sides"] == 0
        assert 0.4 < metrics["audit/length_alone_tells_test_patents"] < 0.6
        assert set(files) == {"audit/audit.json", "audit/report.html"}


@pytest.mark.slow
def test_the_protocol_of_the_paper_fails(tmp_path):
    store = build_world(tmp_path, *PAPER)
    run_stage("audit", configured(tmp_path, *PAPER))
    failed = failed_in(store)
    assert not [name for _, name in failed if name.startswith("rows:")]
    assert failed >= {
        ("technology", "families on both sides"),
        ("citation_level", "families on both sides"),
        ("technology", "relatives by g_us_rel_doc on both sides"),
        ("citation_level", "relatives by g_us_rel_doc on both sides"),
        ("citation_level", "percentiles learned from test patents"),
        ("citation_level", "labels that closed after the first test day"),
        (None, "vocabulary learned from test texts"),
        (None, "vectors learned from test texts"),
    }


@pytest.mark.slow
def test_the_canaries_are_all_caught():
    command = [sys.executable, "-m", "tests.support.audit_canaries"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=540,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    lines = done.stdout.strip().splitlines()
    assert "leaks caught" in lines[-1]
    assert sum(line.endswith("  caught") for line in lines) == len(lines) - 3
