"""Which GPU a rank takes, and what the user learns of it: TensorFlow finds GPUs that are not there."""

import importlib.util

import pytest
import tensorflow as tf
from mlflow import MlflowClient
from tensorflow.config import PhysicalDevice

from patent_spark.cli import main
from patent_spark.config import ConfigError, Train, load_config
from patent_spark.stages.train.launch import gpus
from patent_spark.stages.train.launch.failures import Failure
from patent_spark.stages.train.launch.gpus import CUDNN, GENERIC, lstm_kernel, use_own_gpu
from patent_spark.stages.train.launch.horovod import Ranks, join_job
from patent_spark.tracking.runs import create_run
from tests.support.errors import raises


@pytest.fixture
def with_gpus(monkeypatch):
    """Lets TensorFlow find so many GPUs; returns those that are then taken."""
    taken = []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda device, kind: taken.append(device.name))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *_: None)

    def actual(number):
        devices = [PhysicalDevice(f"/physical_device:GPU:{index}", "GPU") for index in range(number)]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: devices)
        return taken

    return actual


def test_each_rank_of_a_machine_takes_a_gpu_of_its_own(with_gpus):
    taken = with_gpus(2)
    use_own_gpu(Ranks(rank=3, size=4, local_rank=1, local_size=2), "local")
    assert taken == ["/physical_device:GPU:1"]


def test_without_gpus_any_number_of_ranks_goes(with_gpus):
    assert with_gpus(0) == []
    use_own_gpu(Ranks(0, 4, 0, 4), "local")


@pytest.mark.parametrize(
    ("launcher", "number", "names"),
    [("local", 1, "(GPU:0)"), ("local", 2, "(GPU:0, GPU:1)"), ("external", 2, "(GPU:0, GPU:1)")],
)
def test_more_ranks_than_gpus_on_a_machine_are_an_error_of_the_configuration(
    with_gpus, tmp_path, launcher, number, names
):
    taken = with_gpus(number)
    with raises(ConfigError, setting="train.ranks", ranks=4, gpus=number) as caught:
        use_own_gpu(Ranks(0, 4, 0, 4), launcher)
    message = str(caught.value)
    assert names in message
    assert "CUDA_VISIBLE_DEVICES" in message
    # Only the local launcher has a setting for the number of ranks.
    assert (f"train.ranks to {number}" in message) is (launcher == "local")
    assert taken == []
    # From a rank's process the error comes to the driver through a file.
    Failure.of(caught.value).write(tmp_path, 1)
    error = Failure.read(tmp_path, 1).as_error("technology", 1, None)
    assert (type(error), str(error)) == (ConfigError, message)
    assert error.facts == {"model": "technology"} | caught.value.facts


def test_a_launcher_may_show_each_rank_its_gpu_alone(with_gpus, monkeypatch):
    taken = with_gpus(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    use_own_gpu(Ranks(1, 2, 1, 2), "external")
    assert taken == ["/physical_device:GPU:0"]
    with raises(ConfigError, setting="train.ranks", ranks=2, gpus=1):
        use_own_gpu(Ranks(1, 2, 1, 2), "local")


def test_two_gpus_that_all_ranks_see_are_no_gpu_for_each(with_gpus, monkeypatch):
    taken = with_gpus(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with raises(ConfigError, setting="train.ranks", ranks=4, gpus=2):
        use_own_gpu(Ranks(3, 4, 3, 4), "external")
    assert taken == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config, _ = load_config(sets=[f"warehouse.root={tmp_path_factory.mktemp('runs')}"])
    return create_run(config, "technology", {})


@pytest.fixture
def step():
    return tf.function(lambda tokens: tokens + 1, input_signature=[tf.TensorSpec((None,), tf.int32)])


@pytest.mark.parametrize(
    ("taken", "monitored", "kernel", "facts"),
    [
        (True, True, CUDNN, []),
        (True, False, CUDNN, ["pynvml", "make setup GPU=1"]),
        (False, True, GENERIC, [tf.__version__, "train.precision = mixed_float16"]),
    ],
)
def test_the_run_has_the_kernel_of_the_gpu_and_the_user_is_warned_of_what_it_lacks(
    with_gpus, monkeypatch, run, step, taken, monitored, kernel, facts
):
    with_gpus(1)
    monkeypatch.setattr(gpus, "uses_cudnn", lambda function: taken and function.name is not None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: monitored or None)
    warnings = []
    run.tag("lstm_kernel", lstm_kernel(step, Train(precision="mixed_float16"), warnings.append))
    assert MlflowClient(run.uri).get_run(run.run_id).data.tags["lstm_kernel"] == kernel
    assert len(warnings) == bool(facts)
    assert [fact for fact in facts if fact not in warnings[0]] == []


def test_a_gpu_that_tensorflow_does_not_find_is_a_warning(with_gpus, monkeypatch, tmp_path, step):
    with_gpus(0)
    warnings = []
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path / "nvidiactl")
    assert (lstm_kernel(step, Train(), warnings.append), warnings) == (GENERIC, [])
    (tmp_path / "nvidiactl").touch()
    assert lstm_kernel(step, Train(), warnings.append) == GENERIC
    (warning,) = warnings
    assert "make setup GPU=1" in warning
    assert ("CUDA" in warning) is tf.test.is_built_with_cuda()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # the user wants it so
    assert lstm_kernel(step, Train(), warnings.append) == GENERIC
    assert len(warnings) == 1


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_processes_that_do_not_find_one_another_train_nothing(monkeypatch, capsys, tmp_path, variable):
    """As mpirun or srun starts them, and Horovod without MPI."""
    for name, value in {variable: "4", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    with join_job():
        assert main(["train", "--set", "train.launcher=external", "--set", f"warehouse.root={tmp_path}"]) == 2
    stderr = capsys.readouterr().err
    for fact in (f"patent-spark: {variable} = 4", "HOROVOD_WITH_MPI=1 make setup", "HOROVOD_RANK"):
        assert fact in stderr
    assert not (tmp_path / "train").exists()
