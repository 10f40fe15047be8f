"""`make bench-score`: texts a second of `patent-spark score` against plain onnxruntime on the same texts,
cores and batches, and its memory at growing numbers of texts.

The texts are those of a simulated release; the network is one of those of conf/default.yaml (or has two
layers), with random weights, which do not change its speed. All in turn in the same run. Our rate is that of
the scoring: reading and joining the tables, splitting texts into words, the network, sorting labels, writing
SCORES; without the start of the command. Two rates of onnxruntime (benchmarks/peers/score_onnxruntime.py):
the network alone on token ids that lie ready in memory, and with reading the texts and splitting them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import sys
from pathlib import Path

from measure import Outcome, machine, run
from score_inputs import frequent_words, patent_texts, write_package, write_patents
from simulated import stage_command

from patent_spark.core.store import Store

_PEER = Path(__file__).parent / "peers" / "score_onnxruntime.py"
_RATE = re.compile(r"technology: ([\d,]+) texts in ([\d,.]+) s")
OURS, ALONE, WITH_WORDS = "patent-spark score", "onnxruntime, token ids ready", "onnxruntime, from texts"


def main() -> None:
    """Speed, then memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--texts", type=int, default=100_000, help="patents of the simulated release; 0: none"
    )
    parser.add_argument("--layers", type=int, choices=(1, 2), default=1)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--engines", nargs="*", choices=("sail", "spark"), default=["sail"])
    parser.add_argument(
        "--memory", type=int, nargs="*", default=[100_000, 1_000_000], help="texts of the memory runs"
    )
    parser.add_argument("--scratch", type=Path, default=Path("build/bench-score"))
    options = parser.parse_args()
    scratch = options.scratch.absolute()
    shutil.rmtree(scratch, ignore_errors=True)
    print(f"{machine()}, load {os.getloadavg()[0]:.1f}; make bench-score\n", flush=True)
    if options.texts:
        print(_speed(scratch / "speed", options), flush=True)
    if options.memory:
        print(_memory(scratch / "memory", options.memory, options.engines), flush=True)
    shutil.rmtree(scratch)


def _speed(scratch: Path, options: argparse.Namespace) -> str:
    root, package = scratch / "warehouse", scratch / "package"
    simulated = ["source.kind=simulate", f"simulate.patents={options.texts}", "simulate.citation_scale=0.05"]
    for stage in ("simulate", "ingest"):
        run(stage_command(stage, root, simulated))
    words = frequent_words(patent_texts(Store(root), 50_000))
    write_package(package, words, units=128, layers=options.layers, dimensions=200)
    peer = [sys.executable, str(_PEER), "--warehouse", str(root), "--package", str(package)]
    contestants = {
        **{f"{OURS}, {engine}": _score(root, package, engine) for engine in options.engines},
        ALONE: [*peer, "--encoded"],
        WITH_WORDS: peer,
    }
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    lines = ["| program | texts/s | range | ratio to the network alone | ratio to the network with words "
             "| whole process, s | CPU s | peak MB |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    last: dict[str, Outcome] = {}
    for turn in range(options.runs):
        for name, command in contestants.items():
            last[name] = run(command)
            rates[name].append(_rate(root) if name.startswith(OURS) else _peer_rate(last[name]))
            print(f"  run {turn + 1}: {name} {rates[name][-1]:,.0f} texts/s", file=sys.stderr, flush=True)
    medians = {name: statistics.median(each) for name, each in rates.items()}
    for name, each in rates.items():
        lines.append(
            f"| {name} | {medians[name]:,.0f} | {min(each):,.0f} to {max(each):,.0f} "
            f"| {medians[name] / medians[ALONE]:.2f} | {medians[name] / medians[WITH_WORDS]:.2f} "
            f"| {last[name].seconds:.1f} | {last[name].cpu_seconds:.1f} | {last[name].peak_mb:,.0f} |"
        )
    return (
        f"{options.texts:,} texts, {options.layers} layer(s), {len(words):,} words\n\n"
        + "\n".join(lines)
        + "\n"
    )


def _memory(scratch: Path, sizes: list[int], engines: list[str]) -> str:
    """Peak memory of the whole process tree, with a tiny network, so that many texts take little time."""
    package = scratch / "package"
    write_package(package, [f"w{number}" for number in range(2_000)], units=4, layers=1, dimensions=4)
    lines = ["| texts | engine | s | peak MB of all processes |", "|---|---|---|---|"]
    for size in sizes:
        write_patents(scratch / "warehouse", size)
        for engine in engines:
            outcome = run(_score(scratch / "warehouse", package, engine), timeout=6 * 3600)
            lines.append(f"| {size:,} | {engine} | {outcome.seconds:,.0f} | {outcome.peak_mb:,.0f} |")
            print(f"  {lines[-1]}", file=sys.stderr, flush=True)
        shutil.rmtree(scratch / "warehouse")
    return "\n".join(lines) + "\n"


def _score(root: Path, package: Path, engine: str) -> list[str]:
    return stage_command(
        "score", root, [f"score.model={package}", "tasks=technology", f"engine.name={engine}"]
    )


def _rate(root: Path) -> float:
    """Texts a second of the scoring, from the newest log."""
    log = max((root / "logs").glob("*-score.log"), key=lambda path: path.stat().st_mtime_ns)
    texts, seconds = _RATE.findall(log.read_text())[-1]
    return float(texts.replace(",", "")) / float(seconds.replace(",", ""))


def _peer_rate(outcome: Outcome) -> float:
    result = json.loads(outcome.stdout)
    return float(result["texts"] / result["seconds"])


if __name__ == "__main__":
    main()
