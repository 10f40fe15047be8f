"""The file that a training resumes from: whole or not there, whatever happens to the disk."""

import json
import subprocess
import sys

import numpy as np
import pytest

from patent_spark.core.errors import WorkError
from patent_spark.stages.train.checkpoint import Checkpoint, require_space
from tests.support.checkpoints import checkpoint
from tests.support.errors import raises


def bits(arrays):
    return [(array.dtype, array.shape, array.tobytes()) for array in arrays]


def test_all_of_it_comes_back_bit_by_bit(tmp_path):
    assert Checkpoint.read(tmp_path) is None
    assert Checkpoint.read(tmp_path, arrays=False) is None
    before = checkpoint(step=5)
    checkpoint(step=4).write(tmp_path)
    before.write(tmp_path)
    after = Checkpoint.read(tmp_path)
    for ours, theirs in [(before.variables, after.variables), (before.state.kept, after.state.kept)]:
        assert bits(ours) == bits(theirs)
    for name in ("epoch", "step", "seconds", "history", "kept_epoch"):
        assert getattr(after.state, name) == getattr(before.state, name)
    assert after.state.sums.tolist() == [1.5, 1 / 3, 2.0]
    assert (after.state.delivered.tolist(), after.state.delivered.dtype) == ([96, -(2**62)], np.int64)
    assert after.run_id == Checkpoint.read(tmp_path, arrays=False).run_id == "run-7"
    assert Checkpoint.read(tmp_path, arrays=False).state.step == 5
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_checkpoint_that_does_not_fit_leaves_the_one_before_whole(tmp_path):
    """A real limit on the size of files, as a full disk or a quota has it, in a process of its own."""
    checkpoint(step=1).write(tmp_path)
    code = """
import json, resource, sys
from pathlib import Path
from patent_spark.core.errors import WorkError
from tests.support.checkpoints import checkpoint

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    checkpoint(step=2, rows=10_000).write(Path(sys.argv[1]))
except WorkError as error:
    print(json.dumps([error.facts, str(error)]))
"""
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    facts, message = json.loads(ended.stdout)
    assert facts == {"folder": str(tmp_path), "epoch": 2, "step": 2}
    assert [
        fact for fact in (*facts.values(), "File too large", "--resume") if str(fact) not in message
    ] == []
    assert Checkpoint.read(tmp_path).state.step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_disk_that_is_too_small_is_noticed_before_the_first_step(tmp_path):
    huge = np.broadcast_to(np.zeros(1, np.float32), (10**15,))  # takes no memory
    facts = {"setting": "warehouse.root", "folder": str(tmp_path), "needed": "28,000,000,000.0 MB"}
    with raises(WorkError, **facts):
        require_space(tmp_path, [huge], [huge])
    require_space(tmp_path, [np.zeros(1)], [np.zeros(1)])


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None], ids=["empty", "other", "cut off"])
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    checkpoint(step=1).write(tmp_path)
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with raises(WorkError, file=str(path)):
        Checkpoint.read(tmp_path)
