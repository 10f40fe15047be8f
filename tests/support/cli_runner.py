"""`patent-spark train` called as a user calls it, on small examples: its output, its exit code and what it
leaves."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import keras
from mlflow import MlflowClient

from patent_spark.core.store import Store
from patent_spark.tracking.runs import tracking_uri
from tests.support.cluster import wait_for
from tests.support.rank_processes import command_line, configured, environments, epochs_reported, options
from tests.support.training_warehouse import progress_files, publish_examples

_MARK = "PATENT_SPARK_TEST_TRAINING"
"""Every process that a training starts inherits this variable, whatever its name and its group."""


def publish(root, **sizes):
    return publish_examples(
        root, **({"train": 1000, "development": 100, "virtual_shards": 4, "row_group_rows": 128} | sizes)
    )


def processes_of(root):
    """Command lines, by process id, of everything that the trainings of a warehouse started and that still
    runs."""
    marked = [pid for pid, variables in environments().items() if variables.get(_MARK) == str(root)]
    return {pid: command_line(pid) for pid in marked}


@dataclass(frozen=True)
class Training:
    """One call of the command."""

    root: Path
    process: subprocess.Popen
    output: Path

    @property
    def stderr(self):
        return self.output.read_text()

    def reported(self, text):
        """Whether rank 0 has reported something with this text in it."""
        return any(text in path.read_text() for path in progress_files(self.root))

    def epochs(self):
        """How many epochs are finished."""
        return epochs_reported(self.root)

    def wait_for_epochs(self, epochs):
        """Wait until so many are finished, each with a checkpoint, and the next one is under way."""
        wait_for(lambda: self.epochs() >= epochs or self.process.poll() is not None, seconds=500)
        assert self.process.poll() is None, self.stderr

    def finish(self):
        """Wait for its end; returns its exit code and its stderr. Nothing that it started is left."""
        code = self.process.wait(timeout=400)
        wait_for(lambda: not processes_of(self.root), seconds=15)
        return code, self.stderr


@contextmanager
def trainings(folder):
    """A function that starts a training, whose stderr goes into the folder; ends what a failed test leaves
    running."""
    started = []

    def start(root, *arguments, settings=(), program=("-m", "patent_spark.cli"), **variables):
        for path in progress_files(root):
            path.unlink()  # of the training before
        command = [sys.executable, *program, "train", *arguments, *options(root, *settings)]
        output = folder / f"training-{time.monotonic_ns()}.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(command, stderr=file, env=os.environ | {_MARK: str(root)} | variables)
        started.append(Training(root, process, output))
        return started[-1]

    yield start
    for training in started:
        for pid in processes_of(training.root):
            os.kill(pid, signal.SIGKILL)
        training.process.wait()


def weights_of(root):
    """Weights of the current model of technology."""
    folder = Store(root).directory("MODEL") / "technology"
    return keras.saving.load_model(folder / "model.keras").get_weights()


def largest_difference(root, other):
    """Of all weights of the models in two warehouses."""
    pairs = zip(weights_of(root), weights_of(other), strict=True)
    return max(abs(own - others).max() for own, others in pairs)


def run_and_epochs(client):
    """The only run, and for each metric by epoch the epochs that have a value, in the order in which they
    arrived."""
    (run,) = client.search_runs([each.experiment_id for each in client.search_experiments()])
    names = [name for name in run.data.metrics if name.startswith(("train_", "dev_"))]
    steps = {
        name: [metric.step for metric in client.get_metric_history(run.info.run_id, name)] for name in names
    }
    return run, steps


def tracked_run(root):
    """The same of a warehouse that keeps its runs itself."""
    return run_and_epochs(MlflowClient(tracking_uri(configured(root))))
