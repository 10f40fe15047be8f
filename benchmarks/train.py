"""`make bench-train`: examples a second of this project's feed and step, against peers that do the same
work on the same examples.

The peers: the same step on batches that are in memory already; the paper's own design, a Keras generator of
stacked float matrices; PyTorch's LSTM of the same shape; and two ranks against one, a core each. Each is a
process of its own that warms itself up and times its steps alone; all take turns. It also prints how
much of what is computed is padding, with and without batches of similar length.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from measure import alternate, machine

from patent_spark.config import load_config
from patent_spark.core.metadata import ShardMetadata
from patent_spark.core.schemas import TRAIN
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from patent_spark.stages.shard.feed import Batch, Feed
from patent_spark.stages.shard.layout import Layout

OURS, MEMORY = "patent_spark, its feed", "the same step, batches in memory"
PAPER, TORCH = "Keras generator of float matrices", "PyTorch"
ONE, TWO = "1 rank, 1 core", "2 ranks, 1 core each"
RATIOS = ((OURS, MEMORY), (OURS, PAPER), (OURS, TORCH), (TWO, ONE))
STAGES = ("simulate", "ingest", "label", "split", "text", "shard")
TASK, EPOCH, WARM_UP = "technology", 1, 5
HERE = Path(__file__).parent


def main() -> None:
    """Make the examples once, run all contestants in turn, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        choices=["paper", "default"],
        default="paper",
        help="whose network: conf/paper.yaml's or conf/default.yaml's",
    )
    parser.add_argument(
        "--config", action="append", default=[], help="a further YAML file of settings, such as conf/gpu.yaml"
    )
    parser.add_argument("--batch", type=int, default=96, help="examples a step")
    parser.add_argument("--steps", type=int, default=80, help="steps that are timed")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--patents", type=int, default=20_000)
    parser.add_argument(
        "--torch", type=Path, default=Path("build/torch/bin/python"), help="a Python that has PyTorch"
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path("build/bench-train"),
        help="where the examples are written and kept",
    )
    parser.add_argument("--contestant", choices=[OURS, MEMORY, ONE, TWO], help=argparse.SUPPRESS)
    parser.add_argument("--core", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    bench = Bench(options)
    if options.contestant in (ONE, TWO):
        print(bench.run_ranks(1 if options.contestant == ONE else 2))
    elif options.contestant:
        print(json.dumps(bench.time_steps(options.contestant == MEMORY)))
    else:
        bench.compare()


class Bench:
    """The examples, and what is done with them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._inputs = options, options.scratch / "inputs"
        root = options.scratch / "warehouse"
        common = [f"warehouse.root={root}", "shard.world_sizes=[1,2]", f"train.batch={options.batch}"]
        self._data, _ = load_config(
            [],
            [
                *common,
                f"tasks={TASK}",
                "source.kind=simulate",
                f"simulate.patents={options.patents}",
                "text.epochs=1",
            ],
        )
        files = [HERE.parent / "conf" / f"{options.model}.yaml", *options.config]
        self._config, _ = load_config(
            files, [*common, "train.bucket_by_length=true", "model.dropout=0", "model.spatial_dropout=0"]
        )
        self._store = Store(root)

    def compare(self) -> None:
        """All contestants in turn; prints what came out."""
        import tensorflow as tf

        options, gpus = self._options, tf.config.list_physical_devices("GPU")
        tf.config.set_visible_devices([], "GPU")  # they are for the contestants
        for stage in STAGES:
            run_stage(stage, self._data)
        self._write_inputs()
        again = [sys.executable, __file__, *self._arguments(), "--contestant"]
        contestants = {
            name: [*again, name] for name in (OURS, MEMORY, ONE, TWO) if name != TWO or len(gpus) != 1
        }
        contestants[PAPER] = [sys.executable, str(HERE / "peers" / "train_generator.py"), str(self._inputs)]
        if options.torch.exists():
            contestants[TORCH] = [
                str(options.torch),
                str(HERE / "peers" / "train_torch.py"),
                str(self._inputs),
            ]
        results = {
            name: [json.loads(run.stdout) for run in runs]
            for name, runs in alternate(contestants, options.runs).items()
        }
        assert len({each["examples"] for runs in results.values() for each in runs}) == 1, (
            "not all took the same examples"
        )
        paces = {
            name: [
                statistics.median(each["examples"] / each[clock] for each in runs)
                for clock in ("seconds", "cpu_seconds")
            ]
            for name, runs in results.items()
        }
        print(
            f"\n{machine()}\nthe model of {options.model}.yaml, {options.steps} steps of "
            f"{options.batch}; medians of {options.runs} runs\n"
        )
        print("| program | examples/s | examples/CPU s |\n|---|---|---|")
        for name, (wall, cpu) in paces.items():
            print(f"| {name} | {wall:,.0f} | {cpu:,.0f} |")
        print("\n| | against | ratio of examples/s | of examples/CPU s |\n|---|---|---|---|")
        for name, other in RATIOS:
            if name in paces and other in paces:
                print(
                    f"| {name} | {other} | {paces[name][0] / paces[other][0]:.2f} | "
                    f"{paces[name][1] / paces[other][1]:.2f} |"
                )
            else:
                print(
                    f"| {name} | {other} | could not be had: no "
                    f"{options.torch if other == TORCH else 'GPU for each rank'} | |"
                )
        before, after = (padded_share(self._feed(bucket).epoch(EPOCH)) for bucket in (False, True))
        print(
            f"\nPadding among all that is computed: {before:.1%}; with batches of texts of like "
            f"length {after:.1%}"
        )

    def time_steps(self, in_memory: bool) -> dict[str, float]:
        """The examples and seconds of the steps, after a few to warm up; as one of the ranks that the
        environment tells of.
        """
        if self._options.core is not None:
            os.sched_setaffinity(0, {self._options.core})  # before TensorFlow counts the cores
        import tensorflow as tf

        from patent_spark.stages.train.launch.gpus import use_own_gpu, uses_cudnn
        from patent_spark.stages.train.launch.horovod import join_job
        from patent_spark.stages.train.model.network import build_model
        from patent_spark.stages.train.model.optimizer import adam
        from patent_spark.stages.train.trainer import Trainer

        with join_job() as ranks:
            use_own_gpu(ranks, "local")
            network = build_model(
                self._config.model,
                self._vectors(),
                self._labels,
                seed=1,
                precision=self._config.train.precision,
            )
            settings = self._config.train
            trainer = Trainer(network, settings, ranks, adam(settings, self._options.steps))
            if tf.config.list_physical_devices("GPU"):
                assert uses_cudnn(trainer.train_step.get_concrete_function()), (
                    "the step does not compute with cuDNN's LSTM kernel"
                )
            feed = self._feed(world=ranks.size, rank=ranks.rank)
            batches: Iterable[Batch] = self._steps(feed)
            for batch in self._steps(feed, WARM_UP):
                trainer.train_step(batch.tokens, batch.label, batch.weight, batch.features)
            if in_memory:
                batches = list(batches)
            ranks.barrier()
            started, busy, examples = time.monotonic(), time.process_time(), 0.0
            for batch in batches:
                sums = trainer.train_step(batch.tokens, batch.label, batch.weight, batch.features)
                examples += sums.numpy()[1]
            return {
                "examples": examples,
                "seconds": time.monotonic() - started,
                "cpu_seconds": (time.process_time() - busy) * ranks.size,
            }

    def run_ranks(self, ranks: int) -> str:
        """What rank 0 of so many Horovod ranks, each on a core of its own, prints."""
        from patent_spark.stages.train.launch.horovod import rendezvous

        command, cores = (
            [sys.executable, __file__, *self._arguments(), "--contestant", OURS, "--core"],
            sorted(os.sched_getaffinity(0)),
        )
        with rendezvous(ranks, 60) as places, contextlib.ExitStack() as running:
            processes = [
                running.enter_context(
                    subprocess.Popen(
                        [*command, str(core)], env=os.environ | place, stdout=subprocess.PIPE, text=True
                    )
                )
                for core, place in zip(cores, places, strict=False)
            ]
            outputs = [process.communicate()[0] for process in processes]
        return outputs[0].strip()

    def _vectors(self) -> np.ndarray:
        from patent_spark.stages.train.vectors import read_vectors

        return read_vectors(self._store.directory("VECTORS"))

    @property
    def _labels(self) -> int:
        return len(self._store.metadata(ShardMetadata).tasks[TASK].labels)

    def _feed(self, bucket: bool = True, world: int = 1, rank: int = 0) -> Feed:
        layout = Layout.of(self._store.metadata(ShardMetadata), TASK, TRAIN)
        where = self._store.directory("EXAMPLES") / TASK / TRAIN
        return Feed(
            where, layout, world=world, rank=rank, batch=self._options.batch, seed=1, bucket_by_length=bucket
        )

    def _steps(self, feed: Feed, count: int | None = None) -> Iterator[Batch]:
        return itertools.islice(feed.epoch(EPOCH), count or self._options.steps)

    def _write_inputs(self) -> None:
        """The same steps for the programs that read no shards: tokens as ours computes them, texts as they
        stand in the release.
        """
        self._inputs.mkdir(exist_ok=True)
        config, vectors = self._config, self._vectors()
        batches = list(self._steps(self._feed()))
        arrays, rows = {}, []
        for step, batch in enumerate(batches):
            real = batch.weight.numpy() > 0
            tokens, label, keys = (array.numpy()[real] for array in (batch.tokens, batch.label, batch.key))
            arrays |= {
                f"tokens_{step}": tokens[:, : max(1, np.count_nonzero(tokens, axis=1).max())],
                f"label_{step}": label,
            }
            rows += [
                {"step": step, "patent_key": int(key), "label": int(number)}
                for key, number in zip(keys, label, strict=True)
            ]
        np.savez(self._inputs / "steps.npz", **arrays)
        texts = self._texts([row["patent_key"] for row in rows])
        pq.write_table(
            pa.Table.from_pylist([row | {"text": texts[row["patent_key"]]} for row in rows]),
            self._inputs / "texts.parquet",
        )
        np.save(
            self._inputs / "vectors.npy",
            np.concatenate([np.zeros((1, vectors.shape[1]), np.float32), vectors]),
        )
        words = (
            pyarrow.dataset.dataset(self._store.directory("VECTORS"), format="parquet")
            .to_table(columns=["word"])["word"]
            .to_pylist()
        )
        (self._inputs / "vocabulary.txt").write_text("\n".join(words))
        shape = {
            "model": dataclasses.asdict(config.model), "labels": self._labels,
            "steps": len(batches), "warm_up": WARM_UP,
            "max_tokens": config.task(TASK).max_tokens, "learning_rate": config.train.learning_rate,
            "clip_norm": config.train.clip_norm,
        }  # fmt: skip
        (self._inputs / "shape.json").write_text(json.dumps(shape))

    def _texts(self, keys: list[int]) -> dict[int, str]:
        """Title and abstract of some patents, by key."""
        texts: dict[int, list[str]] = {}
        for table, column in (("PATENTS", "title"), ("ABSTRACTS", "abstract")):
            rows = pyarrow.dataset.dataset(self._store.directory(table), format="parquet")
            for row in rows.to_table(
                columns=["patent_key", column], filter=pa.compute.field("patent_key").isin(keys)
            ).to_pylist():
                texts.setdefault(row["patent_key"], []).append(row[column] or "")
        return {key: " ".join(parts) for key, parts in texts.items()}

    def _arguments(self) -> list[str]:
        options = self._options
        plain = [
            f"--{name}={getattr(options, name)}" for name in ("model", "batch", "steps", "patents", "scratch")
        ]
        return [*plain, *(f"--config={file}" for file in options.config)]


def padded_share(batches: Iterable[Batch]) -> float:
    """The share of padding in what is computed: each step computes as many words of all its texts as its
    longest text has.
    """
    real = computed = 0
    for batch in batches:
        length = batch.length.numpy()
        real, computed = real + int(length.sum()), computed + len(length) * max(1, int(length.max()))
    return 1 - real / computed


if __name__ == "__main__":
    main()
