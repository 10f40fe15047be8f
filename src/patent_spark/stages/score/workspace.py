"""What an unfinished run has done so far, kept so that the next run with the same key goes on from there.

    <root>/score/unfinished/<key>/plan.json                             the partitions
    <root>/score/unfinished/<key>/input/<number>.parquet                of files: a copy of their texts
    <root>/score/unfinished/<key>/models/<identity>/                    a copy of each model, for the workers
    <root>/score/unfinished/<key>/SCORES/task=<task>/partition=<n>/     finished partitions
    <root>/score/unfinished/<key>/partition-<...>/                      one that is being written

A partition is renamed into SCORES when all its rows are there, so what stands there is complete.
"""

from __future__ import annotations

import fcntl
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from patent_spark.core.errors import WorkError
from patent_spark.core.files import write_json
from patent_spark.core.store import Draft, parquet_size
from patent_spark.inference.model_package import Package
from patent_spark.stages.score.plan import Partition, Plan

KEPT_DAYS = 7
"""How long the work of an interrupted run waits for its continuation."""
_PLAN, _LOCK, _SCORES, _MODELS = "plan.json", ".lock", "SCORES", "models"


class Workspace:
    """The folder of one unfinished run; see `open_workspace`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.input = folder / "input"

    @property
    def plan(self) -> Plan | None:
        """The partitions; None before they are planned."""
        with suppress(FileNotFoundError):
            return Plan.model_validate_json((self._folder / _PLAN).read_bytes())
        return None

    def keep_plan(self, plan: Plan) -> Plan:
        """Fix the partitions for this run and those that continue it."""
        write_json(self._folder / _PLAN, plan.to_json())
        return plan

    def model(self, package: Package) -> Path:
        """A copy of a package that all workers see: they share the warehouse's disk, not this machine's."""
        place = self._folder / _MODELS / package.identity
        if not place.exists():
            scratch = self._scratch(_MODELS)
            has_onnx = any(package.folder.glob("*/model.onnx"))
            unused = shutil.ignore_patterns(*(["model.keras"] if has_onnx else []), "code")
            shutil.copytree(package.folder, scratch, ignore=unused, dirs_exist_ok=True)
            place.parent.mkdir(exist_ok=True)
            scratch.rename(place)
        return place

    def has(self, task: str, partition: Partition) -> bool:
        """Whether a partition is finished."""
        return self._place(task, partition).exists()

    def publish(self, task: str, partition: Partition, write: Callable[[Path], None]) -> None:
        """Have `write` fill a folder with the answers on a partition, and make it part of SCORES.

        Raises WorkError, and keeps nothing, when the folder holds more or fewer rows than the partition.
        """
        scratch, place = self._scratch("partition"), self._place(task, partition)
        write(scratch)
        # What a task attempt left whose executor was lost; Spark removes the rest itself.
        shutil.rmtree(scratch / "_temporary", ignore_errors=True)
        rows = parquet_size(scratch)["rows"]
        if rows != partition.rows:
            shutil.rmtree(scratch)
            raise WorkError(
                f"partition {partition.number} of {task} has {rows:,} rows, must have {partition.rows:,}; "
                "run `patent-spark score` again, and have the driver and all executors see warehouse.root",
                task=task,
                partition=partition.number,
                rows=rows,
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(place)
        (self._folder / _LOCK).touch()

    def move_to(self, draft: Draft) -> None:
        """Move all partitions into the draft of the stage; nothing of the workspace is left."""
        place = draft.path(_SCORES)
        place.rmdir()
        (self._folder / _SCORES).rename(place)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _place(self, task: str, partition: Partition) -> Path:
        return self._folder / _SCORES / f"task={task}" / f"partition={partition.number}"

    def _scratch(self, name: str) -> Path:
        folder = self._folder / f"{name}-{uuid.uuid4().hex[:8]}"
        folder.mkdir()
        return folder

    def remove_scratch(self) -> None:
        """Remove what a killed run was writing."""
        for folder in (*self._folder.glob("partition-*"), *self._folder.glob(f"{_MODELS}-*")):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_workspace(home: Path, key: str, anew: bool) -> Iterator[Workspace]:
    """The workspace of the run with this key, as the run before left it, or empty with `anew`.

    Raises WorkError while another process works in it.
    """
    folder = home / key
    folder.mkdir(parents=True, exist_ok=True)
    _remove_outdated(home, key)
    with (folder / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise WorkError(
                f"another process scores the same texts with the same model in {folder}; wait for its end",
                folder=str(folder),
            ) from error
        if anew:
            for entry in folder.iterdir():
                if entry.name != _LOCK:
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        workspace = Workspace(folder)
        workspace.remove_scratch()
        (folder / _LOCK).touch()
        yield workspace


def _remove_outdated(home: Path, key: str) -> None:
    """Remove what was left KEPT_DAYS ago by runs that nobody continued."""
    for note in home.glob(f"*/{_LOCK}"):
        if note.parent.name == key or time.time() - note.stat().st_mtime < KEPT_DAYS * 24 * 3600:
            continue
        with note.open("a") as lock, suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(note.parent)
