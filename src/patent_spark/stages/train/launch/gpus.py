"""The GPU of a rank, and whether a training makes of it what it could."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from patent_spark.config import ConfigError, Train
from patent_spark.stages.train.launch.horovod import Ranks
from patent_spark.stages.train.launch.lstm_kernel import uses_cudnn

_DRIVER = Path("/dev/nvidiactl")


def use_own_gpu(ranks: Ranks, launcher: str) -> None:
    """One GPU a rank, if there are any. Raises ConfigError, on all ranks of a machine alike, when there are too few.

    A launcher other than local may show each rank a GPU of its own alone, by CUDA_VISIBLE_DEVICES; then fewer are seen than there are ranks.
    """
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return
    each_sees_its_own = launcher != "local" and "CUDA_VISIBLE_DEVICES" in os.environ and len(gpus) == 1
    if ranks.local_size > len(gpus) and not each_sees_its_own:
        found = f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''} ({', '.join(gpu.name.removeprefix('/physical_device:') for gpu in gpus)})"
        setting = f"set train.ranks to {len(gpus)}" if launcher == "local" else f"start {len(gpus)} a machine"
        raise ConfigError(
            f"train.ranks = {ranks.size}: {ranks.local_size} ranks are on a machine with {found}, and each needs one of its own; "
            f"{setting}, or train on processors, with CUDA_VISIBLE_DEVICES set to nothing"
        )
    own = gpus[ranks.local_rank % len(gpus)]
    tf.config.set_visible_devices(own, "GPU")
    tf.config.experimental.set_memory_growth(own, True)


def lstm_kernel(step: Any, settings: Train, warn: Callable[[str], None]) -> str:
    """Which kernel the compiled step's LSTM is: cudnn or generic. Warns of what slows a GPU down, or keeps it from being used or watched."""
    import tensorflow as tf

    if not tf.config.list_physical_devices("GPU"):
        if _DRIVER.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1"):
            cause = (
                "finds no CUDA libraries that fit"
                if tf.test.is_built_with_cuda()
                else "is built for processors"
            )
            warn(
                f"this machine's NVIDIA GPU is not used: TensorFlow {cause}; `make setup GPU=1` builds an environment for GPUs"
            )
        return "generic"
    if importlib.util.find_spec("pynvml") is None:
        warn(
            "how busy the GPU is does not go into MLflow: pynvml is missing; `make setup GPU=1` installs it, as does the package nvidia-ml-py"
        )
    if uses_cudnn(step.get_concrete_function()):
        return "cudnn"
    warn(
        f"the GPU computes the LSTM word by word, several times slower than cuDNN's kernel: TensorFlow {tf.__version__} takes none for "
        f"train.precision = {settings.precision}; try another"
    )
    return "generic"
