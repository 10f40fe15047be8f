"""When the stage trains a task and when it keeps its model: real jobs whose only rank leaves one at once."""

import json
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from mlflow import MlflowClient

from patent_spark.config import ConfigError, load_config
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, WorkError
from patent_spark.core.metadata import TrainMetadata
from patent_spark.stages.train import stage
from patent_spark.stages.train.checkpoint import Checkpoint, TrainingState
from patent_spark.stages.train.launch import local
from patent_spark.tracking.runs import tracking_uri
from tests.support.errors import raises
from tests.support.factories import publish
from tests.support.training_warehouse import TOKENS, publish_examples, publish_further

RANK = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
names = ["technology", "citation_level"] if job["model"] == "joint" else [job["model"]]
about = {name: job[name] for name in ("run_id", "key", "release_id", "text")}
about |= {"labels": ["c0"], "max_tokens": 20, "min_tokens": 1, "vocabulary_digest": "v1", "kept_epoch": 1}
epoch = {"epoch": 1, "train_loss": 2.0, "train_accuracy": 0.5, "examples_per_second": 9.0}
for name in names:
    made = folder / "models" / name
    made.mkdir(exist_ok=True, parents=True)
    (made / "task.json").write_text(json.dumps(about | {"task": name}))
    (made / "history.json").write_text(json.dumps([epoch]))
sys.exit(3 if job["model"] == sys.argv[2] else 0)
"""
"""A rank of any model fails if its name is the second argument."""


@pytest.fixture
def failing(monkeypatch):
    """Sets the model whose rank fails with exit code 3, none at first."""

    def fail(model):
        monkeypatch.setattr(
            local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), model]
        )

    fail("")
    return fail


@pytest.fixture
def store(tmp_path, failing):
    return publish_examples(tmp_path, train=100)


JOINT = ["tasks=joint", f"citation_level.max_tokens={TOKENS}", "citation_level.min_tokens=1"]


def trained(store, *sets, code="a", force=False, resume=False):
    """Run the stage and publish what it made; returns the id of the run that made the model."""
    settings = ["tasks=technology", f"technology.max_tokens={TOKENS}", "train.ranks=1", *sets]
    config, _ = load_config(sets=[f"warehouse.root={store.root}", *settings])
    with store.draft("train") as draft, ExitStack() as resources:
        stage.run(StageContext(config, store, draft, resources, force, code, resume))
        draft.publish(
            key="test", release_id="tiny", settings={}, inputs={}, seconds=0.0, code="test", engine="test"
        )
    return metadata_of(store)["technology"].run_id


def metadata_of(store):
    return store.metadata(TrainMetadata).tasks


def client_of(store):
    return MlflowClient(tracking_uri(load_config(sets=[f"warehouse.root={store.root}"])[0]))


def runs_in(store):
    """The status of each run, by its id."""
    return {run.info.run_id: run.info.status for run in client_of(store).search_runs(["1"])}


def jobs_in(store):
    return list((store.root / "train" / "work").iterdir())


def test_a_model_is_kept_until_data_settings_or_code_change_or_it_is_forced(store):
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


def test_the_folder_of_a_job_is_left_only_by_a_failure(store, failing):
    trained(store)
    assert jobs_in(store) == []
    failing("technology")
    with raises(WorkError, model="technology", rank=0, code=3):
        trained(store, force=True)
    (folder,) = jobs_in(store)
    assert json.loads((folder / "job.json").read_text())["model"] == "technology"


def test_the_run_has_the_share_of_synonyms_that_the_vectors_find(store):
    metadata = {"vocabulary_digest": "v1", "synonyms_found": 0.75}
    publish(store, "text", {"VECTORS": store.read_arrow("VECTORS")}, metadata)
    run = client_of(store).get_run(trained(store))
    assert run.data.metrics["synonyms_found"] == 0.75


def test_examples_of_another_vocabulary_are_refused(store):
    rows = store.read_arrow("VECTORS").to_pylist()
    publish(store, "text", {"VECTORS": rows}, {"vocabulary_digest": "v2"})
    with raises(DataError, table="EXAMPLES", examples="v1", vectors="v2"):
        trained(store)
    assert not (store.root / "train" / "work").exists()


def test_examples_of_another_configuration_are_not_enough(store):
    with raises(DataError, table="EXAMPLES", model="joint"):
        trained(store, *JOINT)


def fails_at(store, failing, step):
    """A training that ends with a checkpoint in its folder, if there is a step; returns the id of its run."""
    failing("technology")
    with raises(WorkError, model="technology", rank=0, code=3):
        trained(store)
    failing("")
    folder = max(jobs_in(store), key=lambda path: (path / "job.json").stat().st_mtime_ns)
    run_id = json.loads((folder / "job.json").read_text())["run_id"]
    if step:
        Checkpoint(TrainingState(epoch=2, step=step), [np.zeros(2)], run_id).write(folder)
    return run_id


def test_a_training_goes_on_in_its_own_run_only_when_asked_to(store, failing, capsys):
    first = fails_at(store, failing, 7)
    assert runs_in(store) == {first: "FAILED"}
    # Asked to start anew it names the checkpoint, and leaves it until there is a new one.
    second = fails_at(store, failing, 0)
    assert ("epoch 2, step 7" in (stderr := capsys.readouterr().err), "--resume" in stderr) == (True, True)
    assert trained(store, resume=True) == first
    assert ("epoch 2, step 7" in (stderr := capsys.readouterr().err), "--resume" in stderr) == (True, False)
    assert runs_in(store) == {first: "FINISHED", second: "FAILED"}


def test_a_training_without_a_checkpoint_starts_again_in_its_own_run(store, failing, capsys):
    first = fails_at(store, failing, 0)
    assert trained(store, resume=True) == first
    stderr = capsys.readouterr().err
    assert "  technology: " in stderr
    assert "no checkpoint" in stderr
    assert runs_in(store) == {first: "FINISHED"}


@pytest.mark.parametrize(
    ("change", "goes_on"), [(["train.ranks=2"], True), (["model.units=5"], False)], ids=["ranks", "model"]
)
def test_a_checkpoint_is_of_one_model_and_any_number_of_ranks(store, failing, change, goes_on):
    first = fails_at(store, failing, 7)
    assert (trained(store, *change, resume=True) == first) is goes_on


def test_of_two_tasks_the_first_is_not_trained_again(store, failing):
    publish_further(store, "citation_level")
    failing("citation_level")
    with raises(WorkError, model="citation_level", rank=0, code=3):
        trained(store, "tasks=both")
    failing("")
    (first,) = [run_id for run_id, status in runs_in(store).items() if status == "FINISHED"]
    assert trained(store, "tasks=both") == first
    assert sorted(runs_in(store).values()) == ["FAILED", "FINISHED", "FINISHED"]
    assert jobs_in(store) == []


def test_a_joint_model_is_one_run_for_both_tasks(store):
    publish_further(store, "citation_level", "joint")
    run_id = trained(store, *JOINT)
    metadata = metadata_of(store)
    assert {of.run_id for of in metadata.values()} == {run_id}
    assert len({of.key for of in metadata.values()}) == 1
    assert metadata.keys() == {"technology", "citation_level"}
    assert {path.name for path in store.directory("MODEL").iterdir()} == metadata.keys()
    assert runs_in(store) == {run_id: "FINISHED"}
    assert trained(store, *JOINT) == run_id
    assert runs_in(store) == {run_id: "FINISHED"}
    assert trained(store, *JOINT, "train.technology_weight=2") != run_id


def test_ranks_in_executors_need_a_session_that_has_some(store):
    with raises(ConfigError, setting="train.launcher"):
        trained(store, "train.launcher=spark", "engine.name=sail")
