"""Trainings whose disk is full or whose files are others than the manifest describes: the real command, a real file system."""

import re
import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.core.store import Store
from tests.support.cli_runner import publish

SMALL_FILES = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000)); from patent_spark.cli import main; sys.exit(main())"


@pytest.fixture
def small_disk(tmp_path):
    """A warehouse on a file system of 6 MB."""
    root = tmp_path / "disk"
    root.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "none", root], capture_output=True
    ).returncode:
        pytest.skip("only root may mount a file system")
    yield root
    subprocess.run(["umount", "--lazy", root], check=True)


def fill(root, leave=0):
    """Fill the file system up, but for so many bytes."""
    with (root / "filler").open("wb") as file:
        file.write(bytes(shutil.disk_usage(root).free - leave))


@pytest.mark.slow
def test_a_disk_without_room_for_the_model_ends_the_job_before_the_first_step(attempt, small_disk):
    publish(small_disk)
    trial = attempt(small_disk, sets=["model.units=400", "train.epochs=2"])
    code, said = trial.ended()
    assert code == 1
    told = r"patent-spark: train technology: \S+ has \d\.\d MB free; the checkpoints and the model of this training need \d\d\.\d MB: make room, or set"
    assert re.search(told, said)
    assert not trial.told("done")
    left = {path.name for path in (small_disk / "train").rglob("*") if path.is_file()}
    assert left - {"failure-1.json"} == {
        "config.yaml",
        "job.json",
        "failure-0.json",
    }  # rank 1 may have had the time to say that it lost rank 0


@pytest.mark.parametrize(
    ("room", "code", "message"),
    [
        (
            0,
            2,
            r"warehouse\.root = \S+ cannot be written: No space left on device; set it to a directory of yours that has room",
        ),
        (
            100_000,
            1,
            r"MLflow at tracking\.uri = \S+ did not answer as it should: .*database or disk is full.*\nThe whole story is in \S+",
        ),
    ],
)
def test_a_disk_that_is_full_is_said_in_a_line_or_two(attempt, small_disk, room, code, message):
    publish(small_disk)
    fill(small_disk, leave=room)
    trial = attempt(small_disk)
    assert trial.process.wait(timeout=300) == code
    assert re.fullmatch(
        rf"patent-spark: {message}\n", trial.said.removeprefix("train     LSTM on Horovod ranks\n")
    )
    assert not (small_disk / "train").exists() or not [
        path for path in (small_disk / "train").rglob("*") if path.is_file()
    ]


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_job_and_leaves_the_checkpoint_before(attempt, tmp_path):
    """The limit on the size of files stands for the disk; what the network weighs is more than that."""
    publish(tmp_path)
    code, said = attempt(
        tmp_path, sets=["train.ranks=1", "train.epochs=2", "model.units=400"], program=("-c", SMALL_FILES)
    ).ended()
    assert code == 1
    assert "patent-spark: train technology: the checkpoint of epoch 2, step 0 cannot be written to " in said
    assert "File too large; the one before it is whole: make room and go on with --resume" in said


@pytest.mark.slow
def test_a_shard_with_other_tokens_is_bad_data_before_the_first_step(attempt, tmp_path):
    """The file is Parquet with the rows, keys, labels and sizes that the manifest tells: its bytes alone are others."""
    shards = publish(tmp_path).directory("EXAMPLES") / "technology" / "train"
    shard = shards / "group-00001.parquet"  # of the second rank
    table = pq.read_table(shard)
    tokens = [np.frombuffer(row, "<i4")[::-1].tobytes() for row in table["tokens"].to_pylist()]
    changed = table.set_column(
        table.schema.get_field_index("tokens"),
        table.schema.field("tokens"),
        pa.array(tokens, table.schema.field("tokens").type),
    )
    pq.write_table(
        changed,
        shard,
        row_group_size=len(table),
        compression="zstd",
        compression_level=1,
        use_dictionary=False,
    )
    trial = attempt(tmp_path, sets=["train.epochs=2"])
    code, said = trial.ended()
    assert code == 3
    told = rf"patent-spark: {re.escape(str(shard))} is not the file that the manifest describes \(\w+, not \w+\); run `patent-spark shard --force`"
    assert re.search(told, said)
    assert not trial.told("done")
    assert Store(tmp_path).manifests("train") == []
