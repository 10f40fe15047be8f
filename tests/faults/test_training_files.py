"""Trainings whose disk is full or whose files the manifest does not describe: the real command, a real
file system."""

import re
import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from patent_spark.core.store import Store
from tests.support.cli_runner import publish

SMALL_FILES = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000)); "
    "from patent_spark.cli import main; sys.exit(main())"
)


@pytest.fixture
def small_disk(tmp_path):
    """A warehouse on a file system of 6 MB."""
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", root]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root may mount a file system")
    yield root
    subprocess.run(["umount", "--lazy", root], check=True)


def fill(root, leave):
    """Fill the file system up, but for so many bytes."""
    with (root / "filler").open("wb") as file:
        file.write(bytes(shutil.disk_usage(root).free - leave))


def error_of(stderr):
    """The lines that the command ends with: the error, and perhaps where its traceback is."""
    return stderr[stderr.index("patent-spark: ") :].splitlines()


def files_below(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.slow
def test_a_disk_without_room_for_the_model_ends_the_job_before_the_first_step(train, small_disk):
    publish(small_disk)
    training = train(small_disk, settings=["model.units=400", "train.epochs=2"])
    code, stderr = training.finish()
    assert code == 1
    error, *_ = error_of(stderr)
    assert "train technology" in error
    assert "warehouse.root" in error
    free, needed = (float(size) for size in re.findall(r"(\d+\.\d) MB", error))
    assert free < 6 < needed
    assert not training.reported("done")
    # Rank 1 may have had the time to report that it lost rank 0.
    left = {path.name for path in files_below(small_disk / "train")}
    assert left - {"failure-1.json"} == {"config.yaml", "job.json", "failure-0.json"}


@pytest.mark.parametrize(
    ("room", "code", "lines", "facts"),
    [
        (0, 2, 1, ["warehouse.root = ", "No space left on device"]),
        (100_000, 1, 2, ["tracking.uri = ", "database or disk is full"]),
    ],
)
def test_a_full_disk_is_an_error_of_a_line_or_two(train, small_disk, room, code, lines, facts):
    publish(small_disk)
    fill(small_disk, leave=room)
    training = train(small_disk)
    assert training.process.wait(timeout=300) == code
    error = error_of(training.stderr)
    assert len(error) == lines
    assert [fact for fact in [*facts, str(small_disk)] if fact not in error[0]] == []
    assert files_below(small_disk / "train") == []


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_job_and_leaves_the_checkpoint_before(train, tmp_path):
    """A limit on the size of files stands for the disk; the network's weights exceed it."""
    publish(tmp_path)
    settings = ["train.ranks=1", "train.epochs=2", "model.units=400"]
    code, stderr = train(tmp_path, settings=settings, program=("-c", SMALL_FILES)).finish()
    assert code == 1
    error, *_ = error_of(stderr)
    for fact in ("train technology", "epoch 2, step 0", str(tmp_path), "File too large", "--resume"):
        assert fact in error


@pytest.mark.slow
def test_a_shard_with_other_tokens_is_bad_data_before_the_first_step(train, tmp_path):
    """The file is Parquet with the rows, keys, labels and sizes of the manifest; only its bytes differ."""
    shards = publish(tmp_path).directory("EXAMPLES") / "technology" / "train"
    shard = shards / "group-00001.parquet"  # of the second rank
    table = pq.read_table(shard)
    tokens = [np.frombuffer(row, "<i4")[::-1].tobytes() for row in table["tokens"].to_pylist()]
    field = table.schema.get_field_index("tokens")
    changed = table.set_column(
        field, table.schema.field(field), pa.array(tokens, table.schema.field(field).type)
    )
    layout = {
        "row_group_size": len(table),
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": False,
    }
    pq.write_table(changed, shard, **layout)
    training = train(tmp_path, settings=["train.epochs=2"])
    code, stderr = training.finish()
    assert code == 3
    error, *_ = error_of(stderr)
    assert str(shard) in error
    assert "patent-spark shard --force" in error
    assert not training.reported("done")
    assert Store(tmp_path).manifests("train") == []
