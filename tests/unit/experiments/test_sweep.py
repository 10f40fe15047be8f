"""Which trainings a sweep makes, what it says of them and what it leaves: real jobs and runs, whose only rank leaves a model at once."""

import sys

import pytest
from mlflow import MlflowClient

from patent_spark.cli import main
from patent_spark.config import ConfigError, load_config
from patent_spark.core.errors import DataError, WorkError
from patent_spark.experiments.sweep import Tried, assignments, read_grid, report, train_all
from patent_spark.stages.train.launch import local
from patent_spark.tracking.runs import tracking_uri
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
    folder.mkdir(parents=True)
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
    assert read_grid(["train.learning_rate=1e-3,3e-3", "model.units=64, 128", "model.pool=max"]) == expected
    assert read_grid(["train.learning_rate=1e-3,3e-3,model.units=64,128,model.pool=max"]) == expected


@pytest.mark.parametrize(
    ("grids", "said"),
    [
        (
            ["text.window=3,5"],
            "--grid text.window=3,5: only settings of the sections model and train can be swept; set text.window with --set",
        ),
        (["model.units=64", "model.units=128"], "--grid model.units=128: model.units stands twice"),
        (["64,128"], "--grid 64,128: write --grid section.setting=value,value,..."),
        (["model.units=64,"], "--grid model.units=64,: write --grid section.setting=value,value,..."),
    ],
)
def test_a_grid_that_cannot_be(grids, said):
    with pytest.raises(ConfigError) as error:
        read_grid(grids)
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("grid", "said"),
    [("model.unit=64", "did you mean model.units?"), ("train.ranks=1,3", "train.ranks = 3 is not among")],
)
def test_a_value_that_cannot_be_ends_the_sweep_before_any_work(grid, said, tmp_path, capsys):
    code = main(
        ["sweep", "--grid", grid, "--set", f"warehouse.root={tmp_path}", "--set", "source.path=/nowhere"]
    )
    assert code == 2
    assert said in capsys.readouterr().err


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
    return base, train_all(base, [(point, config(assignments(point))) for point in read_grid(grids)])


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(local, "command_of_rank", lambda folder: [sys.executable, "-c", RANK, str(folder)])
    return publish_examples(tmp_path, train=100, development=20)


def test_each_training_is_a_run_nested_under_one_and_nothing_is_published(store):
    base, outcomes = swept(store, ["train.learning_rate=0.1,0.01", "model.units=10,13"])
    (tried,) = outcomes.values()
    assert [(each.epoch, round(each.dev_loss, 6), round(each.dev_accuracy, 6)) for each in tried if not each.failure] == [
        (2, 1.0, 0.9), (2, 0.1, 0.99),
    ]  # fmt: skip
    client = MlflowClient(tracking_uri(base))
    runs = client.search_runs([client.get_experiment_by_name("patent_spark").experiment_id])
    (parent,) = (run for run in runs if run.data.tags["task"] == "sweep")
    nested = {
        run.info.run_id: run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    }
    assert len(nested) == len(runs) - 1 == 4
    for each in tried:
        if not each.failure:
            params = nested[each.run_id].data.params
            assert (
                nested[each.run_id].info.run_name
                == f"learning_rate={each.point['train.learning_rate']} units=10 technology"
            )
            assert (params["train.learning_rate"], params["model.units"]) == tuple(each.point.values())
    assert sorted(run.info.status for run in nested.values()) == ["FAILED"] * 2 + ["FINISHED"] * 2
    assert (parent.info.status, parent.data.metrics) == (
        "FINISHED",
        {"technology_best_dev_loss": pytest.approx(0.1)},
    )
    assert store.manifest("train") is None
    table = report("technology", tried).splitlines()
    assert table[1:3] == [
        "technology: 4 trainings",
        "dev loss  dev accuracy  epoch  train.learning_rate  model.units  MLflow run",
    ]
    assert [line.split()[:5] for line in table[3:5]] == [
        ["0.1000", "0.9900", "2", "0.01", "10"], ["1.0000", "0.9000", "2", "0.1", "10"],
    ]  # fmt: skip
    assert table[5].split() == ["-", "-", "-", "0.1", "13", "failed"]
    assert (
        table[-1]
        == "best: --set train.learning_rate=0.01 --set model.units=10 (nothing is published; train with these to do so)"
    )


def test_a_joint_model_is_trained_once_and_told_for_each_task(store):
    publish_further(store, "citation_level", "joint")
    _, outcomes = swept(store, ["model.units=10,13", "train.learning_rate=0.1"], tasks="joint")
    told = {task: [(each.dev_loss, each.failure[:11]) for each in tried] for task, tried in outcomes.items()}
    failed = (float("inf"), "train joint")
    assert told == {
        "technology": [(pytest.approx(1.0), ""), failed],
        "citation_level": [(pytest.approx(2.0), ""), failed],
    }
    assert len({tried[0].run_id for tried in outcomes.values()}) == 1


def test_when_every_training_fails():
    tried = [Tried("technology", {"model.units": str(units)}, failure=f"no {units}") for units in (13, 14)]
    with pytest.raises(WorkError, match=r"^sweep: every training of technology failed; the first: no 13$"):
        report("technology", tried)


def test_without_development_examples_there_is_nothing_to_choose_by(tmp_path):
    store = publish_examples(tmp_path, train=100)
    with pytest.raises(
        DataError, match=r"technology has no development examples; set split\.development above 0"
    ):
        swept(store, ["model.units=10"])
