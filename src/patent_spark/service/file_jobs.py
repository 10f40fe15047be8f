"""CSV files that are scored in the background, one piece after another, and kept for a while."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from patent_spark.config import Service
from patent_spark.service.file_columns import ADDED, CsvFile, added_cells, as_csv
from patent_spark.service.gate import FAILED, log_failure
from patent_spark.service.live_models import LiveModels, LoadedModels
from patent_spark.service.refusal import Refusal, busy
from patent_spark.service.service_metrics import ServiceMetrics
from patent_spark.service.work_queue import WorkQueue

_PIECE = 32
_KEPT = 32
"""Scored files that are kept; the oldest ones go first."""
RUNNING, DONE, BROKEN = "running", "done", "failed"


@dataclass
class FileJob:
    """A file: how far it is, and where its result is."""

    id: str
    rows: int
    result: Path
    scored: int = 0
    state: str = RUNNING
    error: str | None = None
    ended: float | None = None
    task: asyncio.Task[None] | None = field(default=None, repr=False)


class FileJobs:
    """All files of a service. Results are in a temporary folder that goes with it."""

    def __init__(self, limits: Service, live: LiveModels, queue: WorkQueue, metrics: ServiceMetrics) -> None:
        self._limits, self._live, self._queue, self._metrics = limits, live, queue, metrics
        self._folder = TemporaryDirectory(prefix="patent-spark-files-")
        self._jobs: dict[str, FileJob] = {}

    def require_room(self) -> None:
        """Raises Refusal (503) when as many files as allowed are being scored."""
        if sum(job.state == RUNNING for job in self._jobs.values()) >= self._limits.max_files:
            raise busy("too many files are being scored", 5)

    def add(self, file: CsvFile) -> FileJob:
        """Start to score a file. Raises Refusal as `require_room`."""
        self._forget_old()
        self.require_room()
        name = secrets.token_urlsafe(18)
        job = FileJob(name, file.rows, Path(self._folder.name) / name)
        job.task = asyncio.get_running_loop().create_task(self._score(job, file))
        self._jobs[name] = job
        return job

    def find(self, name: str) -> FileJob:
        """A file by its id. Raises Refusal (404) when there is none, or no longer."""
        self._forget_old()
        job = self._jobs.get(name)
        if job is None:
            raise Refusal(404, "there is no such file, or no longer", "file")
        return job

    def drop(self, name: str) -> None:
        """Stop and forget a file. Raises Refusal (404)."""
        self._forget(self.find(name))

    def close(self) -> None:
        """Stop and forget all."""
        for job in [*self._jobs.values()]:
            self._forget(job)
        self._folder.cleanup()

    async def _score(self, job: FileJob, file: CsvFile) -> None:
        try:
            await self._write(job, file, self._live.current)
            job.state = DONE
        except Exception as error:
            log_failure(error)
            job.state, job.error = BROKEN, FAILED
        finally:
            job.ended = time.monotonic()

    async def _write(self, job: FileJob, file: CsvFile, models: LoadedModels) -> None:
        """One model answers the whole file, whatever takes over meanwhile."""
        kept = file.kept()
        rows = file.read()
        with job.result.open("w", encoding="utf-8-sig", newline="") as result:
            result.write(as_csv([[*(file.header[place] for place in kept), *ADDED]], file.delimiter))
            while piece := list(islice(rows, _PIECE)):
                result.write(await self._queue.run_later(_scored, models, file, kept, piece))
                job.scored += len(piece)
                self._metrics.documents.inc(len(piece))

    def _forget_old(self) -> None:
        ended = [job for job in self._jobs.values() if job.ended is not None]
        oldest = time.monotonic() - 60 * self._limits.file_minutes
        for place, job in enumerate(sorted(ended, key=lambda job: job.ended or 0, reverse=True)):
            if place >= _KEPT or (job.ended or 0) < oldest:
                self._forget(job)

    def _forget(self, job: FileJob) -> None:
        if job.task is not None:
            job.task.cancel()
        job.result.unlink(missing_ok=True)
        self._jobs.pop(job.id, None)


def _scored(models: LoadedModels, file: CsvFile, kept: Sequence[int], rows: Sequence[Sequence[str]]) -> str:
    """Rows with the added columns, as CSV."""
    documents = [file.document(row) for row in rows]
    readable = [each.has_words(("title", "abstract")) for each in documents]
    answers = iter(models.predictor.predict([*compress(documents, readable)], 2) if any(readable) else ())
    cells = (added_cells(next(answers) if is_readable else None) for is_readable in readable)
    return as_csv(
        ([*(row[place] for place in kept), *added] for row, added in zip(rows, cells, strict=True)),
        file.delimiter,
    )
