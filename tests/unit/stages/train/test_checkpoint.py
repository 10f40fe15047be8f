"""The file that a training goes on from: whole or not there, whatever happens to the disk."""

import subprocess
import sys

import numpy as np
import pytest

from patent_spark.core.errors import WorkError
from patent_spark.stages.train.checkpoint import Checkpoint, State, require_space

NUMBERS = np.random.default_rng(1)


def checkpoint(step, rows=3):
    state = State(
        epoch=2, step=step, sums=np.array([1.5, 1 / 3, 2.0]), delivered=np.array([96, -(2**62)]), seconds=7.25,
        history=[{"epoch": 1, "train_loss": 0.1}], kept_epoch=1, kept=[NUMBERS.normal(size=(2, 2)).astype(np.float32)],
    )  # fmt: skip
    variables = [NUMBERS.normal(size=(rows, 4)).astype(np.float32) for _ in range(11)] + [
        np.array(7, np.int64),
        np.array([1, 2], np.uint32),
    ]
    return Checkpoint(state, variables, "run-7")


def test_all_of_it_comes_back_bit_by_bit(tmp_path):
    assert Checkpoint.read(tmp_path) is None
    assert Checkpoint.read(tmp_path, arrays=False) is None
    before = checkpoint(step=5)
    checkpoint(step=4).write(tmp_path)
    before.write(tmp_path)
    after = Checkpoint.read(tmp_path)
    for ours, theirs in [(before.variables, after.variables), (before.state.kept, after.state.kept)]:
        assert [(a.dtype, a.shape, a.tobytes()) for a in ours] == [
            (a.dtype, a.shape, a.tobytes()) for a in theirs
        ]
    for name in ("epoch", "step", "seconds", "history", "kept_epoch"):
        assert getattr(after.state, name) == getattr(before.state, name)
    assert after.state.sums.tolist() == [1.5, 1 / 3, 2.0]
    assert (after.state.delivered.tolist(), after.state.delivered.dtype) == ([96, -(2**62)], np.int64)
    assert after.run_id == Checkpoint.read(tmp_path, arrays=False).run_id == "run-7"
    assert Checkpoint.read(tmp_path, arrays=False).state.step == 5
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before_whole(tmp_path):
    """A real limit on the size of files, as a full disk or a quota has it."""
    checkpoint(step=1).write(tmp_path)
    code = (
        "import resource, sys; from pathlib import Path; from tests.unit.stages.train.test_checkpoint import checkpoint\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "checkpoint(step=2, rows=10_000).write(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    message = f"the checkpoint of epoch 2, step 2 cannot be written to {tmp_path}: File too large; the one before it is whole: make room and go on"
    assert f"WorkError: {message}" in done.stderr
    assert Checkpoint.read(tmp_path).state.step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_disk_that_is_too_small_is_noticed_before_the_first_step(tmp_path):
    huge = np.broadcast_to(np.zeros(1, np.float32), (10**15,))  # takes no memory
    with pytest.raises(
        WorkError,
        match=rf"^{tmp_path} has [\d,]+\.\d MB free; the checkpoints and the model .* need 28,000,000,000\.0 MB",
    ):
        require_space(tmp_path, [huge], [huge])
    require_space(tmp_path, [np.zeros(1)], [np.zeros(1)])


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None], ids=["empty", "other", "cut off"])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    checkpoint(step=1).write(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(
        WorkError, match=rf"^{path} cannot be read \(.*\); train without --resume, from the start"
    ):
        Checkpoint.read(tmp_path)
