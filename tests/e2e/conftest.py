"""One small simulated release, run end to end once by the real command line; the tests look at what it left."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from patent_spark.store import Store

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("patent-spark")

SMALL = [
    "simulate.patents=3000", "simulate.classes=4", "text.workers=1", "text.epochs=2", "text.dimensions=16", "text.min_count=2",
    "model.units=8", "train.epochs=2", "shard.row_group_rows=128",
]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A finished run: what was said, and the store it left."""

    root: Path
    stdout: str
    stderr: str

    @property
    def store(self):
        return Store(self.root)


def patent_spark(*arguments, root, sets=(), cwd=ROOT):
    """Run the installed command; returns the finished process."""
    knobs = [part for knob in [*SMALL, f"warehouse.root={root}", *sets] for part in ("--set", knob)]
    command = [PROGRAM, *arguments, "--config", ROOT / "conf" / "demo.yaml", *knobs]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=540)


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory):
    root = tmp_path_factory.mktemp("run") / "warehouse"
    done = patent_spark("run", root=root)
    assert done.returncode == 0, done.stderr
    return Run(root, done.stdout, done.stderr)
