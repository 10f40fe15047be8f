"""Using a trained model: onnxruntime beside Keras, in turns, each in a process of its own.

    python benchmarks/inference.py                 # random weights, as one network of conf/default.yaml
    python benchmarks/inference.py --layers 2      # two bidirectional layers
    python benchmarks/inference.py --package folder --task technology

Prints seconds from the start of the process to the first answer, milliseconds a text at batch 1, texts/s at
batch 256, and memory. Both engines read the same package and must give the same probabilities.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from measure import machine

_ENGINES = ("onnxruntime", "Keras")
_ROWS = {
    "first_s": ("process start to first answer, s", "{:.2f}"),
    "first_cpu_s": ("the same, CPU s", "{:.2f}"),
    "single_ms": ("batch 1, ms a text", "{:.2f}"),
    "batch_per_s": ("batch 256, texts/s", "{:,.0f}"),
    "batch_cpu_ms": ("batch 256, CPU ms a text", "{:.2f}"),
    "memory_mb": ("memory, MB", "{:,.0f}"),
}
_HIGHER_IS_BETTER = ("batch_per_s",)
_TOLERANCE = 1e-5


def main() -> None:
    """Measure both engines in turns and print a table; exit code 1 when their probabilities differ."""
    options = _options()
    if options.engine:
        print(json.dumps(_measured(options)))
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        options.package = options.package or _random_package(Path(scratch) / "package", options)
        outcomes = _in_turns(options, Path(scratch))
        difference = np.abs(_answers(Path(scratch), "onnxruntime") - _answers(Path(scratch), "Keras")).max()
    print(_table(outcomes))
    print(
        f"\nLargest difference of a probability: {difference:.1e} (at most {_TOLERANCE:g}). "
        f"Medians of {options.runs} runs in turns; load before the start: {load:.1f}. {machine()}"
    )
    sys.exit(0 if difference <= _TOLERANCE else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, help="folder of a package with model.keras")
    parser.add_argument("--task", default="technology")
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--words", type=int, default=50_000, help="vocabulary of random weights")
    parser.add_argument("--labels", type=int, default=125)
    parser.add_argument("--texts", type=int, default=2048)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of onnxruntime; default: as many as cores")
    parser.add_argument("--engine", choices=_ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--answers", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_turns(options: argparse.Namespace, scratch: Path) -> dict[str, list[dict[str, float]]]:
    outcomes: dict[str, list[dict[str, float]]] = {engine: [] for engine in _ENGINES}
    for turn in range(options.runs + 1):
        for engine in _ENGINES:
            command = [sys.executable, __file__, "--package", options.package, "--task", options.task]
            command += ["--engine", engine, "--texts", options.texts, "--answers", scratch / f"{engine}.npy"]
            if options.threads:
                command += ["--threads", options.threads]
            started = time.time()
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            outcome = json.loads(done.stdout.splitlines()[-1])
            outcome["first_s"] = outcome.pop("first_at") - started
            print(f"  {engine} {'warm-up' if turn == 0 else f'run {turn}'}: {outcome}", file=sys.stderr)
            if turn:
                outcomes[engine].append(outcome)
    return outcomes


def _measured(options: argparse.Namespace) -> dict[str, float]:
    """What one process of an engine takes, beginning with its imports."""
    answer, encode, lengths = _OPEN[options.engine](options)
    answer(encode([_TEXT]))
    first_at, first_cpu = time.time(), sum(os.times()[:2])
    tokens = _tokens(options.texts, *lengths)
    single = []
    for row in tokens[:200]:
        started = time.perf_counter()
        answer(row[None])
        single.append(time.perf_counter() - started)
    for _ in range(2):  # the first compiles what Keras compiles
        started, used = time.perf_counter(), time.process_time()
        answers = answer(tokens)
        seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - used
    if options.answers:
        np.save(options.answers, answers)
    return {
        "first_at": first_at,
        "first_cpu_s": first_cpu,
        "single_ms": 1000 * statistics.median(single),
        "batch_per_s": len(tokens) / seconds,
        "batch_cpu_ms": 1000 * cpu_seconds / len(tokens),
        "memory_mb": psutil.Process().memory_info().rss / 1e6,
    }


_TEXT = "A wireless network. It joins two base stations with an antenna and a circuit."
Engine = tuple[Callable[[Any], Any], Callable[[Sequence[str]], Any], tuple[int, int]]


def _onnxruntime(options: argparse.Namespace) -> Engine:
    from patent_spark.inference.encoded_texts import EncodedTexts
    from patent_spark.inference.model_package import Package

    packed = Package(options.package, options.threads).task(options.task)

    def answer(tokens: Any) -> Any:
        nothing = np.zeros(len(tokens), np.int64)
        return packed.probabilities(EncodedTexts(tokens, nothing, nothing), 256)

    lengths = (len(packed.vocabulary), packed.about.max_tokens)
    return answer, lambda texts: packed.encode(texts).tokens, lengths


def _keras(options: argparse.Namespace) -> Engine:
    from patent_spark.inference.encoded_texts import Vocabulary
    from patent_spark.inference.scorer import calibrated_scorer

    folder = options.package / options.task
    scorer = calibrated_scorer(folder, folder / "calibration.json")
    vocabulary = Vocabulary.read(folder / "vocabulary.txt")
    lengths = (len(vocabulary), scorer.max_tokens)
    return (
        lambda tokens: scorer.probabilities(tokens, 256),
        lambda texts: vocabulary.encode(texts, scorer.max_tokens).tokens,
        lengths,
    )


_OPEN = {"onnxruntime": _onnxruntime, "Keras": _keras}


def _tokens(count: int, words: int, longest: int) -> np.ndarray:
    """Texts of half to full length; frequent words are frequent."""
    rng = np.random.default_rng(1)
    ids = np.exp(rng.uniform(0, np.log(words), (count, longest))).astype(np.int32)
    lengths = rng.integers(longest // 2, longest + 1, count)
    return np.where(np.arange(longest) < lengths[:, None], ids, 0).astype(np.int32)


def _answers(scratch: Path, engine: str) -> np.ndarray:
    answers: np.ndarray = np.load(scratch / f"{engine}.npy")
    return answers


def _random_package(folder: Path, options: argparse.Namespace) -> Path:
    """A package with random weights, in a process of its own: TensorFlow stays out of this one."""
    arguments = json.dumps([str(folder), options.task, options.layers, options.words, options.labels])
    subprocess.run([sys.executable, "-c", _MAKE, arguments], check=True, capture_output=True)
    return folder


_MAKE = """
import json, sys
from pathlib import Path
import numpy as np
from patent_spark.config import Model
from patent_spark.core.model_files import TaskDescription, TextSource
from patent_spark.inference.packaging import complete_package
from patent_spark.inference.sample_texts import Text
from patent_spark.stages.train.model.network import build_model

folder, task, layers, words, labels = json.loads(sys.argv[1])
settings = Model(units=128, layers=layers, bidirectional=True, pool="max_mean", mean_vector=True)
vectors = np.random.default_rng(1).normal(0, 1, (words, 200)).astype(np.float32)
home = Path(folder) / task
home.mkdir(parents=True)
build_model(settings, vectors, labels, 1).save(home / "model.keras")
(home / "vocabulary.txt").write_text("".join(f"word{number}\\n" for number in range(words)))
(home / "calibration.json").write_text('{"temperature": 1.2}')
TaskDescription(
    task=task, labels=tuple(f"L{number}" for number in range(labels)), max_tokens=100, min_tokens=1,
    text=TextSource(fields=("title", "abstract"), claims="first"), vocabulary_digest="", run_id="",
    release_id="random", key="", kept_epoch=1,
).write(home)
complete_package(Path(folder), [task], [Text("1", {"title": "word1 word2", "abstract": "word3"})])
"""


def _table(outcomes: dict[str, list[dict[str, float]]]) -> str:
    medians = {
        engine: {name: statistics.median(each[name] for each in runs) for name in _ROWS}
        for engine, runs in outcomes.items()
    }
    onnx, keras = (medians[engine] for engine in _ENGINES)
    lines = ["| | onnxruntime | Keras | ratio |", "|---|---|---|---|"]
    for name, (title, form) in _ROWS.items():
        ratio = keras[name] / onnx[name]
        if name in _HIGHER_IS_BETTER:
            ratio = 1 / ratio
        lines.append(f"| {title} | {form.format(onnx[name])} | {form.format(keras[name])} | {ratio:.1f} x |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
