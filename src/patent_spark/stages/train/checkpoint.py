"""The state of a training, in one file that is replaced whole: the next attempt resumes from it."""

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

EpochMetrics = dict[str, float]
"""epoch, train_loss, train_accuracy, examples_per_second; dev_loss and dev_accuracy when there is a
development split. A joint model has one loss, and a loss and an accuracy of each task, such as
train_technology_accuracy."""
Arrays = Sequence[npt.NDArray[Any]]

_FILE, _TEMPORARY, _STATE = "checkpoint.npz", ".checkpoint.npz", "state"
_MODEL_COPIES = 3
"""In the job's folder, in the warehouse, in MLflow."""


@dataclass
class TrainingState:
    """What a training carries from step to step beside its variables; the same on every rank."""

    epoch: int = 1
    """The current epoch; one more than train.epochs when all are done."""
    step: int = 0
    """Steps taken in it."""
    sums: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    """Over these steps: loss, weight and correct predictions of each head, then the examples."""
    delivered: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(2, np.int64))
    """Feed.delivered of these steps, over all ranks; updated only where the epoch stops or ends."""
    seconds: float = 0.0
    """Time that these steps took."""
    history: list[EpochMetrics] = field(default_factory=list)
    kept_epoch: int = 0
    kept: Arrays = ()
    """Weights of the network after that epoch."""

    def close_epoch(self, result: EpochMetrics) -> None:
        """Add an epoch's result to the history and stand at the start of the next one."""
        fresh = TrainingState()
        self.history.append(result)
        self.epoch += 1
        self.step, self.seconds = 0, 0.0
        self.sums, self.delivered = fresh.sums, fresh.delivered


@dataclass(frozen=True)
class Checkpoint:
    """A state, the variables that belong to it, and the id of the MLflow run that it is part of."""

    state: TrainingState
    variables: Arrays
    run_id: str

    def write(self, folder: Path) -> None:
        """Replace the checkpoint of a folder; raises WorkError, keeping the old one, if the disk is full."""
        described = asdict(self.state) | {"run_id": self.run_id}
        groups = {"variable": self.variables, "kept": described.pop("kept")}
        arrays = {f"{name}_{i}": array for name, group in groups.items() for i, array in enumerate(group)}
        text = json.dumps(described, default=np.ndarray.tolist)
        temporary = folder / _TEMPORARY
        try:
            with temporary.open("wb") as file:
                np.savez(file, **arrays, **{_STATE: np.array(text)})
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / _FILE)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._write_error(folder, error) from error

    def _write_error(self, folder: Path, error: OSError) -> WorkError:
        epoch, step = self.state.epoch, self.state.step
        return WorkError(
            f"the checkpoint of epoch {epoch}, step {step} cannot be written to {folder}: {error.strerror}; "
            "the one before it is whole: make room and go on with --resume",
            folder=str(folder),
            epoch=epoch,
            step=step,
        )

    @classmethod
    def read(cls, folder: Path, *, arrays: bool = True) -> Checkpoint | None:
        """The checkpoint of a folder, if there is one.

        arrays: whether to read its weights and variables; reading is fast without them.
        Raises WorkError when the file is damaged.
        """
        if not (folder / _FILE).exists():
            return None
        described, variables, kept = _load(folder / _FILE, arrays)
        run_id = described.pop("run_id")
        described["sums"] = np.array(described["sums"])
        described["delivered"] = np.array(described["delivered"], np.int64)
        return cls(TrainingState(**described, kept=kept), variables, run_id)


def _load(path: Path, arrays: bool) -> tuple[dict[str, Any], Arrays, Arrays]:
    """The state as JSON, the variables and the kept weights of a file."""
    try:
        with np.load(path) as file:
            described = json.loads(str(file[_STATE]))
            variables, kept = (_group(file, name) if arrays else () for name in ("variable", "kept"))
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        message = f"{path} cannot be read ({error}); train without --resume, from the start"
        raise WorkError(message, file=str(path)) from error
    return described, variables, kept


def _group(file: Any, name: str) -> Arrays:
    return [file[f"{name}_{i}"] for i in range(sum(each.startswith(f"{name}_") for each in file.files))]


def require_space(folder: Path, variables: Arrays, weights: Arrays) -> None:
    """Raises WorkError unless there is room for two checkpoints and for the copies of the model.

    Two, because a checkpoint stays until the next one is whole.
    """
    variables_size, weights_size = (sum(array.nbytes for array in arrays) for arrays in (variables, weights))
    needed = 2 * (variables_size + weights_size) + _MODEL_COPIES * weights_size
    free = shutil.disk_usage(folder).free
    if free < needed:
        megabytes = f"{needed / 1e6:,.1f} MB"
        raise WorkError(
            f"{folder} has {free / 1e6:,.1f} MB free, but the checkpoints and the model of this training "
            f"need {megabytes}: make room, or set warehouse.root to a larger disk",
            setting="warehouse.root",
            folder=str(folder),
            needed=megabytes,
        )
