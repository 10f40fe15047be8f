"""Which GPU a rank takes, and what is said of it: TensorFlow is made to find GPUs that are not there."""

import importlib.util

import pytest
import tensorflow as tf
from mlflow import MlflowClient
from tensorflow.config import PhysicalDevice

from patent_spark.cli import main
from patent_spark.config import ConfigError, Train, load_config
from patent_spark.stages.train.launch import gpus
from patent_spark.stages.train.launch.gpus import lstm_kernel, use_own_gpu
from patent_spark.stages.train.launch.horovod import Ranks, joined
from patent_spark.stages.train.launch.job import Failure
from patent_spark.tracking.runs import create_run


@pytest.fixture
def found(monkeypatch):
    """Lets TensorFlow find so many GPUs; returns those that are then taken."""
    taken = []
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda device, kind: taken.append(device.name))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda *_: None)

    def find(number):
        devices = [PhysicalDevice(f"/physical_device:GPU:{index}", "GPU") for index in range(number)]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: devices)
        return taken

    return find


def test_each_rank_of_a_machine_takes_a_gpu_of_its_own(found):
    taken = found(2)
    use_own_gpu(Ranks(rank=3, size=4, local_rank=1, local_size=2), "local")
    assert taken == ["/physical_device:GPU:1"]


def test_without_gpus_any_number_of_ranks_goes(found):
    assert found(0) == []
    use_own_gpu(Ranks(0, 4, 0, 4), "local")


@pytest.mark.parametrize(
    ("launcher", "number", "said"),
    [
        (
            "local",
            1,
            "train.ranks = 4: 4 ranks are on a machine with 1 GPU (GPU:0), and each needs one of its own; set train.ranks to 1, or train",
        ),
        (
            "local",
            2,
            "train.ranks = 4: 4 ranks are on a machine with 2 GPUs (GPU:0, GPU:1), and each needs one of its own; set train.ranks to 2, or",
        ),
        (
            "external",
            2,
            "GPUs (GPU:0, GPU:1), and each needs one of its own; start 2 a machine, or train on processors, with CUDA_VISIBLE_DEVICES set",
        ),
    ],
)
def test_more_ranks_than_gpus_on_a_machine_are_an_error_of_the_configuration(
    found, tmp_path, launcher, number, said
):
    taken = found(number)
    with pytest.raises(ConfigError) as error:
        use_own_gpu(Ranks(0, 4, 0, 4), launcher)
    assert said in str(error.value)
    assert taken == []
    # In a rank's process the driver reads of it in a file.
    Failure(type(error.value).__name__, str(error.value), bad_data=False, lost_peer=False).write(tmp_path, 1)
    told = Failure.read(tmp_path, 1).as_error("train technology", 1, "its output is there")
    assert (type(told), str(told)) == (ConfigError, str(error.value))


def test_a_launcher_may_show_each_rank_its_gpu_alone(found, monkeypatch):
    taken = found(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    use_own_gpu(Ranks(1, 2, 1, 2), "external")
    assert taken == ["/physical_device:GPU:0"]
    with pytest.raises(ConfigError, match=r"; set train\.ranks to 1, or"):
        use_own_gpu(Ranks(1, 2, 1, 2), "local")


def test_two_gpus_that_all_ranks_see_are_no_gpu_for_each(found, monkeypatch):
    taken = found(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    with pytest.raises(ConfigError, match=r"4 ranks are on a machine with 2 GPUs"):
        use_own_gpu(Ranks(3, 4, 3, 4), "external")
    assert taken == []


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return create_run(
        load_config(sets=[f"warehouse.root={tmp_path_factory.mktemp('runs')}"])[0], "technology", {}
    )


@pytest.fixture
def step():
    return tf.function(lambda tokens: tokens + 1, input_signature=[tf.TensorSpec((None,), tf.int32)])


@pytest.mark.parametrize(
    ("taken", "watched", "kernel", "warnings"),
    [
        (True, True, "cudnn", []),
        (
            True,
            False,
            "cudnn",
            [
                "how busy the GPU is does not go into MLflow: pynvml is missing; `make setup GPU=1` installs it, as does the package"
            ],
        ),
        (
            False,
            True,
            "generic",
            [
                "the GPU computes the LSTM word by word, several times slower than cuDNN's kernel: TensorFlow 2."
            ],
        ),
    ],
)
def test_the_run_tells_which_kernel_a_gpu_takes_and_the_user_what_it_lacks(
    found, monkeypatch, run, step, taken, watched, kernel, warnings
):
    found(1)
    monkeypatch.setattr(gpus, "uses_cudnn", lambda function: taken and function.name is not None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: watched or None)
    said = []
    run.tag("lstm_kernel", lstm_kernel(step, Train(precision="mixed_float16"), said.append))
    assert MlflowClient(run.uri).get_run(run.run_id).data.tags["lstm_kernel"] == kernel
    assert [text.startswith(start) for text, start in zip(said, warnings, strict=True)] == [True] * len(
        warnings
    )
    if not taken:
        assert said[0].endswith("takes none for train.precision = mixed_float16; try another")


def test_a_gpu_that_tensorflow_does_not_find_is_told_of(found, monkeypatch, tmp_path, step):
    found(0)
    said = []
    monkeypatch.setattr(gpus, "_DRIVER", tmp_path / "nvidiactl")
    assert (lstm_kernel(step, Train(), said.append), said) == ("generic", [])
    (tmp_path / "nvidiactl").touch()
    assert lstm_kernel(step, Train(), said.append) == "generic"
    cause = "finds no CUDA libraries that fit" if tf.test.is_built_with_cuda() else "is built for processors"
    assert said == [
        f"this machine's NVIDIA GPU is not used: TensorFlow {cause}; `make setup GPU=1` builds an environment for GPUs"
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # somebody wants it so
    assert lstm_kernel(step, Train(), said.append) == "generic"
    assert len(said) == 1


@pytest.mark.parametrize("variable", ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_processes_that_do_not_find_one_another_train_nothing(monkeypatch, capsys, tmp_path, variable):
    """As mpirun or srun starts them, and Horovod without MPI."""
    for name, value in {variable: "4", "TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    with joined():
        assert main(["train", "--set", "train.launcher=external", "--set", f"warehouse.root={tmp_path}"]) == 2
    said = f"patent-spark: {variable} tells of 4 processes, but Horovod knows of this one alone: it was built without this launcher's MPI; build it with"
    assert capsys.readouterr().err.startswith(said)
    assert not (tmp_path / "train").exists()
