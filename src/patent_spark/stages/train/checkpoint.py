"""Where a training stands, in one file that is replaced whole: the next attempt goes on from there."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from patent_spark.core.errors import WorkError

Epoch = dict[str, float]
"""epoch, train_loss, train_accuracy, examples_per_second; dev_loss and dev_accuracy when there is a development split.
A joint model has one loss, and a loss and an accuracy of each task, such as train_technology_accuracy."""
Arrays = Sequence[npt.NDArray[Any]]

_FILE, _ASIDE, _STATE = "checkpoint.npz", ".checkpoint.npz", "state"
_MODEL_COPIES = 3  # in the job's folder, in the warehouse, in MLflow


@dataclass
class State:
    """All that a training carries from step to step beside the variables of its network and optimizer; the same on every rank."""

    epoch: int = 1
    """The epoch at work; one more than train.epochs when all are done."""
    step: int = 0
    """Steps of it that were taken."""
    sums: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    """Of these steps: loss, weight and hits of each head, then the examples."""
    delivered: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    """Feed.delivered of these steps, over all ranks; only brought up to date when the epoch is broken off or over."""
    seconds: float = 0.0
    """What these steps took."""
    history: list[Epoch] = field(default_factory=list)
    kept_epoch: int = 0
    kept: Arrays = ()
    """Weights of the network after that epoch."""

    def close_epoch(self, result: Epoch) -> None:
        """Put an epoch's result into the history and stand at the start of the next one."""
        fresh = State()
        self.history.append(result)
        self.epoch, self.step, self.sums, self.delivered, self.seconds = (
            self.epoch + 1,
            0,
            fresh.sums,
            fresh.delivered,
            0.0,
        )


@dataclass(frozen=True)
class Checkpoint:
    """A state, the variables that belong to it, and the MLflow run that it is part of."""

    state: State
    variables: Arrays
    run_id: str

    def write(self, folder: Path) -> None:
        """Replace the checkpoint of a folder; raises WorkError, and leaves the earlier one whole, when it cannot be written."""
        described = asdict(self.state) | {"run_id": self.run_id}
        kept = described.pop("kept")
        arrays = {
            f"{name}_{i}": array
            for name, group in (("variable", self.variables), ("kept", kept))
            for i, array in enumerate(group)
        }
        text = json.dumps(described, default=np.ndarray.tolist)
        aside = folder / _ASIDE
        try:
            with aside.open("wb") as file:
                np.savez(file, **arrays, **{_STATE: np.array(text)})
                file.flush()
                os.fsync(file.fileno())
            aside.replace(folder / _FILE)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise WorkError(
                f"the checkpoint of epoch {self.state.epoch}, step {self.state.step} cannot be written to {folder}: {error.strerror}; "
                "the one before it is whole: make room and go on with --resume"
            ) from error

    @classmethod
    def read(cls, folder: Path, *, arrays: bool = True) -> Checkpoint | None:
        """The checkpoint of a folder, if there is one; without its weights and variables it is read at once, whatever the model's size.

        Raises WorkError when the file is damaged.
        """
        path = folder / _FILE
        if not path.exists():
            return None
        try:
            with np.load(path) as file:
                described = json.loads(str(file[_STATE]))
                variables, kept = (_group(file, name) if arrays else () for name in ("variable", "kept"))
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise WorkError(
                f"{path} cannot be read ({error}); train without --resume, from the start"
            ) from error
        run_id = described.pop("run_id")
        described["sums"], described["delivered"] = (
            np.array(described["sums"]),
            np.array(described["delivered"], np.int64),
        )
        return cls(State(**described, kept=kept), variables, run_id)


def _group(file: Any, name: str) -> Arrays:
    return [file[f"{name}_{i}"] for i in range(sum(each.startswith(f"{name}_") for each in file.files))]


def require_space(folder: Path, variables: Arrays, weights: Arrays) -> None:
    """Raises WorkError unless there is room for two checkpoints (the one before stays until the next is whole) and the model's copies."""
    variables_size, weights_size = (sum(array.nbytes for array in arrays) for arrays in (variables, weights))
    needed = 2 * (variables_size + weights_size) + _MODEL_COPIES * weights_size
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WorkError(
            f"{folder} has {free / 1e6:,.1f} MB free; the checkpoints and the model of this training need {needed / 1e6:,.1f} MB: "
            "make room, or set warehouse.root to a larger disk"
        )
