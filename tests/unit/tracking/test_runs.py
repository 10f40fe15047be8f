"""Real MLflow: SQLite, and a server on loopback that is there, away, or refused."""

import getpass
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from patent_spark.cli import main
from patent_spark.config import load_config, with_settings, without_password
from patent_spark.core.errors import StoppedError
from patent_spark.stages.train.launch.local import kill_group
from patent_spark.tracking import runs
from patent_spark.tracking.runs import (
    TrackingError,
    attach,
    create_run,
    parent_run,
    reopen_run,
    tracking_uri,
)
from tests.support.cluster import free_port, wait_for
from tests.support.errors import raises
from tests.support.tracking_server import TrackingServer


def configured(root, *sets):
    return load_config(sets=[f"warehouse.root={root}", *sets])[0]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return configured(tmp_path_factory.mktemp("tracking"), "train.epochs=3")


@pytest.fixture(scope="module")
def run(config):
    return create_run(config, "technology", {"release_id": "r7", "code": "0.1+abc"})


def stored_run(config, run_id):
    return MlflowClient(tracking_uri(config)).get_run(run_id)


def test_a_run_knows_the_whole_configuration_and_where_it_comes_from(config, run):
    data = stored_run(config, run.run_id).data
    assert data.params["train.epochs"] == "3"
    assert data.params["split.test_years"] == "[2011, 2012, 2013, 2014, 2015]"
    assert len(data.params) > 60
    assert {"task": "technology", "release_id": "r7", "code": "0.1+abc"}.items() <= data.tags.items()
    assert stored_run(config, run.run_id).info.run_name == "technology r7"
    assert data.tags["mlflow.note.content"] == "Settings that are not at their default: `train.epochs` 3"
    assert data.tags["mlflow.user"] == getpass.getuser() and data.tags["mlflow.source.name"] == "patent-spark"


def test_another_process_attaches_and_all_lands_in_the_one_run(config, run, tmp_path):
    (tmp_path / "report.html").write_text("<p>")
    code = (
        "import sys; from pathlib import Path\n"
        "from patent_spark.config import load_config; from patent_spark.tracking.runs import attach\n"
        "run = attach(load_config(sets=['warehouse.root=' + sys.argv[1]])[0], sys.argv[2])\n"
        "assert run.log_epochs([{'epoch': 1, 'train_loss': 2.0}, {'epoch': 2, 'train_loss': 1.5}]) == []\n"
        "run.log_metrics({'accuracy': 0.5}); run.log_report(Path(sys.argv[3])); run.end()"
    )
    other = subprocess.run(
        [sys.executable, "-c", code, config.warehouse.root, run.run_id, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (other.stdout, other.stderr) == ("", "")
    client, seen = MlflowClient(tracking_uri(config)), stored_run(config, run.run_id)
    resumed = reopen_run(config, run.run_id)
    assert stored_run(config, run.run_id).info.status == "RUNNING"
    assert (
        resumed.log_epochs(
            [
                {"epoch": 1, "train_loss": 9.0},
                {"epoch": 2, "train_loss": 9.0},
                {"epoch": 3, "train_loss": 1.2},
            ]
        )
        == []
    )
    assert [(m.step, m.value) for m in client.get_metric_history(run.run_id, "train_loss")] == [
        (1, 2.0),
        (2, 1.5),
        (3, 1.2),
    ]
    assert seen.data.metrics["accuracy"] == 0.5
    assert seen.info.status == "FINISHED"
    assert [file.path for file in client.list_artifacts(run.run_id, "report")] == ["report/report.html"]
    assert len(client.search_runs([seen.info.experiment_id])) == 1


def test_a_run_can_have_a_name_of_its_own(config):
    named = with_settings(
        config,
        {
            "tracking.run_name": "wide",
            "tracking.uri": tracking_uri(config),
            "model.units": 256,
            "train.epochs": 5,
        },
    )
    actual = stored_run(config, create_run(named, "technology", {"release_id": "r7"}).run_id)
    assert actual.info.run_name == "wide technology"
    assert (
        actual.data.tags["mlflow.note.content"] == "Settings that are not at their default: `model.units` 256"
    )
    assert "mlflow.parentRunId" not in actual.data.tags
    assert "tracking.experiment" in actual.data.params and "tracking.run_name" not in actual.data.params


def test_the_model_is_kept_with_signature_example_and_texts(config, run, tmp_path):
    import keras
    import mlflow.tensorflow

    (tmp_path / "vocabulary.txt").write_text("a\n")
    (tmp_path / "model.keras").write_text("not logged twice")
    model = keras.Sequential(
        [
            keras.Input((5,), dtype="int32"),
            keras.layers.Embedding(9, 4),
            keras.layers.LSTM(3),
            keras.layers.Dense(2),
        ]
    )
    tokens = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8]], np.int32)
    run.log_texts(tmp_path, "training")
    run.log_model(keras.models.clone_model(model), {"tokens": tokens}, "model", {"labels": ["x", "y"]})
    run.log_model(model, {"tokens": tokens}, "model", {"labels": ["x", "z"]})
    client = MlflowClient(tracking_uri(config))
    assert [file.path for file in client.list_artifacts(run.run_id, "training")] == [
        "training/vocabulary.txt"
    ]
    logged = client.search_logged_models([stored_run(config, run.run_id).info.experiment_id])[0]
    assert logged.source_run_id == run.run_id
    mlflow.set_tracking_uri(run.uri)
    back = mlflow.pyfunc.load_model(f"runs:/{run.run_id}/model")
    assert back.metadata.metadata == {"labels": ["x", "z"]}  # of two the last
    assert back.metadata.signature.inputs.inputs[0].shape == (-1, 5)
    assert back.input_example.tolist() == tokens.tolist()
    assert np.allclose(back.predict(tokens), model.predict(tokens, verbose=0), atol=1e-6)


def machine_steps(config, run_id):
    client = MlflowClient(tracking_uri(config))
    return [metric.step for metric in client.get_metric_history(run_id, "system/cpu_utilization_percentage")]


def test_the_machine_is_watched_while_the_run_is_at_work_and_a_resumed_run_goes_on(config, monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.2")
    run = create_run(config, "technology", {})
    with run.machine_watched():
        wait_for(lambda: len(machine_steps(config, run.run_id)) > 2, seconds=60)
    assert {"system/system_memory_usage_percentage", "system/disk_usage_percentage"} <= set(
        stored_run(config, run.run_id).data.metrics
    )
    run.end()
    before = len(machine_steps(config, run.run_id))
    with reopen_run(config, run.run_id).machine_watched():
        wait_for(lambda: len(machine_steps(config, run.run_id)) > before + 2, seconds=60)
    steps = machine_steps(config, run.run_id)
    assert steps == list(range(len(steps)))


def test_system_metrics_are_buffered_while_the_server_is_away_and_logged_once(config, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "0.05")
    run, silent, calls = create_run(config, "technology", {}), [True], []
    send = run._client.log_batch

    def log_batch(*arguments, **named):
        calls.append(time.monotonic())
        if silent:
            raise ConnectionError("nobody is there")
        send(*arguments, **named)

    monkeypatch.setattr(run._client, "log_batch", log_batch)
    with run.machine_watched():
        wait_for(lambda: len(calls) > 3, seconds=60)
        assert machine_steps(config, run.run_id) == []
        silent.clear()
        wait_for(lambda: len(machine_steps(config, run.run_id)) > 5, seconds=60)
    steps = machine_steps(config, run.run_id)
    assert steps == list(range(len(steps)))
    assert [record.name for record in caplog.records if "nobody is there" in record.message] == [
        "patent_spark"
    ]


def test_an_epoch_whose_answer_was_lost_is_not_sent_twice(config, monkeypatch):
    run, history = (
        create_run(config, "technology", {}),
        [{"epoch": 1, "train_loss": 2.0}, {"epoch": 2, "train_loss": 1.5}],
    )
    assert run.log_epochs(history[:1]) == []
    send = run._client.log_batch

    def lose_the_answer(*arguments, **named):
        send(*arguments, **named)
        raise ConnectionError("the server was killed before it could answer")

    with monkeypatch.context() as patch:
        patch.setattr(run._client, "log_batch", lose_the_answer)
        assert run.log_epochs(history) == [2]
    assert run.log_epochs(history) == []
    values = MlflowClient(tracking_uri(config)).get_metric_history(run.run_id, "train_loss")
    assert [(metric.step, metric.value) for metric in values] == [(1, 2.0), (2, 1.5)]


def test_an_unknown_run_is_named(config):
    with raises(TrackingError, uri=tracking_uri(config)) as refused:
        attach(config, "0123abc")
    assert "0123abc" in str(refused.value)


def test_a_password_stays_out_of_parameters_and_messages(tmp_path, monkeypatch):
    uri = f"http://ann:s3cret@127.0.0.1:{free_port()}"
    config = configured(tmp_path, f"tracking.uri={uri}")
    with raises(TrackingError, setting="tracking.uri", uri=uri.replace("s3cret", "***")) as refused:
        create_run(config, "technology", {})
    assert "s3cret" not in f"{refused.value} {refused.value.facts}"
    # No server here asks for a password: the run goes to a database, with the configuration that names the
    # server.
    monkeypatch.setattr(runs, "tracking_uri", lambda _: f"sqlite:///{tmp_path}/m.db")
    monkeypatch.chdir(tmp_path)
    run = create_run(config, "technology", {})
    params = MlflowClient(run.uri).get_run(run.run_id).data.params
    assert params["tracking.uri"] == uri.replace("s3cret", "***")


def test_only_passwords_are_hidden():
    texts = [
        "postgresql://ann:s3:c@ret@host:5432/runs",
        "http://host:5000/a@b",
        "sqlite:////tmp/m.db",
        "http://ann@host",
        "[1, 2]",
    ]
    assert [without_password(text) for text in texts] == ["postgresql://ann:***@host:5432/runs", *texts[1:]]


PAPER = str(Path(__file__).parents[3] / "conf" / "paper.yaml")


@pytest.mark.parametrize(
    "command",
    [
        ["run"], ["sweep", "--grid", "model.units=8,16"], ["backtest"], ["ablate", "--against", PAPER],
        ["train"], ["evaluate"], ["audit"], ["register"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_server_that_does_not_answer_is_an_error_before_any_work(command, tmp_path, capsys):
    uri = f"http://127.0.0.1:{free_port()}"
    sets = [
        part
        for setting in [f"warehouse.root={tmp_path}", f"tracking.uri={uri}", "source.kind=simulate"]
        for part in ("--set", setting)
    ]
    assert main([*command, *sets]) == 1
    message = capsys.readouterr().err
    assert f"tracking.uri = {uri}" in message
    assert len(message.splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


@pytest.mark.slow
def test_a_server_that_goes_away_and_comes_back(tmp_path, monkeypatch):
    """Epochs that could not be sent are sent with the next one; the training in between goes on."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    with TrackingServer(tmp_path) as server:
        config = configured(tmp_path, f"tracking.uri={server.uri}")
        run = create_run(config, "technology", {})
        history = [{"epoch": epoch, "train_loss": 4.0 - epoch} for epoch in (1, 2, 3)]
        assert run.log_epochs(history[:1]) == []
        kill_group(server.process)
        assert run.log_epochs(history[:2]) == [2]
        server.start()
        assert run.log_epochs(history) == []
        history = MlflowClient(tracking_uri(config)).get_metric_history(run.run_id, "train_loss")
        assert [(m.step, m.value) for m in history] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_earlier_runs_are_nested_and_metrics_have_years_as_steps(config, run):
    parent = create_run(config, "backtest", {"release_id": "r7"})
    parent.adopt([run.run_id, None])
    assert stored_run(config, run.run_id).data.tags["mlflow.parentRunId"] == parent.run_id
    parent.log_metrics({"accuracy_as_of_2006": 0.5}, step=2007)
    parent.log_metrics({"accuracy_as_of_2006": 0.4}, step=2009)
    history = MlflowClient(tracking_uri(config)).get_metric_history(parent.run_id, "accuracy_as_of_2006")
    assert [(metric.step, metric.value) for metric in history] == [(2007, 0.5), (2009, 0.4)]


def test_nesting_an_unknown_run_is_logged_and_not_raised(config, capsys):
    parent = create_run(config, "backtest", {})
    parent.adopt(["0" * 32])
    message = capsys.readouterr().err
    assert parent.run_id in message and "0" * 32 in message


@pytest.mark.parametrize(
    ("ends_with", "status"),
    [(None, "FINISHED"), (StoppedError("stopped"), "KILLED"), (RuntimeError("broken"), "FAILED")],
)
def test_a_run_over_others_ends_as_the_work_does(config, ends_with, status):
    with (
        pytest.raises(type(ends_with)) if ends_with else nullcontext(),
        parent_run(config, "sweep", {}) as parent,
    ):
        if ends_with:
            raise ends_with
    assert stored_run(config, parent.run_id).info.status == status


def test_a_deleted_experiment_is_restored(tmp_path):
    config = configured(tmp_path)
    first = create_run(config, "technology", {})
    client = MlflowClient(tracking_uri(config))
    experiment = client.get_run(first.run_id).info.experiment_id
    client.delete_experiment(experiment)
    second = create_run(config, "technology", {})
    assert client.get_run(second.run_id).info.experiment_id == experiment
    assert client.get_experiment(experiment).lifecycle_stage == "active"


FIRST_RUN = """
import sys, time
import mlflow.store.tracking.sqlalchemy_store
from patent_spark.config import load_config
from patent_spark.tracking.runs import create_run
config, _ = load_config(sets=["warehouse.root=" + sys.argv[1]])
print("ready", flush=True)
sys.stdin.readline()
print(create_run(config, "technology", {}).run_id)
"""


def test_two_first_runs_at_once_share_a_new_database(tmp_path):
    command = [sys.executable, "-c", FIRST_RUN, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    results = [process.communicate(timeout=300) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], results
    client = MlflowClient(tracking_uri(configured(tmp_path)))
    runs_ = [client.get_run(out.strip()).info for out, _ in results]
    assert len({run.run_id for run in runs_}) == 2
    assert len({run.experiment_id for run in runs_}) == 1
