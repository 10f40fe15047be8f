"""Why a job ended early, and which rank caused it.

A rank that fails leaves a Failure in the job's folder. The others fail too, because they lost a peer, often
before the one that caused it. diagnose() tells them apart.
"""

from __future__ import annotations

import dataclasses
import json
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from patent_spark.config import ConfigError, PatentSparkError
from patent_spark.core.errors import DataError, StoppedError, WorkError
from patent_spark.core.files import write_json
from patent_spark.stages.train.launch.horovod import is_lost_peer

_FILE = "failure-{rank}.json"
_LONGEST_MESSAGE = 300
Fact = str | int | float


@dataclass(frozen=True)
class Failure:
    """Why a rank gave up."""

    kind: str
    """Name of the exception's class."""
    message: str
    facts: dict[str, Fact]
    """Of a PatentSparkError."""
    bad_data: bool
    lost_peer: bool
    """It gave up only because another rank was gone."""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """What the driver needs to know of an error."""
        facts = error.facts if isinstance(error, PatentSparkError) else {}
        plain = {name: value if isinstance(value, Fact) else str(value) for name, value in facts.items()}
        message = " ".join(str(error).split())
        return cls(type(error).__name__, message, plain, isinstance(error, DataError), is_lost_peer(error))

    def as_error(self, model: str, rank: int, log: Path | None) -> PatentSparkError:
        """The error that the driver raises, with the exit code of the rank's own error."""
        facts = {"model": model} | self.facts
        if self.bad_data:
            return DataError(self.message, **facts)
        if self.kind == ConfigError.__name__:
            return ConfigError(self.message, **facts)
        for kind in (StoppedError, WorkError):
            if self.kind == kind.__name__:
                return kind(f"train {model}: {self.message}", **facts)
        reason = f"failed: {self.kind}: {self.message[:_LONGEST_MESSAGE]}"
        return _rank_error(model, rank, reason, log, error=self.kind)

    def write(self, folder: Path, rank: int) -> None:
        """Leave it in the job's folder."""
        write_json(folder / _FILE.format(rank=rank), dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path, rank: int) -> Failure | None:
        """What a rank left, or None."""
        path = folder / _FILE.format(rank=rank)
        return cls(**json.loads(path.read_text())) if path.exists() else None


def remove_failures(folder: Path) -> None:
    """Forget what the ranks of an earlier attempt left."""
    for path in folder.glob(_FILE.format(rank="*")):
        path.unlink()


def diagnose(
    folder: Path, model: str, codes: Sequence[int | None], logs: Sequence[Path | None]
) -> PatentSparkError:
    """The error of the rank that failed first, not of those that only noticed that it was gone or silent.

    codes: exit code of each rank, negative for a signal, None where it is not known to have ended.
    logs: the file with the output of each rank, None where the launcher decides.
    """
    failures = [Failure.read(folder, rank) for rank in range(len(codes))]
    rank = _first_to_fail(failures, codes)
    failure = failures[rank]
    if failure is not None:
        return failure.as_error(model, rank, logs[rank])
    return _exit_error(model, rank, codes[rank], logs[rank])


def _first_to_fail(failures: Sequence[Failure | None], codes: Sequence[int | None]) -> int:
    """The rank that caused the others to end: one with an error of its own, killed, or silent."""
    failed = [rank for rank, failure in enumerate(failures) if failure is not None and not failure.lost_peer]
    killed = [rank for rank, code in enumerate(codes) if failures[rank] is None and code]
    silent = [rank for rank, code in enumerate(codes) if failures[rank] is None and code is None]
    return (failed or killed or silent or [0])[0]


def _exit_error(model: str, rank: int, code: int | None, log: Path | None) -> PatentSparkError:
    if code is None:
        return _rank_error(model, rank, "stopped responding", log)
    if code < 0:
        name = signal.Signals(-code).name
        return _rank_error(model, rank, f"was ended by signal {name}", log, signal=name)
    return _rank_error(model, rank, f"ended with exit code {code}", log, code=code)


def _rank_error(model: str, rank: int, reason: str, log: Path | None, **facts: Fact) -> WorkError:
    place = str(log) if log else "the output of its launcher"
    known = {"log": str(log)} if log else {}
    return WorkError(
        f"train {model}: rank {rank} {reason}; see {place}", model=model, rank=rank, **known, **facts
    )
