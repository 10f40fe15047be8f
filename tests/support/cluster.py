"""A real Spark standalone cluster on loopback (a master and workers as processes), and spark-submit."""

from __future__ import annotations

import json
import os
import re
import signal
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

_SMALL = {
    "spark.executor.cores": 1,
    "spark.executor.memory": "768m",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": 4,
    # Executors stand for machines: none reads another's files from the disk.
    "spark.shuffle.readHostLocalDisk": "false",
    "spark.shuffle.io.retryWait": "1s",
}

_EXECUTOR = "CoarseGrainedExecutorBackend"


@dataclass(frozen=True)
class Cluster:
    """A running cluster: the master's address, a scratch folder, the executors' Python, the processes."""

    master: str
    folder: Path
    python: Path
    workers: list[int]
    processes: list[subprocess.Popen[bytes]]

    def submit(
        self, job: str, package: Path, *arguments: str | Path, conf: dict[str, Any] | None = None
    ) -> Job:
        """Start jobs/<job>.py as README tells, in client mode, with executors of one core."""
        spark_submit = SPARK_HOME / "bin" / "spark-submit"
        command = [spark_submit, "--properties-file", ROOT / "conf" / "spark-defaults.conf"]
        python = {"PYSPARK_PYTHON": str(self.python), "PYSPARK_DRIVER_PYTHON": sys.executable}
        script = ROOT / "jobs" / f"{job}.py"
        return self._start(job, command, ["--py-files", package, script, *arguments], conf or {}, python)

    def submit_packed(self, job: str, *arguments: str | Path, conf: dict[str, Any] | None = None) -> Job:
        """Start a job by deploy/submit.sh, which brings all that the executors' Python imports."""
        variables = {"VENV": str(Path(sys.executable).parents[1])}
        return self._start(
            job, [ROOT / "deploy" / "submit.sh"], ["--", job, *arguments], conf or {}, variables
        )

    def _start(
        self,
        job: str,
        command: Sequence[str | Path],
        rest: Sequence[str | Path],
        conf: dict[str, Any],
        variables: dict[str, str],
    ) -> Job:
        events = self.folder / f"events-{job}-{time.monotonic_ns()}"
        events.mkdir()
        web = free_port()
        settings = _SMALL | _watched(events, web) | conf
        options = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
        with events.with_suffix(".log").open("w") as output:
            process = subprocess.Popen(
                [*command, "--master", self.master, *options, *rest],
                stdout=output,
                stderr=output,
                env=_environment(self.folder) | variables,
                cwd=self.folder,
                start_new_session=True,
            )
        self.processes.append(process)
        return Job(process, Path(output.name), events, f"http://127.0.0.1:{web}/api/v1/applications")

    def start_worker(self, cores: int) -> None:
        """Add a worker; its memory is 1 GiB a core."""
        scratch = self.folder / f"worker-{len(self.workers)}"
        sizes = ["--cores", str(cores), "--memory", f"{cores}g", "--work-dir", str(scratch)]
        worker, _ = _start_daemon(self.folder, self.processes, "Worker", *sizes, self.master)
        self.workers.append(worker.pid)

    def kill_worker(self, number: int) -> None:
        """End a worker and its executors at once, as a machine that is lost."""
        os.killpg(self.workers[number], signal.SIGKILL)

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
    try:
        _, log = _start_daemon(folder, processes, "Master")
        wait_for(lambda: "Starting Spark master at" in log.read_text())
        master = re.search(r"spark://127\.0\.0\.1:\d+", log.read_text())[0]
        python = _executors_python(folder, (*EXECUTORS_NEED, *needs))
        cluster = Cluster(master, folder, python, [], processes)
        for _ in range(workers):
            cluster.start_worker(cores)
        wait_for(lambda: log.read_text().count("Registering worker") == workers)
        yield cluster
    finally:
        for process in reversed(processes):
            kill_group(process)


def _start_daemon(
    folder: Path, processes: list[subprocess.Popen[bytes]], role: str, *arguments: str
) -> tuple[subprocess.Popen[bytes], Path]:
    """A master or worker, added to the processes, and its log."""
    log = folder / f"{role}-{len(processes)}.log"
    program = [SPARK_HOME / "bin" / "spark-class", f"org.apache.spark.deploy.{role.lower()}.{role}"]
    address = ["--host", "127.0.0.1", "--port", "0", "--webui-port", "0"]
    with log.open("w") as output:
        started = subprocess.Popen(
            [*program, *address, *arguments],
            stdout=output,
            stderr=output,
            env=_environment(folder),
            start_new_session=True,
        )
    processes.append(started)
    return started, log


def _watched(events: Path, web: int) -> dict[str, Any]:
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": events.as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.ui.port": web,
    }


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


def _processes_of(groups: Sequence[int]) -> Iterator[int]:
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
