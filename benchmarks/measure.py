"""Time and memory of whole processes, children included, measured in alternating runs so that drift hits
all alike.
"""

from __future__ import annotations

import contextlib
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
    """One run of one process: wall seconds; CPU seconds and peak resident megabytes of its whole tree; what
    it printed.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    stdout: str


def run(command: Sequence[str], timeout: float = 3600) -> Outcome:
    """Run a command to its end; raises CalledProcessError with its stderr when it fails."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watch = _Watch(process.pid)
    watcher = threading.Thread(target=watch.run, daemon=True)
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
    return Outcome(seconds, sum(watch.cpu_seconds.values()), watch.peak_mb, stdout)


def alternate(contestants: Mapping[str, Sequence[str]], runs: int = 3) -> dict[str, list[Outcome]]:
    """Each contestant once to warm the file cache and compiled code, then all in turn, `runs` times."""
    outcomes: dict[str, list[Outcome]] = {name: [] for name in contestants}
    for turn in range(runs + 1):
        for name, command in contestants.items():
            outcome = run(command)
            what = f"{'warm-up' if turn == 0 else f'run {turn}'}: {name}"
            print(
                f"  {what} {outcome.seconds:.1f} s, CPU {outcome.cpu_seconds:.1f} s, "
                f"{outcome.peak_mb:,.0f} MB",
                file=sys.stderr,
                flush=True,
            )
            if turn:
                outcomes[name].append(outcome)
    return outcomes


def table(outcomes: Mapping[str, Sequence[Outcome]], against: str) -> str:
    """A Markdown table: median seconds with their range, CPU seconds, the ratios of both to one contestant,
    peak memory.
    """
    base, base_cpu = _medians(outcomes[against])
    lines = [
        f"| program | median s | range | ratio to {against} | CPU s | ratio | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in outcomes.items():
        seconds = sorted(outcome.seconds for outcome in runs)
        peak = max(outcome.peak_mb for outcome in runs)
        wall, cpu = _medians(runs)
        lines.append(
            f"| {name} | {wall:.1f} | {seconds[0]:.1f} to {seconds[-1]:.1f} | {wall / base:.2f} "
            f"| {cpu:.1f} | {cpu / base_cpu:.2f} | {peak:,.0f} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """The machine in one line, for the record beside the results."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores of {model}, {memory:.0f} GiB, Python {platform.python_version()}"


def _medians(runs: Sequence[Outcome]) -> tuple[float, float]:
    return statistics.median(outcome.seconds for outcome in runs), statistics.median(
        outcome.cpu_seconds for outcome in runs
    )


class _Watch:
    """What a process and its descendants use, sampled until it ends."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self.peak_mb = 0.0
        self.cpu_seconds: dict[int, float] = {}
        """By process: a child's seconds count even where nobody waits for its end."""

    def run(self) -> None:
        """Sample until the process has ended."""
        with contextlib.suppress(psutil.NoSuchProcess):
            while self._root.is_running() and self._root.status() != psutil.STATUS_ZOMBIE:
                self._sample()
                time.sleep(_SAMPLE_SECONDS)

    def _sample(self) -> None:
        resident = 0
        for process in [self._root, *self._root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self.cpu_seconds[process.pid] = times.user + times.system
                resident += process.memory_info().rss
        self.peak_mb = max(self.peak_mb, resident / 2**20)
