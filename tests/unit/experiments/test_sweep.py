"""Trials of a sweep, their table, and their MLflow runs: real jobs whose only rank writes a model at once."""

import sys

import pytest
from mlflow import MlflowClient

from patent_spark.cli import main
from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError, WorkError
from patent_spark.experiments.sweep import Trial, assignments, parse_grid, run_trials, trial_table
from patent_spark.stages.train.launch import local
from patent_spark.tracking.runs import tracking_uri
from tests.support.errors import raises
from tests.support.training_warehouse import TOKENS, publish_examples, publish_further

RANK = """
import pathlib, sys
from patent_spark.core.metadata import EpochRecord
from patent_spark.core.model_files import TaskDescription, write_history
from patent_spark.stages.train.launch.job import Job
job, config = Job.read(pathlib.Path(sys.argv[1]))
if config.model.units == 13:
    sys.exit(3)
for number, task in enumerate(config.models[job.model]):
    folder = job.models / task
    folder.mkdir(parents=True, exist_ok=True)
    loss = config.train.learning_rate * config.model.units + number
    about = {name: getattr(job, name) for name in ("run_id", "key", "release_id", "text")}
    about |= {"labels": ["c0"], "max_tokens": 1, "min_tokens": 1, "vocabulary_digest": "v1"}
    TaskDescription(task=task, kept_epoch=2, **about).write(folder)
    trained = {"train_loss": loss, "train_accuracy": 0.5, "examples_per_second": 9.0}
    developed = [{"epoch": k, "dev_loss": loss + (k != 2), "dev_accuracy": 1 - loss / 10} for k in (1, 2, 3)]
    write_history(folder, [EpochRecord(**trained, **epoch) for epoch in developed])
"""


def test_every_combination_in_the_order_of_the_grid():
    expected = [
        {"train.learning_rate": rate, "model.units": units, "model.pool": "max"}
        for rate in ("1e-3", "3e-3")
        for units in ("64", "128")
    ]
    assert parse_grid(["train.learning_rate=1e-3,3e-3", "model.units=64, 128", "model.pool=max"]) == expected
    assert parse_grid(["train.learning_rate=1e-3,3e-3,model.units=64,128,model.pool=max"]) == expected


@pytest.mark.parametrize(
    ("grids", "facts", "remedy"),
    [
        (["text.window=3,5"], {"grid": "text.window=3,5", "setting": "text.window"}, "--set"),
        (
            ["model.units=64", "model.units=128"],
            {"grid": "model.units=128", "setting": "model.units"},
            "twice",
        ),
        (["64,128"], {"grid": "64,128"}, "section.setting=value"),
        (["model.units=64,"], {"grid": "model.units=64,"}, "section.setting=value"),
    ],
)
def test_a_grid_that_is_not_valid(grids, facts, remedy):
    with raises(ConfigError, **facts) as error:
        parse_grid(grids)
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    ("grid", "named"),
    [("model.unit=64", ["model.unit", "model.units"]), ("train.ranks=1,3", ["train.ranks", "3"])],
)
def test_a_value_that_is_not_valid_ends_the_sweep_before_any_work(grid, named, tmp_path, capsys):
    sets = [f"warehouse.root={tmp_path}", "source.path=/nowhere"]
    code = main(["sweep", "--grid", grid, *(part for each in sets for part in ("--set", each))])
    assert code == 2
    stderr = capsys.readouterr().err
    assert all(name in stderr for name in named)
    assert {path.name for path in tmp_path.iterdir()} <= {"logs"}


def swept(store, grids, tasks="technology"):
    def config(point=()):
        lengths = [
            f"technology.max_tokens={TOKENS}",
            f"citation_level.max_tokens={TOKENS}",
            "citation_level.min_tokens=1",
        ]
        sets = [f"warehouse.root={store.root}", f"tasks={tasks}", *lengths, "train.ranks=1", *point]
        return load_config(sets=sets)[0]

    base = config()
    return base, run_trials(base, [(point, config(assignments(point))) for point in parse_grid(grids)])


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder)])
    return publish_examples(tmp_path, train=100, development=20)


def test_each_training_is_a_run_nested_under_one_and_nothing_is_published(store):
    base, trials_by_task = swept(store, ["train.learning_rate=0.1,0.01", "model.units=10,13"])
    (trials,) = trials_by_task.values()
    finished = [trial for trial in trials if not trial.failure]
    metrics = [(each.epoch, round(each.dev_loss, 6), round(each.dev_accuracy, 6)) for each in finished]
    assert metrics == [(2, 1.0, 0.9), (2, 0.1, 0.99)]
    client = MlflowClient(tracking_uri(base))
    runs = client.search_runs([client.get_experiment_by_name("patent_spark").experiment_id])
    (parent,) = (run for run in runs if run.data.tags["task"] == "sweep")
    nested = {
        run.info.run_id: run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert len(nested) == len(runs) - 1 == 4
    for trial in finished:
        run = nested[trial.run_id]
        rate = trial.point["train.learning_rate"]
        assert run.info.run_name == f"learning_rate={rate} units=10 technology"
        assert (run.data.params["train.learning_rate"], run.data.params["model.units"]) == (rate, "10")
    assert sorted(run.info.status for run in nested.values()) == ["FAILED"] * 2 + ["FINISHED"] * 2
    assert (parent.info.status, parent.data.metrics) == (
        "FINISHED",
        {"technology_best_dev_loss": pytest.approx(0.1)},
    )
    assert store.manifest("train") is None
    table = trial_table("technology", trials).splitlines()
    assert "technology" in table[1] and "4" in table[1]
    assert {"train.learning_rate", "model.units"} < set(table[2].split())
    assert [line.split()[:5] for line in table[3:5]] == [
        ["0.1000", "0.9900", "2", "0.01", "10"],
        ["1.0000", "0.9000", "2", "0.1", "10"],
    ]
    assert table[5].split() == ["-", "-", "-", "0.1", "13", "failed"]
    assert "--set train.learning_rate=0.01 --set model.units=10 " in table[-1]


def test_a_joint_model_is_trained_once_and_is_a_trial_of_each_task(store):
    publish_further(store, "citation_level", "joint")
    _, trials = swept(store, ["model.units=10,13", "train.learning_rate=0.1"], tasks="joint")
    losses = {task: [each.dev_loss for each in by_point] for task, by_point in trials.items()}
    assert losses == {
        "technology": [pytest.approx(1.0), float("inf")],
        "citation_level": [pytest.approx(2.0), float("inf")],
    }
    assert [[bool(each.failure) for each in by_point] for by_point in trials.values()] == [[False, True]] * 2
    assert all("joint" in by_point[1].failure for by_point in trials.values())
    assert len({by_point[0].run_id for by_point in trials.values()}) == 1


def test_when_every_training_fails():
    trials = [Trial("technology", {"model.units": str(units)}, failure=f"no {units}") for units in (13, 14)]
    with raises(WorkError, task="technology", trainings=2) as error:
        trial_table("technology", trials)
    assert "no 13" in str(error.value)


def test_without_development_examples_there_is_nothing_to_select_by(tmp_path):
    store = publish_examples(tmp_path, train=100)
    with raises(DataError, task="technology", setting="split.development"):
        swept(store, ["model.units=10"])
