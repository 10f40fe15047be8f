"""Plain onnxruntime on the texts of a warehouse: one process a core, one thread each, the same batches.

Prints JSON: texts, and seconds from the moment when all processes have loaded the model to the end of the
last one. `--encoded`: the token ids are made before the clock starts, so that only the network runs; without
it, reading the texts and splitting them into words count too.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).parents[1]))
from score_inputs import patent_texts

from patent_spark.core.store import Store
from patent_spark.inference.encoded_texts import Vocabulary
from patent_spark.inference.model_package import Package


def main() -> None:
    """Run all processes and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--package", type=Path, required=True)
    parser.add_argument("--task", default="technology")
    parser.add_argument("--chunk", type=int, default=4096)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--encoded", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(cores)
    with context.Pool(cores, _share_barrier, (barrier,)) as pool:
        ends = pool.starmap(_score, [(options, number, cores) for number in range(cores)], chunksize=1)
    started, ended = min(start for start, _, _ in ends), max(end for _, end, _ in ends)
    print(json.dumps({"texts": sum(texts for _, _, texts in ends), "seconds": ended - started}))


_barrier: Any = None


def _share_barrier(barrier: Any) -> None:
    global _barrier
    _barrier = barrier


def _score(options: argparse.Namespace, number: int, cores: int) -> tuple[float, float, int]:
    """This process's share: start, end and number of texts."""
    folder = options.package / options.task
    max_tokens = Package(options.package).task(options.task).about.max_tokens
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), settings)
    vocabulary = Vocabulary.read(folder / "vocabulary.txt")

    def encoded(texts: list[str]) -> list[Any]:
        return [
            vocabulary.encode(texts[start : start + options.chunk], max_tokens).tokens
            for start in range(0, len(texts), options.chunk)
        ]

    def share() -> list[str]:
        return patent_texts(Store(options.warehouse))[number::cores]

    chunks = encoded(share()) if options.encoded else []
    _barrier.wait()
    started = time.time()
    for tokens in chunks or encoded(share()):
        _run(session, tokens, options.batch)
    return started, time.time(), sum(map(len, chunks)) if options.encoded else _count(options, number, cores)


def _run(session: Any, tokens: Any, batch: int) -> None:
    """Texts of like length together, cut to the longest of them."""
    lengths = np.count_nonzero(tokens, axis=1)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        session.run(["probabilities"], {"tokens": tokens[rows, : max(1, int(lengths[rows[-1]]))]})


def _count(options: argparse.Namespace, number: int, cores: int) -> int:
    return len(range(number, len(Store(options.warehouse).read_arrow("PATENTS", ["patent_key"])), cores))


if __name__ == "__main__":
    main()
