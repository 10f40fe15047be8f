"""The JSON files of MODEL/<task>: what a model predicts, what it reads, and how its training went."""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, RootModel, ValidationError

from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.metadata import EpochRecord, FeatureEncoding, Record

TASK_FILE, HISTORY_FILE = "task.json", "history.json"


class TextSource(Record):
    """The parts of a patent that its text is made of: settings of the text stage when TOKENS were made."""

    fields: tuple[str, ...]
    claims: str


class TaskDescription(Record):
    """task.json: all that using the model of a task takes beside its weights and its vocabulary."""

    task: str
    labels: tuple[str, ...]
    """In the order of the model's probabilities."""
    max_tokens: int
    min_tokens: int
    text: TextSource
    vocabulary_digest: str
    run_id: str
    """The MLflow run of the training."""
    release_id: str
    key: str
    """Digest of all that the model depends on."""
    kept_epoch: int
    """The epoch whose weights it has."""
    features: FeatureEncoding | None = None
    """What it reads beside the text; None: the text alone."""

    def write(self, folder: Path) -> None:
        """Write it into a model's folder."""
        write_json(folder / TASK_FILE, self.to_json())

    @classmethod
    def read(cls, folder: Path) -> TaskDescription:
        """From a model's folder; raises DataError where it is missing or left by an older version."""
        path = folder / TASK_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(
                f"{path} does not describe a trained model of this version; run `patent-spark train` again",
                file=str(path),
            ) from error


class TrainingHistory(RootModel[tuple[EpochRecord, ...]]):
    """history.json: the epochs of a training, the first one first."""

    model_config = ConfigDict(frozen=True)


def write_history(folder: Path, history: list[EpochRecord]) -> None:
    """Write the epochs of a training into a model's folder."""
    write_json(folder / HISTORY_FILE, [epoch.model_dump(exclude_none=True) for epoch in history])


def read_history(folder: Path) -> list[EpochRecord]:
    """The epochs of a training, the first one first."""
    return list(TrainingHistory.model_validate_json((folder / HISTORY_FILE).read_bytes()).root)
