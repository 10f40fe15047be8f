"""Metrics of epochs on their way to MLflow: no step waits for a server."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from patent_spark.stages.train.checkpoint import EpochMetrics
from patent_spark.tracking.runs import Run


class AsyncMetricLogger:
    """Logs a history from a thread.

    Otherwise a silent server would hold up rank 0, and with it all ranks, every epoch.
    """

    def __init__(self, run: Run) -> None:
        self._run, self._thread = run, threading.Thread()

    def log(self, history: Sequence[EpochMetrics]) -> None:
        """Send the epochs that the run lacks.

        While an earlier call is still sending, they wait for the next call.
        """
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run.log_epochs, args=(list(history),), daemon=True)
            self._thread.start()

    def flush(self, timeout_s: float | None = None) -> None:
        """Return when nothing is being sent any more, or after so many seconds."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)
