"""When the stage trains a task and when it keeps its model: real jobs and runs, whose only rank leaves a model at once."""

import json
import sys
from contextlib import ExitStack

import pytest

from patent_spark.checks import DataError, WorkError
from patent_spark.config import load_config
from patent_spark.training import launch, stage
from patent_spark.work import Work
from tests.training_world import TOKENS, publish_examples
from tests.worlds import publish

RANK = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
(folder / "model").mkdir()
(folder / "model" / "task.json").write_text(json.dumps({"run_id": job["run_id"], "key": job["key"], "kept_epoch": 1}))
(folder / "model" / "history.json").write_text(json.dumps([{"epoch": 1}]))
sys.exit(int(sys.argv[2]))
"""


def trained(store, *sets, code="a", force=False):
    """Run the stage and publish what it made; returns the id of the run that made the model."""
    config, _ = load_config(sets=[f"warehouse.root={store.root}", "tasks=technology", f"technology.max_tokens={TOKENS}", "train.ranks=1", *sets])
    with store.draft("train") as draft, ExitStack() as resources:
        stage.run(Work(config, store, draft, resources, force, code))
        draft.publish(key="test", release_id="tiny", knobs={}, inputs={}, seconds=0.0, code="test", engine="test")
    return store.facts("train")["tasks"]["technology"]["run_id"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), "0"])
    return publish_examples(tmp_path, train=100)


def test_a_model_is_kept_until_data_knobs_or_code_change_or_it_is_forced(store):
    runs = [trained(store), trained(store)]
    publish_examples(store.root, train=100)  # new versions, the same bytes
    runs += [
        trained(store),
        trained(store, code="b"),
        trained(store, "model.units=5", code="b"),
        trained(store, "model.units=5", code="b", force=True),
    ]
    publish_examples(store.root, train=100, seed=2)
    runs += [trained(store, "model.units=5", code="b")]
    assert [runs.index(run) for run in runs] == [0, 0, 0, 3, 4, 5, 6]


def test_the_jobs_folder_is_left_only_by_a_failure(store, monkeypatch):
    trained(store)
    assert list((store.root / "train" / "work").iterdir()) == []
    monkeypatch.setattr(launch, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), "3"])
    with pytest.raises(WorkError, match="rank 0 ended with exit code 3"):
        trained(store, force=True)
    (folder,) = (store.root / "train" / "work").iterdir()
    assert json.loads((folder / "job.json").read_text())["task"] == "technology"


def test_examples_of_another_vocabulary_are_refused(store):
    rows = store.read_arrow("VECTORS").to_pylist()
    publish(store, "text", {"VECTORS": rows}, {"vocabulary_digest": "v2"})
    with pytest.raises(DataError, match=r"^EXAMPLES were made with vocabulary v1, VECTORS are those of v2; run `patent-spark shard`$"):
        trained(store)
    assert not (store.root / "train" / "work").exists()
