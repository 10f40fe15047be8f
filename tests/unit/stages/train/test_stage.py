"""When the stage trains a task and when it keeps its model: real jobs and runs, whose only rank leaves a model at once."""

import json
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from mlflow import MlflowClient

from patent_spark.config import ConfigError, load_config
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError, WorkError
from patent_spark.stages.train import stage
from patent_spark.stages.train.checkpoint import Checkpoint, State
from patent_spark.stages.train.launch import local
from patent_spark.tracking.runs import tracking_uri
from tests.support.factories import publish
from tests.support.training_warehouse import TOKENS, publish_examples, publish_further

RANK = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
job = json.loads((folder / "job.json").read_text())
names = ["technology", "citation_level"] if job["model"] == "joint" else [job["model"]]
for made in [folder / "models" / name for name in names]:
    made.mkdir(exist_ok=True, parents=True)
    (made / "task.json").write_text(json.dumps({"run_id": job["run_id"], "key": job["key"], "kept_epoch": 1}))
    (made / "history.json").write_text(json.dumps([{"epoch": 1}]))
sys.exit(int(sys.argv[2]))
"""


def trained(store, *sets, code="a", force=False, resume=False):
    """Run the stage and publish what it made; returns the id of the run that made the model."""
    config, _ = load_config(
        sets=[
            f"warehouse.root={store.root}",
            "tasks=technology",
            f"technology.max_tokens={TOKENS}",
            "train.ranks=1",
            *sets,
        ]
    )
    with store.draft("train") as draft, ExitStack() as resources:
        stage.run(StageContext(config, store, draft, resources, force, code, resume))
        draft.publish(
            key="test", release_id="tiny", settings={}, inputs={}, seconds=0.0, code="test", engine="test"
        )
    return store.metadata("train")["tasks"]["technology"]["run_id"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(
        local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), "0"]
    )
    return publish_examples(tmp_path, train=100)


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


def test_the_jobs_folder_is_left_only_by_a_failure(store, monkeypatch):
    trained(store)
    assert list((store.root / "train" / "work").iterdir()) == []
    monkeypatch.setattr(
        local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), "3"]
    )
    with pytest.raises(WorkError, match="rank 0 ended with exit code 3"):
        trained(store, force=True)
    (folder,) = (store.root / "train" / "work").iterdir()
    assert json.loads((folder / "job.json").read_text())["model"] == "technology"


def test_the_run_tells_how_well_the_vectors_find_synonyms(store):
    publish(
        store,
        "text",
        {"VECTORS": store.read_arrow("VECTORS")},
        {"vocabulary_digest": "v1", "synonyms_found": 0.75},
    )
    run_id = trained(store)
    told = MlflowClient(tracking_uri(load_config(sets=[f"warehouse.root={store.root}"])[0])).get_run(run_id)
    assert told.data.metrics["synonyms_found"] == 0.75


def test_examples_of_another_vocabulary_are_refused(store):
    rows = store.read_arrow("VECTORS").to_pylist()
    publish(store, "text", {"VECTORS": rows}, {"vocabulary_digest": "v2"})
    with pytest.raises(
        DataError,
        match=r"^EXAMPLES were made with vocabulary v1, VECTORS are those of v2; run `patent-spark shard`$",
    ):
        trained(store)
    assert not (store.root / "train" / "work").exists()


def test_examples_of_another_configuration_are_not_enough(store):
    with pytest.raises(
        DataError,
        match=r"^there are no EXAMPLES of joint; run the stages from `patent-spark split` on with tasks=joint$",
    ):
        trained(store, "tasks=joint", f"citation_level.max_tokens={TOKENS}", "citation_level.min_tokens=1")


def fails_at(store, monkeypatch, step, *sets, **how):
    """A training that ends with a checkpoint in its folder; returns the id of its run."""
    with monkeypatch.context() as patch:
        patch.setattr(local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), "3"])
        with pytest.raises(WorkError):
            trained(store, *sets, **how)
    folder = max(
        (store.root / "train" / "work").iterdir(), key=lambda path: (path / "job.json").stat().st_mtime_ns
    )
    run_id = json.loads((folder / "job.json").read_text())["run_id"]
    if step:
        Checkpoint(State(epoch=2, step=step), [np.zeros(2)], run_id).write(folder)
    return run_id


def runs_in(store):
    client = MlflowClient(tracking_uri(load_config(sets=[f"warehouse.root={store.root}"])[0]))
    return {run.info.run_id: run.info.status for run in client.search_runs(["1"])}


def test_a_training_goes_on_in_its_own_run_only_when_asked_to(store, monkeypatch, capsys):
    first = fails_at(store, monkeypatch, 7)
    assert runs_in(store) == {first: "FAILED"}
    # Asked to start anew it says what it leaves, and leaves it until there is a new checkpoint.
    second = fails_at(store, monkeypatch, 0)
    assert (
        "technology: trained from the start; --resume would go on from the checkpoint at epoch 2, step 7, which the"
        in capsys.readouterr().err
    )
    assert trained(store, resume=True) == first
    assert "technology: goes on from the checkpoint at epoch 2, step 7" in capsys.readouterr().err
    assert runs_in(store) == {first: "FINISHED", second: "FAILED"}


def test_a_training_without_a_checkpoint_starts_again_in_its_own_run(store, monkeypatch, capsys):
    first = fails_at(store, monkeypatch, 0)
    assert trained(store, resume=True) == first
    assert (
        "there is no checkpoint of these examples, settings and code to go on from; trained from the start"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("change", "goes_on"), [(["train.ranks=2"], True), (["model.units=5"], False)], ids=["ranks", "model"]
)
def test_a_checkpoint_is_of_one_model_and_any_number_of_ranks(store, monkeypatch, change, goes_on):
    first = fails_at(store, monkeypatch, 7)
    assert (trained(store, *change, resume=True) == first) is goes_on


def test_of_two_tasks_the_first_is_not_trained_again(tmp_path, monkeypatch, capsys):
    store = publish_examples(tmp_path, train=100)
    publish_further(store, "citation_level")
    command = "n = 3 if 'citation_level' in str(folder) else 0"
    rank = RANK.replace("sys.exit(int(sys.argv[2]))", f"{command}; sys.exit(n)")
    monkeypatch.setattr(local, "command_of_rank", lambda folder: [sys.executable, "-c", rank, str(folder)])
    with pytest.raises(WorkError, match="train citation_level: rank 0 ended with exit code 3"):
        trained(store, "tasks=both")
    monkeypatch.setattr(
        local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder), "0"]
    )
    capsys.readouterr()
    trained(store, "tasks=both")
    assert (
        "technology: examples and settings are those of the model that is there, which is kept"
        in capsys.readouterr().err
    )
    assert sorted(runs_in(store).values()) == ["FAILED", "FINISHED", "FINISHED"]
    assert list((tmp_path / "train" / "work").iterdir()) == []


def test_a_joint_model_is_one_run_for_both_tasks(store, capsys):
    publish_further(store, "citation_level", "joint")
    settings = ["tasks=joint", f"citation_level.max_tokens={TOKENS}", "citation_level.min_tokens=1"]
    run_id = trained(store, *settings)
    learned = store.metadata("train")["tasks"]
    assert {name: (of["run_id"], of["key"]) for name, of in learned.items()} == dict.fromkeys(
        ("technology", "citation_level"), (run_id, learned["technology"]["key"])
    )
    assert {path.name for path in store.directory("MODEL").iterdir()} == {"technology", "citation_level"}
    assert runs_in(store) == {run_id: "FINISHED"}
    assert trained(store, *settings) == run_id
    assert (
        "joint: examples and settings are those of the model that is there, which is kept"
        in capsys.readouterr().err
    )
    assert trained(store, *settings, "train.technology_weight=2") != run_id


def test_ranks_in_executors_need_a_session_that_has_some(store):
    with pytest.raises(
        ConfigError,
        match=r"^train\.launcher = spark needs engine\.name = spark, a session that has executors",
    ):
        trained(store, "train.launcher=spark", "engine.name=sail")
