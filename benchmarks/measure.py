"""Time and memory of whole processes, children included, measured in alternating runs so that drift hits all alike."""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Outcome:
    """One run of one process: wall seconds, peak resident megabytes of its whole tree, what it printed."""

    seconds: float
    peak_mb: float
    stdout: str


def run(command: Sequence[str], timeout: float = 3600) -> Outcome:
    """Run a command to its end; raises CalledProcessError with its stderr when it fails."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    seconds = time.monotonic() - started
    watcher.join()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, stdout, stderr)
    return Outcome(seconds, peak[0], stdout)


def alternate(contestants: Mapping[str, Sequence[str]], runs: int = 3) -> dict[str, list[Outcome]]:
    """Each contestant once to warm the file cache and compiled code, then all in turn, `runs` times."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in contestants}
    for turn in range(runs + 1):
        for name, command in contestants.items():
            outcome = run(command)
            print(
                f"  {'warm-up' if turn == 0 else f'run {turn}'}: {name} {outcome.seconds:.1f} s, {outcome.peak_mb:,.0f} MB",
                file=sys.stderr,
                flush=True,
            )
            if turn:
                outcomes[name].append(outcome)
    return outcomes


def table(outcomes: Mapping[str, Sequence[Outcome]], against: str) -> str:
    """A Markdown table: median seconds with their range, the ratio to one contestant, peak memory."""
    base = _median_seconds(outcomes[against])
    lines = [f"| program | median s | range | ratio to {against} | peak MB |", "|---|---|---|---|---|"]
    for name, runs in outcomes.items():
        seconds = sorted(outcome.seconds for outcome in runs)
        peak = max(outcome.peak_mb for outcome in runs)
        lines.append(
            f"| {name} | {_median_seconds(runs):.1f} | {seconds[0]:.1f} to {seconds[-1]:.1f} | {_median_seconds(runs) / base:.2f} | {peak:,.0f} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """The machine in one line, for the record beside figures."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), platform.processor()
    )
    return f"{psutil.cpu_count()} cores of {model}, {psutil.virtual_memory().total / 2**30:.0f} GiB, Python {platform.python_version()}"


def _median_seconds(runs: Sequence[Outcome]) -> float:
    return statistics.median(outcome.seconds for outcome in runs)


def _watch(pid: int, peak: list[float]) -> None:
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for process in [root, *root.children(recursive=True)]:
                try:
                    total += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            peak[0] = max(peak[0], total / 2**20)
            time.sleep(_SAMPLE_SECONDS)
    except psutil.NoSuchProcess:
        return
