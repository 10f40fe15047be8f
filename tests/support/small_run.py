"""A small simulated release, run end to end by the installed command line."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from patent_spark.core.store import Store

ROOT = Path(__file__).parents[2]
"""The checkout."""

PROGRAM = Path(sys.executable).with_name("patent-spark")
"""The installed command."""

OPTIONAL_TABLES = {"CLAIMS", "FEATURES", "INTERIM_LEVELS", "INDEXED_PATENTS", "SCORES"}
"""Tables that only some settings or commands make; none of those in SMALL, and not `run`."""

SMALL = [
    "simulate.patents=3000",
    "simulate.classes=4",
    "text.workers=1",
    "text.epochs=2",
    "text.dimensions=16",
    "text.min_count=2",
    "model.units=8",
    "train.epochs=2",
    "shard.row_group_rows=128",
]
"""Settings on top of conf/demo.yaml: a whole run takes about half a minute."""

_READ_MLFLOW = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
experiments = [each.experiment_id for each in client.search_experiments()]
print(json.dumps([
    {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": run.data.metrics,
        "tags": run.data.tags,
        "datasets": {
            each.dataset.name: [each.tags[0].value, json.loads(each.dataset.profile)["num_rows"]]
            for each in run.inputs.dataset_inputs
        },
        "audit_files": [file.path for file in client.list_artifacts(run.info.run_id, "audit")],
    }
    for run in client.search_runs(experiments)
]))
"""


@dataclass(frozen=True)
class SmallRun:
    """A finished run: its warehouse, its output, and the calls of Java, which was broken on purpose."""

    root: Path
    stdout: str
    stderr: str
    java_calls: list[str]

    @property
    def store(self):
        return Store(self.root)

    def mlflow_runs(self):
        """Each MLflow run as plain values, read in another process."""
        uri = f"sqlite:///{self.root}/mlflow/mlflow.db"
        command = [sys.executable, "-c", _READ_MLFLOW, uri]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])


def set_options(settings):
    """`--set` before each setting."""
    return [part for setting in settings for part in ("--set", setting)]


def patent_spark(*arguments, root, sets=(), cwd=ROOT, **variables):
    """Run the installed command on conf/demo.yaml, SMALL and `sets`; returns the finished process."""
    settings = set_options([*SMALL, f"warehouse.root={root}", *sets])
    return subprocess.run(
        [PROGRAM, *arguments, "--config", ROOT / "conf" / "demo.yaml", *settings],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=540,
        # Where a test has opened Sail, the variables would make Spark a client of it.
        env={name: value for name, value in os.environ.items() if not name.startswith("SPARK_CONNECT")}
        | variables,
    )


def broken_java(folder):
    """Environment variables that put a Java that only fails first, and the file that lists its calls."""
    java, calls = folder / "bin" / "java", folder / "calls"
    java.parent.mkdir()
    java.write_text(f'#!/bin/sh\necho "$@" >> {calls}\nexit 1\n')
    java.chmod(0o755)
    calls.touch()
    return {"JAVA_HOME": str(folder), "PATH": f"{java.parent}:{os.environ['PATH']}"}, calls
