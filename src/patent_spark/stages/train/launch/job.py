"""What the driver passes to the ranks: small files in the job's folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from patent_spark.config import Config, load_config, to_yaml
from patent_spark.core.files import write_text
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.model_files import TextSource
from patent_spark.stages.train.launch.failures import remove_failures
from patent_spark.stages.train.launch.progress import PROGRESS_FILE

_JOB, _CONFIG, _STOP, _DONE, _MODELS = "job.json", "config.yaml", "stop", "done", "models"


class Job(BaseModel):
    """The training of one model: all that a rank needs. Paths are absolute, and every rank sees them."""

    model_config = ConfigDict(frozen=True)

    model: str
    """The task, or joint."""
    run_id: str
    """The MLflow run."""
    release_id: str
    key: str
    """Digest of all that the trained model depends on."""
    examples: str
    """EXAMPLES/<model>."""
    vectors: str
    """VECTORS."""
    further_vectors: tuple[str, ...] = ()
    """The files of FURTHER_VECTORS, one for each further network."""
    shards: ShardMetadata
    """Metadata of the shard stage, of this model and its tasks alone."""
    text: TextSource
    folder: str
    """Where the job keeps its files and its checkpoint; the subfolder `models` gets one for each task."""
    log_run_id: str = ""
    """Of the command, for the log lines of the ranks."""
    resume: bool = False
    """Whether to go on from the checkpoint that is there."""

    def write(self, config: Config) -> None:
        """Write the job and its configuration; remove what an earlier attempt left, except its checkpoint."""
        folder = Path(self.folder)
        folder.mkdir(parents=True, exist_ok=True)
        remove_failures(folder)
        for name in (PROGRESS_FILE, _STOP, _DONE):
            (folder / name).unlink(missing_ok=True)
        write_text(folder / _CONFIG, to_yaml(config))
        write_text(folder / _JOB, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def read(cls, folder: Path) -> tuple[Job, Config]:
        """The job in a folder and its configuration."""
        return cls.model_validate_json((folder / _JOB).read_bytes()), load_config([folder / _CONFIG])[0]

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether a folder holds a job."""
        return (folder / _JOB).exists()

    @property
    def models(self) -> Path:
        """The folder of what is finished: a model for each task."""
        return Path(self.folder) / _MODELS

    def mark_done(self) -> None:
        """Note that its models only wait to be published."""
        (Path(self.folder) / _DONE).touch()

    @staticmethod
    def folder_of(root: Path, model: str, key: str) -> Path:
        """The folder in a warehouse of the job that trains a model with a key."""
        return root / "train" / "work" / f"{model}-{key}"

    @staticmethod
    def finished(root: Path) -> dict[tuple[str, str], Path]:
        """Models of a warehouse that only wait to be published, by key and task."""
        folders = [mark.parent for mark in (root / "train" / "work").glob(f"*/{_DONE}")]
        return {
            (folder.name.rpartition("-")[2], model.name): model
            for folder in folders
            for model in (folder / _MODELS).glob("*")
        }


def request_stop(folder: Path) -> None:
    """Have the ranks save their state and end."""
    (folder / _STOP).touch()


def stop_requested(folder: Path) -> bool:
    """Whether the driver wants the ranks to end."""
    return (folder / _STOP).exists()
