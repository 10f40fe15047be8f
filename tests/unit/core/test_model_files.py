"""The JSON files in a model's folder, and what is refused as one of them."""

import json

import pytest
from pydantic import ValidationError

from patent_spark.core.errors import DataError
from patent_spark.core.metadata import EpochRecord
from patent_spark.core.model_files import TaskDescription, TextSource, read_history, write_history
from tests.support.errors import raises

TASK = TaskDescription(
    task="technology",
    labels=("A01", "B02"),
    max_tokens=100,
    min_tokens=1,
    text=TextSource(fields=("title",), claims="none"),
    vocabulary_digest="v1",
    run_id="run",
    release_id="r1",
    key="k1",
    kept_epoch=2,
)
EPOCH = {"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.25, "examples_per_second": 1 / 3}


def test_a_task_comes_back_from_plain_json(tmp_path):
    TASK.write(tmp_path)
    assert TaskDescription.read(tmp_path) == TASK
    plain = json.loads((tmp_path / "task.json").read_text())
    assert plain["labels"] == ["A01", "B02"]
    assert plain["text"] == {"fields": ["title"], "claims": "none"}


@pytest.mark.parametrize("content", [None, "", "{}", '{"task": "technology", "labels": ["A01"]}'])
def test_a_file_that_is_missing_or_of_an_older_version_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "task.json").write_text(content)
    with raises(DataError, file=str(tmp_path / "task.json")):
        TaskDescription.read(tmp_path)


def test_a_history_comes_back_with_the_metrics_of_another_task_and_without_those_it_lacks(tmp_path):
    epochs = [
        EPOCH,
        EPOCH | {"epoch": 2, "dev_loss": 0.1, "dev_accuracy": 0.9, "dev_citation_level_loss": 3.5},
    ]
    write_history(tmp_path, [EpochRecord.model_validate(epoch) for epoch in epochs])
    assert json.loads((tmp_path / "history.json").read_text()) == epochs
    first, second = read_history(tmp_path)
    assert (first.train_loss, first.dev_loss) == (2.0, None)
    assert (second.epoch, second.dev_loss) == (2, 0.1)
    assert second.model_extra == {"dev_citation_level_loss": 3.5}


def test_a_metric_is_a_number():
    with pytest.raises(ValidationError):
        EpochRecord.model_validate(EPOCH | {"dev_citation_level_loss": "low"})
