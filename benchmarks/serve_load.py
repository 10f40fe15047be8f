"""The service under load: requests/s, latency, errors, and memory, with the clients on the same cores.

    python benchmarks/serve_load.py --warehouse warehouse --clients 50 --seconds 120

Every client sends one document after another over its own connection: titles and abstracts of the warehouse.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import cycle

import numpy as np
import psutil
from measure import machine

from patent_spark.core.store import Store

_TEXTS = 5_000
_SAMPLE_SECONDS = 1.0


@dataclass
class Load:
    """What the clients saw."""

    seconds: list[float] = field(default_factory=list)
    """Of each request that was answered with 200."""
    errors: list[str] = field(default_factory=list)


def main() -> None:
    """Start the service, load it, print a table."""
    options = _options()
    bodies = _bodies(options.warehouse, options.explain)
    load_before = os.getloadavg()[0]
    process, port = _started(options)
    try:
        asyncio.run(_loaded(port, bodies[:200], 4, 3.0))  # warm
        memory = [_megabytes(process)]
        cpu = _cpu_seconds(process)
        load, wall = asyncio.run(_watched(process, port, bodies, options, memory))
        cpu = _cpu_seconds(process) - cpu
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(60)
    print(_report(load, wall, cpu, memory, options, load_before))
    failed = load.errors or code != 0
    if failed:
        print(f"errors: {len(load.errors)}, {load.errors[:3]}; exit code {code}", file=sys.stderr)
    sys.exit(1 if failed else 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--warehouse", default="warehouse", help="with texts and registered models")
    parser.add_argument("--model", default="champion", help="as `patent-spark serve --model`")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--explain", action="store_true", help="also ask for the words that mattered")
    return parser.parse_args()


def _bodies(warehouse: str, explain: bool) -> list[bytes]:
    """Requests with the texts of the warehouse's last patents."""
    store = Store(warehouse)
    titles = store.read_arrow("PATENTS", ["patent_key", "title"])
    abstracts = store.read_arrow("ABSTRACTS", ["patent_key", "abstract"])
    rows = titles.join(abstracts, "patent_key").sort_by("patent_key").to_pylist()[-_TEXTS:]
    options = {"explain": True} if explain else {}
    return [
        json.dumps({"title": row["title"] or "a", "abstract": row["abstract"] or ""} | options).encode()
        for row in rows
    ]


def _started(options: argparse.Namespace) -> tuple[subprocess.Popen[str], int]:
    command = [sys.executable, "-m", "patent_spark.cli", "serve", "--model", options.model]
    command += ["--set", f"warehouse.root={options.warehouse}", "--set", "service.port=0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("http://"):
            return process, int(line.split("/")[2].rpartition(":")[2])
    raise SystemExit(f"the service did not start; exit code {process.wait()}")


async def _watched(
    process: subprocess.Popen[str],
    port: int,
    bodies: list[bytes],
    options: argparse.Namespace,
    memory: list[float],
) -> tuple[Load, float]:
    """Load the service, and add its resident megabytes to `memory` every second."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            memory.append(_megabytes(process))

    watching = asyncio.create_task(watch())
    started = time.perf_counter()
    load = await _loaded(port, bodies, options.clients, options.seconds)
    watching.cancel()
    return load, time.perf_counter() - started


async def _loaded(port: int, bodies: list[bytes], clients: int, seconds: float) -> Load:
    load, end = Load(), time.perf_counter() + seconds
    shares = [cycle(bodies[number::clients] or bodies) for number in range(clients)]
    await asyncio.gather(*(_client(port, share, end, load) for share in shares))
    return load


async def _client(port: int, bodies: cycle[bytes], end: float, load: Load) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while (started := time.perf_counter()) < end:
            status = await _request(reader, writer, next(bodies))
            if status == 200:
                load.seconds.append(time.perf_counter() - started)
            else:
                load.errors.append(str(status))
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        load.errors.append(f"{type(error).__name__}: {error}")
    finally:
        writer.close()


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> int:
    """Status of one answer, which is read to its end. Plain streams: a client library costs more than the
    service."""
    writer.write(
        b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    writer.write(body)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    answer = await reader.readexactly(length)
    status = int(head[9:12])
    if status == 200 and not answer.startswith(b'{"predictions":[{'):
        raise ValueError("an answer without a prediction")
    return status


def _megabytes(process: subprocess.Popen[str]) -> float:
    return float(psutil.Process(process.pid).memory_info().rss) / 2**20


def _cpu_seconds(process: subprocess.Popen[str]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return float(times.user + times.system)


def _report(
    load: Load,
    wall: float,
    cpu: float,
    memory: list[float],
    options: argparse.Namespace,
    load_before: float,
) -> str:
    """The measurements as a Markdown table."""
    p50, p95, p99 = np.percentile(load.seconds, [50, 95, 99]) if load.seconds else (np.nan,) * 3
    third = max(1, len(memory) // 3)
    rows = [
        ("requests", f"{len(load.seconds):,}"),
        ("errors", f"{len(load.errors):,}"),
        ("requests/s", f"{len(load.seconds) / wall:,.0f}"),
        ("CPU ms a request, of the service alone", f"{1000 * cpu / max(1, len(load.seconds)):.1f}"),
        ("p50 s", f"{p50:.3f}"),
        ("p95 s", f"{p95:.3f}"),
        ("p99 s (target: 1.5)", f"{p99:.3f}"),
        ("longest s", f"{max(load.seconds, default=float('nan')):.3f}"),
        ("resident MB before, after", f"{memory[0]:,.0f}, {memory[-1]:,.0f}"),
        ("mean of the middle and the last third", f"{_mean(memory, third)}"),
    ]
    about = f"{options.clients} clients for {options.seconds:g} s, explain: {options.explain}"
    lines = [f"{machine()}; load average before: {load_before:.1f}; {about}", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {name} | {value} |" for name, value in rows)])


def _mean(memory: list[float], third: int) -> str:
    return f"{np.mean(memory[third : 2 * third]):,.0f}, {np.mean(memory[-third:]):,.0f}"


if __name__ == "__main__":
    main()
