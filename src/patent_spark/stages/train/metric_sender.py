"""Epochs on their way to MLflow: no step waits for a server."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from patent_spark.stages.train.checkpoint import Epoch
from patent_spark.tracking.runs import Run


class Sender:
    """Sends a history from a thread: all ranks would wait with the one that waits for a silent server, in every epoch."""

    def __init__(self, run: Run) -> None:
        self._run, self._thread = run, threading.Thread()

    def send(self, history: Sequence[Epoch]) -> None:
        """Send the epochs that the run has not got; left to the next call while the last one is still at it."""
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run.log_epochs, args=(list(history),), daemon=True)
            self._thread.start()

    def wait(self, at_most_s: float | None = None) -> None:
        """Return when nothing is on its way any more, or after so many seconds."""
        if self._thread.is_alive():
            self._thread.join(at_most_s)
