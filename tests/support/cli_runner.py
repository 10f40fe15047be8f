"""`patent-spark train` called as a person calls it, on small examples: what it says, how it ends, and what it leaves running."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras

from patent_spark.core.store import Store
from tests.e2e.test_ranks import SETS, wait_for
from tests.support.training_warehouse import publish_examples, told_files

_MARK = "PATENT_SPARK_ATTEMPT"
"""A variable that whatever an attempt starts has from it, under any name and in any group."""


def publish(root, **sizes):
    return publish_examples(
        root, **({"train": 1000, "development": 100, "lanes": 4, "row_group_rows": 128} | sizes)
    )


def processes_of(root):
    """Command lines, by process id, of all that the attempts at a training started and that is still there."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{_MARK}={root}" in (process / "environ").read_text().split("\0"):
                found[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ")
        except OSError:
            pass
    return found


def epochs_told(root):
    """How many epochs are over in the training under way in a warehouse."""
    return sum(path.read_text().count('"line"') for path in told_files(root))


@dataclass(frozen=True)
class Attempt:
    """One call of the command."""

    root: Path
    process: subprocess.Popen
    output: Path

    @property
    def said(self):
        return self.output.read_text()

    def told(self, text):
        """Whether rank 0 has told something with this text in it."""
        return any(text in path.read_text() for path in told_files(self.root))

    def epochs(self):
        """How many are over."""
        return epochs_told(self.root)

    def comes_to(self, epochs):
        """Wait until so many are over, each with a checkpoint, and the next one is on its way."""
        wait_for(lambda: self.epochs() >= epochs or self.process.poll() is not None, seconds=500)
        assert self.process.poll() is None, self.said

    def ended(self):
        """Its exit code and what it said; nothing that it started is left."""
        code = self.process.wait(timeout=400)
        wait_for(lambda: not processes_of(self.root), seconds=15)
        return code, self.said


@contextmanager
def attempts(folder):
    """A function that starts an attempt, whose output goes into the folder; what a test that fails leaves running is ended."""
    started = []

    def attempt(root, *arguments, sets=(), program=("-m", "patent_spark.cli"), **variables):
        for path in told_files(root):
            path.unlink()  # so that what is told is of this attempt
        settings = [f"warehouse.root={root}", *SETS, *sets]
        command = [
            sys.executable,
            *program,
            "train",
            *arguments,
            *(part for setting in settings for part in ("--set", setting)),
        ]
        output = folder / f"attempt-{time.monotonic_ns()}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(command, stderr=file, env=os.environ | {_MARK: str(root)} | variables)
        started.append(Attempt(root, process, output))
        return started[-1]

    yield attempt
    for trial in started:
        for pid in processes_of(trial.root):
            os.kill(pid, signal.SIGKILL)
        trial.process.wait()


def weights_of(root):
    return keras.saving.load_model(
        Store(root).directory("MODEL") / "technology" / "model.keras"
    ).get_weights()


def largest_difference(root, other):
    """Of all weights of the models in two warehouses."""
    return max(
        abs(ours - theirs).max() for ours, theirs in zip(weights_of(root), weights_of(other), strict=True)
    )


def run_and_epochs(client):
    """The only run, and of each metric by epoch the epochs that it has a value of, in the order in which they came."""
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    names = [name for name in run.data.metrics if name.startswith(("train_", "dev_"))]
    return run, {
        name: [metric.step for metric in client.get_metric_history(run.info.run_id, name)] for name in names
    }
