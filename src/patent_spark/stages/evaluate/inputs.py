"""What the stage evaluates: the model, the shards and the test splits of each task."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import EpochRecord, FeatureEncoding, ShardMetadata
from patent_spark.core.model_files import (
    HISTORY_FILE,
    TASK_FILE,
    TaskDescription,
    read_history,
)
from patent_spark.core.schemas import is_test


@dataclass(frozen=True)
class TaskInputs:
    """A task's model and the examples it was trained and is tested on."""

    task: str
    labels: tuple[str, ...]
    max_tokens: int
    rows: dict[str, int]
    """Examples of each split."""
    examples: Path
    """EXAMPLES/<task>."""
    model: Path
    """MODEL/<task>."""
    run_id: str
    """MLflow run of the training."""
    features: FeatureEncoding | None
    """What the model reads beside the text."""
    kept_epoch: int

    @property
    def feature_width(self) -> int:
        """Numbers that the model reads beside the text."""
        return self.features.width if self.features else 0

    @property
    def test_splits(self) -> tuple[str, ...]:
        """Names of the test splits, in alphabetical order."""
        return tuple(sorted(filter(is_test, self.rows)))

    def history(self) -> list[EpochRecord]:
        """Training metrics by epoch; empty when the training left none."""
        return read_history(self.model) if (self.model / HISTORY_FILE).exists() else []


def task_inputs(context: StageContext, task: str) -> TaskInputs:
    """The inputs of a task. Raises DataError when they are missing or do not belong together."""
    store = context.store
    folder = store.directory("MODEL") / task
    examples = store.metadata(ShardMetadata).tasks.get(task)
    if examples is None or not (folder / TASK_FILE).exists():
        missing = "shards" if examples is None else "model"
        raise DataError(
            f"{store.address} has no {missing} of task {task}; run the stages from `patent-spark split` on "
            f"with tasks={context.config.tasks}",
            task=task,
            missing=missing,
            setting="tasks",
        )
    model = TaskDescription.read(folder)
    read = (examples.labels, examples.max_tokens, examples.features)
    if (model.labels, model.max_tokens, model.features) != read:
        raise DataError(
            f"the model in {folder} has other labels, features or max_tokens than the shards of {task}; "
            "run `patent-spark train` again",
            task=task,
            stage="train",
        )
    rows = {split: layout.rows for split, layout in examples.splits.items()}
    if not any(map(is_test, rows)):
        raise DataError(
            f"task {task} has no test patents (splits: {', '.join(rows)}); "
            "set split.test or split.test_years so that it has some",
            task=task,
            setting="split.test",
        )
    return TaskInputs(
        task=task,
        labels=model.labels,
        max_tokens=model.max_tokens,
        rows=rows,
        examples=store.directory("EXAMPLES") / task,
        model=folder,
        run_id=model.run_id,
        features=model.features,
        kept_epoch=model.kept_epoch,
    )
