"""Trainings under way, as tests see them from outside: the processes of their ranks and the progress they
report."""

from pathlib import Path

from patent_spark.config import load_config
from tests.support.training_warehouse import TOKENS, progress_files

SETTINGS = [
    "tasks=technology",
    f"technology.max_tokens={TOKENS}",
    "shard.world_sizes=[1,2,4]",
    "model.units=24",
    "train.ranks=2",
    "train.batch=32",
    "train.learning_rate=0.01",
]
"""Of a training on the examples of `training_warehouse`."""


def configured(root, *settings):
    """The configuration of a training in a warehouse, with further settings."""
    return load_config(sets=[f"warehouse.root={root}", *SETTINGS, *settings])[0]


def options(root, *settings):
    """The same as options of the command line."""
    return [part for each in (f"warehouse.root={root}", *SETTINGS, *settings) for part in ("--set", each)]


def environments():
    """Environment variables of each process that may be looked at, by process id."""
    variables = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parts = (process / "environ").read_text().split("\0")
        except OSError:
            continue
        variables[int(process.name)] = dict(part.partition("=")[::2] for part in parts)
    return variables


def command_line(pid):
    """What a process was started with; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def ranks_of(folder):
    """Process ids, by rank, of the ranks that work on a folder."""
    return {
        int(variables["HOROVOD_RANK"]): pid
        for pid, variables in environments().items()
        if "HOROVOD_RANK" in variables and str(folder) in command_line(pid)
    }


def steps_reported(root):
    """How often the training under way in a warehouse has reported its steps."""
    return sum(path.read_text().count('"done"') for path in progress_files(root))


def epochs_reported(root):
    """How many epochs the training under way in a warehouse has finished."""
    return sum(path.read_text().count('"line"') for path in progress_files(root))
