"""The GPU of a rank, and which recurrent kernel a training computes with."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from patent_spark.config import ConfigError, Train
from patent_spark.stages.train.launch.horovod import Ranks

CUDNN, GENERIC = "cudnn", "generic"
_DRIVER = Path("/dev/nvidiactl")


def use_own_gpu(ranks: Ranks, launcher: str) -> None:
    """Give each rank a GPU of its own, if there are any.

    A launcher other than `local` may show each rank only its own GPU, by CUDA_VISIBLE_DEVICES; then a rank
    sees fewer GPUs than there are ranks. Raises ConfigError, on all ranks of a machine alike, when there are
    too few.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return
    sees_only_its_own = launcher != "local" and "CUDA_VISIBLE_DEVICES" in os.environ and len(gpus) == 1
    if ranks.local_size > len(gpus) and not sees_only_its_own:
        raise _too_few_gpus(ranks, launcher, [gpu.name.removeprefix("/physical_device:") for gpu in gpus])
    own = gpus[ranks.local_rank % len(gpus)]
    tf.config.set_visible_devices(own, "GPU")
    tf.config.experimental.set_memory_growth(own, True)


def _too_few_gpus(ranks: Ranks, launcher: str, gpus: list[str]) -> ConfigError:
    number = len(gpus)
    remedy = f"set train.ranks to {number}" if launcher == "local" else f"start {number} ranks a machine"
    return ConfigError(
        f"train.ranks = {ranks.size}: {ranks.local_size} ranks share a machine with {number} GPUs "
        f"({', '.join(gpus)}), and each rank needs its own; {remedy}, "
        "or set CUDA_VISIBLE_DEVICES to nothing to train on the CPU",
        setting="train.ranks",
        ranks=ranks.local_size,
        gpus=number,
    )


def uses_cudnn(function: Any) -> bool:
    """Whether a concrete function, or one that it calls, uses cuDNN's recurrent kernel."""
    # The text of the graph names the operations of called functions too.
    return 'op: "CudnnRNN' in str(function.graph.as_graph_def())


def lstm_kernel(step: Any, settings: Train, warn: Callable[[str], None]) -> str:
    """CUDNN or GENERIC: the LSTM kernel of a compiled step; warns if a GPU is slow, unused or unmonitored."""
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        if _gpu_is_ignored():
            _warn_of_unused_gpu(warn, tf.test.is_built_with_cuda())
        return GENERIC
    if importlib.util.find_spec("pynvml") is None:
        warn("pynvml is missing, so MLflow does not get the load of the GPU; `make setup GPU=1` installs it")
    if uses_cudnn(step.get_concrete_function()):
        return CUDNN
    warn(
        f"TensorFlow {tf.__version__} has no cuDNN kernel for train.precision = {settings.precision}, so the "
        "GPU computes the LSTM word by word, several times slower; try another precision"
    )
    return GENERIC


def _warn_of_unused_gpu(warn: Callable[[str], None], built_with_cuda: bool) -> None:
    cause = "finds no matching CUDA libraries" if built_with_cuda else "is built for CPUs"
    warn(
        f"TensorFlow {cause}, so this machine's NVIDIA GPU is not used; "
        "`make setup GPU=1` builds an environment for GPUs"
    )


def _gpu_is_ignored() -> bool:
    """Whether there is a GPU that nobody asked to leave alone."""
    return _DRIVER.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")
