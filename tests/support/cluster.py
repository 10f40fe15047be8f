"""A real Spark standalone cluster on loopback (a master and workers as processes), and spark-submit."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark

from patent_spark.stages.train.launch.local import kill_group

ROOT = Path(__file__).parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
EXECUTORS_NEED = (
    "numpy",
    "pandas",
    "pyarrow",
    "pytz",
    "dateutil",
    "six.py",
    "tzdata",
    "numpy.libs",
    "pyarrow.libs",
)
"""What README requires of an executor's Python, with dependencies; spark-submit ships the rest."""

SCORING_NEEDS = (
    "onnxruntime",
    "flatbuffers",
    "google",
    "packaging",
    "pydantic",
    "pydantic_core",
    "annotated_types",
    "typing_inspection",
    "typing_extensions.py",
    "yaml",
    "_yaml",
)
"""What the job score requires beyond that: onnxruntime, pydantic and PyYAML, with dependencies."""

_EXECUTOR = "CoarseGrainedExecutorBackend"


@dataclass(frozen=True)
class Cluster:
    """A running cluster: the master's address, a scratch folder, the executors' Python, the processes."""

    master: str
    folder: Path
    python: Path
    workers: tuple[int, ...]
    processes: list[subprocess.Popen[bytes]]

    def submit(
        self, job: str, package: Path, *arguments: str | Path, conf: dict[str, Any] | None = None
    ) -> Job:
        """Start jobs/<job>.py as README tells, in client mode, with executors of one core."""
        events = self.folder / f"events-{job}-{time.monotonic_ns()}"
        events.mkdir()
        web = free_port()
        small = {
            "spark.executor.cores": 1,
            "spark.executor.memory": "768m",
            "spark.driver.memory": "1g",
            "spark.sql.shuffle.partitions": 4,
        }
        # Executors stand for machines: none reads another's files from the disk.
        small |= {"spark.shuffle.readHostLocalDisk": "false", "spark.shuffle.io.retryWait": "1s"}
        watched = {
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": events.as_uri(),
            "spark.eventLog.compress": "false",
        }
        watched |= {"spark.eventLog.rolling.enabled": "false", "spark.ui.port": web}
        settings = [
            part
            for name, value in (small | watched | (conf or {})).items()
            for part in ("--conf", f"{name}={value}")
        ]
        command = [
            SPARK_HOME / "bin" / "spark-submit",
            "--master",
            self.master,
            "--properties-file",
            ROOT / "conf" / "spark-defaults.conf",
        ]
        command += [*settings, "--py-files", package, ROOT / "jobs" / f"{job}.py", *arguments]
        environment = _environment(self.folder) | {
            "PYSPARK_PYTHON": str(self.python),
            "PYSPARK_DRIVER_PYTHON": sys.executable,
        }
        output = events.with_suffix(".log").open("w+")
        process = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, cwd=self.folder, start_new_session=True
        )
        self.processes.append(process)
        return Job(process, Path(output.name), events, f"http://127.0.0.1:{web}/api/v1/applications")

    def executors(self) -> list[int]:
        """Process ids of the executors, which the workers started."""
        return [
            pid
            for pid in _processes_of(self.workers)
            if _EXECUTOR in (Path("/proc") / str(pid) / "cmdline").read_text()
        ]


@dataclass(frozen=True)
class Job:
    """A submitted job: its process, its log, its events and its web interface."""

    process: subprocess.Popen[bytes]
    log: Path
    events: Path
    web: str

    @property
    def output(self) -> str:
        """What driver and spark-submit have written so far."""
        return self.log.read_text()

    def finish(self, seconds: float = 1800) -> Job:
        """Wait for a good end; a failure shows the job's output."""
        code = self.process.wait(seconds)
        assert code == 0, self.output[-4000:]
        return self

    def stages_at_work(self) -> list[dict[str, Any]]:
        """The running stages according to the driver's web interface; none before it is up."""
        try:
            with urllib.request.urlopen(self.web, timeout=5) as answer:
                application = json.load(answer)[0]["id"]
            with urllib.request.urlopen(
                f"{self.web}/{application}/stages?status=active", timeout=5
            ) as answer:
                return json.load(answer)
        except (OSError, ValueError, IndexError):
            return []

    def happened(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind, such as TaskEnd, from the log of the finished application."""
        return [
            event
            for path in self.events.iterdir()
            for event in map(json.loads, path.open())
            if event["Event"] == f"SparkListener{kind}"
        ]

    def seconds_by_executor(self) -> Counter[str]:
        """CPU time that each executor spent on tasks; it does not depend on the machine's other load."""
        seconds: Counter[str] = Counter()
        for event in self.happened("TaskEnd"):
            seconds[event["Task Info"]["Executor ID"]] += (
                event.get("Task Metrics", {}).get("Executor CPU Time", 0) / 1e9
            )
        return seconds


@contextmanager
def running_cluster(
    folder: Path, workers: int = 2, cores: int = 2, needs: Sequence[str] = ()
) -> Iterator[Cluster]:
    """A master and its workers; they, their executors and the jobs are ended at the end.

    needs: packages of the executors' Python beyond EXECUTORS_NEED.
    """
    processes: list[subprocess.Popen[bytes]] = []

    def start(role: str, *arguments: str) -> Path:
        log = folder / f"{role}-{len(processes)}.log"
        command = [
            SPARK_HOME / "bin" / "spark-class",
            f"org.apache.spark.deploy.{role.lower()}.{role}",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
        ]
        with log.open("w") as output:
            started = subprocess.Popen(
                [*command, "--webui-port", "0", *arguments],
                stdout=output,
                stderr=output,
                env=_environment(folder),
                start_new_session=True,
            )
        processes.append(started)
        return log

    try:
        log = start("Master")
        wait_for(lambda: "Starting Spark master at" in log.read_text())
        master = re.search(r"spark://127\.0\.0\.1:\d+", log.read_text())[0]
        for number in range(workers):
            start(
                "Worker",
                "--cores",
                str(cores),
                "--memory",
                f"{cores}g",
                "--work-dir",
                str(folder / f"worker-{number}"),
                master,
            )
        wait_for(lambda: log.read_text().count("Registering worker") == workers)
        yield Cluster(
            master,
            folder,
            _executors_python(folder, (*EXECUTORS_NEED, *needs)),
            tuple(process.pid for process in processes[1:]),
            processes,
        )
    finally:
        for process in reversed(processes):
            kill_group(process)


def wait_for(condition: Callable[[], object], seconds: float = 180, pause: float = 0.1) -> None:
    """Until something holds; an AssertionError after that many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(pause)


def _environment(folder: Path) -> dict[str, str]:
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPARK_", "PYSPARK_", "PYTHONPATH"))
    }
    quiet = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false"}
    return (
        ours
        | quiet
        | {
            "SPARK_HOME": str(SPARK_HOME),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(folder / "local"),
        }
    )


def _executors_python(folder: Path, needs: Sequence[str]) -> Path:
    """A Python with only the executors' requirements: the package must come with the job."""
    packages = folder / "packages"
    packages.mkdir()
    for name in needs:
        if (SPARK_HOME.parent / name).exists():
            (packages / name).symlink_to(SPARK_HOME.parent / name)
    python = folder / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="{packages}:$PYTHONPATH" exec {Path(sys.executable).resolve()} -S "$@"\n'
    )
    python.chmod(0o755)
    return python


def _processes_of(groups: tuple[int, ...]) -> Iterator[int]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getpgid(int(folder.name)) in groups:
                yield int(folder.name)
        except ProcessLookupError:
            continue


def free_port() -> int:
    """One that nobody listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
