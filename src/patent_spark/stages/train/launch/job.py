"""What the driver tells the ranks, and what they tell back: small files in the job's folder."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patent_spark.config import Config, ConfigError, load_config, to_yaml
from patent_spark.core.errors import DataError, StoppedError, WorkError
from patent_spark.core.store import write_json, write_text

_JOB, _CONFIG, _TOLD, _FAILURE, _STOP, _DONE, _MODELS = (
    "job.json",
    "config.yaml",
    "told.jsonl",
    "failure-{rank}.json",
    "stop",
    "done",
    "models",
)
_SECONDS_BETWEEN_STEPS_TOLD = 0.5


@dataclass(frozen=True)
class Job:
    """The training of one model. All that a rank needs; paths are absolute and seen by every rank."""

    model: str
    """The task, or joint."""
    run_id: str
    release_id: str
    key: str
    """Digest of all that the trained model depends on."""
    examples: str
    """EXAMPLES/<model>."""
    vectors: str
    """VECTORS."""
    shards: dict[str, Any]
    """Facts of the shard stage, of this model and its tasks alone."""
    text: dict[str, Any]
    """What a patent's text is made of: `fields` and `claims`, the settings of the text stage."""
    folder: str
    """Where the job keeps its files, its checkpoint among them; a model for each task comes to its subfolder `models`."""
    resume: bool = False
    """Whether to go on from the checkpoint that is there."""

    def write(self, config: Config) -> None:
        """Put the job and the configuration into the folder, and remove what an earlier attempt told; its checkpoint stays."""
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        for old in (*folder.glob(_FAILURE.format(rank="*")), folder / _TOLD, folder / _STOP, folder / _DONE):
            old.unlink(missing_ok=True)
        write_text(folder / _CONFIG, to_yaml(config))
        write_json(folder / _JOB, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> tuple[Job, Config]:
        """The job in a folder and its configuration."""
        return cls(**json.loads((folder / _JOB).read_text())), load_config([folder / _CONFIG])[0]

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether a job was written into a folder."""
        return (folder / _JOB).exists()

    @property
    def models(self) -> Path:
        """The folder of what is finished: a model for each task."""
        return Path(self.folder) / _MODELS

    def finish(self) -> None:
        """Note that nothing is left to do but to publish what it made."""
        (Path(self.folder) / _DONE).touch()

    @staticmethod
    def folder_of(root: Path, model: str, key: str) -> Path:
        """Where the job of a model with a key lies in a warehouse."""
        return root / "train" / "work" / f"{model}-{key}"

    @staticmethod
    def finished(root: Path) -> dict[tuple[str, str], Path]:
        """Models of a warehouse that only wait to be published, by key and task."""
        folders = [note.parent for note in (root / "train" / "work").glob(f"*/{_DONE}")]
        return {
            (folder.name.rpartition("-")[2], made.name): made
            for folder in folders
            for made in (folder / _MODELS).glob("*")
        }


def ask_to_stop(folder: Path) -> None:
    """Have the ranks save their state and end."""
    (folder / _STOP).touch()


def asked_to_stop(folder: Path) -> bool:
    """Whether the driver wants the ranks to end."""
    return (folder / _STOP).exists()


@dataclass(frozen=True)
class Failure:
    """Why a rank gave up."""

    kind: str
    """The name of the exception's class."""
    message: str
    bad_data: bool
    lost_peer: bool
    """It gave up only because another rank was gone."""

    def as_error(self, what: str, rank: int, where: str) -> Exception:
        """What the user reads of it, with the exit code that goes with it."""
        if self.bad_data:
            return DataError(self.message)
        if self.kind == ConfigError.__name__:
            return ConfigError(self.message)
        if self.kind == StoppedError.__name__:
            return StoppedError(f"{what}: {self.message}")
        if self.kind == WorkError.__name__:  # it says all that the user needs to know
            return WorkError(f"{what}: {self.message}")
        return WorkError(f"{what}: rank {rank} failed: {self.kind}: {self.message[:300]}; {where}")

    def write(self, folder: Path, rank: int) -> None:
        """Leave the reason where the driver looks for it."""
        write_json(folder / _FAILURE.format(rank=rank), dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path, rank: int) -> Failure | None:
        """What a rank left, or None."""
        path = folder / _FAILURE.format(rank=rank)
        return cls(**json.loads(path.read_text())) if path.exists() else None


class Teller:
    """Rank 0's side of the progress that the driver shows."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / _TOLD).open("a", buffering=1)
        self._last = 0.0

    def step(self, done: int, total: int, note: str) -> None:
        """Steps done of all steps of the job; told a few times a second at most."""
        now = time.monotonic()
        if now - self._last > _SECONDS_BETWEEN_STEPS_TOLD or done == total:
            self._last = now
            self._tell({"done": done, "total": total, "note": note})

    def line(self, text: str) -> None:
        """A line that stays on the screen."""
        self._tell({"line": text})

    def _tell(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry) + "\n")


class Listener:
    """The driver's side: what was told since the last look."""

    def __init__(self, folder: Path) -> None:
        self._path, self._offset = folder / _TOLD, 0

    def news(self) -> list[dict[str, Any]]:
        """Whole lines only; a line that is being written is left for the next look."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole) + len(newline)
        return [json.loads(line) for line in whole.splitlines()]
