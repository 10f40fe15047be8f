"""One small simulated release, run end to end once by the real command line; the tests look at what it left."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from patent_spark.core.store import Store

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("patent-spark")

NOT_ASKED_FOR = {"CLAIMS", "EARLY_LEVELS"}
"""Tables that only some settings ask for, none of those here."""

SMALL = [
    "simulate.patents=3000", "simulate.classes=4", "text.workers=1", "text.epochs=2", "text.dimensions=16", "text.min_count=2",
    "model.units=8", "train.epochs=2", "shard.row_group_rows=128",
]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A finished run: what was said, the store it left, and the calls of Java, which was out of its reach."""

    root: Path
    stdout: str
    stderr: str
    java_calls: list[str]

    @property
    def store(self):
        return Store(self.root)

    def mlflow_runs(self):
        """[status, params, metrics, tags, files of the audit] of each run in MLflow, read in another process."""
        code = (
            "import sys, json, mlflow; c = mlflow.MlflowClient(sys.argv[1])\n"
            "runs = [r for e in c.search_experiments() for r in c.search_runs([e.experiment_id])]\n"
            "files = lambda r: [f.path for f in c.list_artifacts(r.info.run_id, 'audit')]\n"
            "print(json.dumps([[r.info.status, r.data.params, r.data.metrics, r.data.tags, files(r)] for r in runs]))"
        )
        uri = f"sqlite:///{self.root}/mlflow/mlflow.db"
        told = subprocess.run(
            [sys.executable, "-c", code, uri], capture_output=True, text=True, check=True
        ).stdout
        return json.loads(told.splitlines()[-1])


def patent_spark(*arguments, root, sets=(), cwd=ROOT, **variables):
    """Run the installed command; returns the finished process."""
    settings = [part for setting in [*SMALL, f"warehouse.root={root}", *sets] for part in ("--set", setting)]
    command = [PROGRAM, *arguments, "--config", ROOT / "conf" / "demo.yaml", *settings]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=540, env=os.environ | variables
    )


def broken_java(folder):
    """Variables under which Java is a program that only notes how it was called, and the file of these notes."""
    java, notes = folder / "bin" / "java", folder / "called"
    java.parent.mkdir()
    java.write_text(f'#!/bin/sh\necho "$@" >> {notes}\nexit 1\n')
    java.chmod(0o755)
    notes.touch()
    return {"JAVA_HOME": str(folder), "PATH": f"{java.parent}:{os.environ['PATH']}"}, notes


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    root = tmp_path_factory.mktemp("run") / "warehouse"
    variables, notes = broken_java(tmp_path_factory.mktemp("java"))
    done = patent_spark("run", root=root, **variables)
    assert done.returncode == 0, done.stderr
    return Run(root, done.stdout, done.stderr, notes.read_text().splitlines())


@pytest.fixture(scope="session")
def package_zip():
    """The package as spark-submit takes it along."""
    subprocess.run(["make", "-s", "zip"], cwd=ROOT, check=True, capture_output=True)
    return ROOT / "build" / "patent_spark.zip"
