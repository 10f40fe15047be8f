"""The audit after a real run and on the paper's protocol, and the table of `make audit-canaries`."""

import os
import subprocess
import sys

import pytest

from patent_spark.pipeline import run_stage
from patent_spark.stages.audit.report_schema import FAILED, read_audit
from tests.support.audit_warehouse import build_warehouse, configured
from tests.support.small_run import ROOT

PAPER = (
    "split.interim_levels=false",
    "split.embargo=false",
    "split.group_by_family=false",
    "label.reference_set=class",
    "text.fit_on=all",
)


def failed_checks(store):
    return {(check.task, check.code) for check in read_audit(store).with_status(FAILED)}


def test_a_run_prints_the_result_of_its_audit(whole_run):
    """With the demo's settings: no embargo, and percentiles over all years."""
    audit = read_audit(whole_run.store)
    assert failed_checks(whole_run.store) == {
        ("citation_level", "label_embargo"),
        ("citation_level", "percentiles_lookahead"),
    }
    assert audit.n_completed == 53
    assert "2 of 53" in whole_run.stdout
    percentiles = next(check for check in audit.with_status(FAILED) if check.code == "percentiles_lookahead")
    line = next(line for line in whole_run.stdout.splitlines() if percentiles.name in line)
    assert "citation_level" in line and "100.0 %" in line
    assert str(whole_run.store.directory("AUDIT") / "report.html") in whole_run.stdout


def test_the_values_are_in_the_runs_of_mlflow(whole_run):
    runs = {run["tags"]["task"]: (run["metrics"], run["audit_files"]) for run in whole_run.mlflow_runs()}
    for task, failed in (("technology", 0), ("citation_level", 2)):
        metrics, files = runs[task]
        assert metrics["audit/failed"] == failed
        assert metrics["audit/shared_abstracts"] == 0
        assert 0.4 < metrics["audit/length_predicts_test"] < 0.6
        assert set(files) == {"audit/audit.json", "audit/report.html"}


@pytest.mark.slow
def test_the_protocol_of_the_paper_fails(tmp_path):
    store = build_warehouse(tmp_path, *PAPER)
    run_stage("audit", configured(tmp_path, *PAPER))
    failed = failed_checks(store)
    assert not [code for _, code in failed if "_to_" in code or code == "split_membership"]
    assert failed >= {
        ("technology", "shared_abstracts"),
        ("citation_level", "shared_abstracts"),
        ("technology", "related_patents"),
        ("citation_level", "related_patents"),
        ("citation_level", "percentiles_lookahead"),
        ("citation_level", "label_embargo"),
        (None, "vocabulary_lookahead"),
        (None, "vectors_lookahead"),
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
    n_leaks = len(lines) - 3
    assert lines[-1].startswith(f"{n_leaks} of {n_leaks} ")
    assert sum(line.endswith("  caught") for line in lines) == n_leaks
