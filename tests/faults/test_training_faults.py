"""Trainings that are killed, stopped, frozen or robbed of their disk: real ranks, real signals, the real command."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from patent_spark.config import load_config
from patent_spark.store import Store
from patent_spark.tracking import tracking_uri
from tests.e2e.test_ranks import SETS, ranks_of, wait_for
from tests.training_world import publish_examples, told_files

EPOCHS = 25
SMALL_FILES = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000)); from patent_spark.cli import main; sys.exit(main())"
)


def publish(root, **sizes):
    return publish_examples(root, **({"train": 1000, "development": 100, "lanes": 4, "row_group_rows": 128} | sizes))


@dataclass
class Attempt:
    """One call of `patent-spark train` and what it says."""

    root: Path
    process: subprocess.Popen
    output: Path

    def told(self, text):
        return any(text in path.read_text() for path in told_files(self.root))

    def ended(self):
        """Its exit code and what it said; no rank is left."""
        code = self.process.wait(timeout=300)
        wait_for(lambda: not ranks_of(self.root), seconds=15)
        return code, self.output.read_text()


@pytest.fixture
def attempt():
    """Starts `patent-spark train`; what a test that fails did not wait for is ended, and its ranks with it."""
    started = []

    def attempt(root, *arguments, sets=(), program=("-m", "patent_spark.cli")):
        for path in told_files(root):
            path.unlink()  # so that what is told is of this attempt
        knobs = [f"warehouse.root={root}", *SETS, f"train.epochs={EPOCHS}", *sets]
        command = [sys.executable, *program, "train", *arguments, *(part for knob in knobs for part in ("--set", knob))]
        output = root / f"attempt-{time.monotonic_ns()}.txt"
        with output.open("wb") as file:
            started.append(subprocess.Popen(command, stderr=file))
        return Attempt(root, started[-1], output)

    yield attempt
    for process in started:
        process.kill()
        process.wait()


def weights_of(root):
    return keras.saving.load_model(Store(root).directory("MODEL") / "technology" / "model.keras").get_weights()


def in_second_epoch(trial):
    """Wait until an epoch is over, and with it a checkpoint written, and the next one is on its way."""
    wait_for(lambda: trial.told('"line"') or trial.process.poll() is not None, seconds=500)
    assert trial.process.poll() is None, trial.output.read_text()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_in_every_way_a_training_ends_as_if_it_had_not_been(attempt, tmp_path):
    roots = {name: tmp_path / name for name in ("undisturbed", "disturbed")}
    for root in roots.values():
        publish(root)
    assert attempt(roots["undisturbed"]).ended()[0] == 0
    root = roots["disturbed"]

    trial = attempt(root)
    in_second_epoch(trial)
    killed_at = time.monotonic()
    os.kill(ranks_of(root)[1], signal.SIGKILL)
    code, said = trial.ended()
    assert code == 1
    assert time.monotonic() - killed_at < 60
    assert "patent-spark: train technology: rank 1 ended with signal SIGKILL; its output is in" in said

    trial = attempt(root, "--resume")
    in_second_epoch(trial)
    for pid in ranks_of(root).values():
        os.kill(pid, signal.SIGKILL)
    code, said = trial.ended()
    assert code == 1
    assert "technology: goes on from the checkpoint at epoch " in said

    trial = attempt(root, "--resume")
    in_second_epoch(trial)
    trial.process.send_signal(signal.SIGTERM)
    code, said = trial.ended()
    assert code == 143
    assert "patent-spark: train technology: stopped in epoch " in said
    assert said.rstrip().endswith("; the same command with --resume goes on from there")

    trial = attempt(root, "--resume")
    in_second_epoch(trial)
    os.kill(ranks_of(root)[1], signal.SIGTERM)
    assert trial.ended()[0] == 143

    trial = attempt(root, "--resume")
    in_second_epoch(trial)
    trial.process.kill()
    assert trial.ended()[0] == -signal.SIGKILL

    code, said = attempt(root, "--resume").ended()
    assert code == 0, said
    assert list((root / "train" / "work").iterdir()) == []
    for ours, theirs in zip(weights_of(root), weights_of(roots["undisturbed"]), strict=True):
        assert abs(ours - theirs).max() < 1e-6

    client = MlflowClient(tracking_uri(load_config(sets=[f"warehouse.root={root}"])[0]))
    (run,) = client.search_runs(["1"])
    assert run.info.status == "FINISHED"
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "train_loss")] == list(range(1, EPOCHS + 1))


@pytest.mark.slow
def test_a_rank_that_hangs_ends_the_job_and_is_named(attempt, tmp_path):
    publish(tmp_path)
    trial = attempt(tmp_path, sets=["train.timeout_s=10", "train.epochs=1000"])
    in_second_epoch(trial)
    stopped_at = time.monotonic()
    os.kill(ranks_of(tmp_path)[1], signal.SIGSTOP)
    code, said = trial.ended()
    assert code == 1
    assert time.monotonic() - stopped_at < 60
    assert "patent-spark: train technology: rank 1 did not answer any more; its output is in" in said


@pytest.mark.slow
def test_a_disk_that_fills_up_ends_the_job_and_leaves_the_checkpoint_before(attempt, tmp_path):
    """The limit on the size of files stands for the disk; what the network weighs is more than that."""
    publish(tmp_path)
    code, said = attempt(tmp_path, sets=["train.ranks=1", "train.epochs=2", "model.units=400"], program=("-c", SMALL_FILES)).ended()
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
        table.schema.get_field_index("tokens"), table.schema.field("tokens"), pa.array(tokens, table.schema.field("tokens").type)
    )
    pq.write_table(changed, shard, row_group_size=len(table), compression="zstd", compression_level=1, use_dictionary=False)
    trial = attempt(tmp_path)
    code, said = trial.ended()
    assert code == 3
    told = rf"patent-spark: {re.escape(str(shard))} is not the file that the manifest describes \(\w+, not \w+\); run `patent-spark shard --force`"
    assert re.search(told, said)
    assert not trial.told("done")
    assert Store(tmp_path).manifests("train") == []
