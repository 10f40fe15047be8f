"""Processor, memory, disk, network and GPU metrics of this machine, for the run at work."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patent_spark.core.progress import log
from patent_spark.tracking.server import TrackingError

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

_LONGEST_WAIT = 32
"""The longest pause between two samples while the server is away, in sampling intervals."""

Send = Callable[[list["Metric"]], None]
"""Sends metrics in order and removes from the list what has arrived; raises TrackingError."""


@contextmanager
def system_metrics(run_id: str, uri: str, send: Send) -> Iterator[None]:
    """Log `system/...` metrics every ten seconds while the block runs; GPUs need pynvml."""
    over = threading.Event()
    threading.Thread(target=_sample, args=(run_id, uri, send, over), daemon=True).start()
    try:
        yield
    finally:
        # The thread is not joined: its server may not answer.
        over.set()


def _sample(run_id: str, uri: str, send: Send, over: threading.Event) -> None:
    """MLflow's own thread stops at the first error. This one backs off, and sends the backlog later."""
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    machine = SystemMetricsMonitor(run_id, resume_logging=True, tracking_uri=uri)
    step, waiting, wait = machine._logging_step, list["Metric"](), 1
    while not over.wait(machine.sampling_interval * wait):
        waiting += metric_entries(_collected(machine), step)
        step += 1
        try:
            send(waiting)
            wait = 1
        except TrackingError as error:
            if wait == 1:
                log.warning("%s; system metrics are buffered", error)
            wait = min(2 * wait, _LONGEST_WAIT)


def metric_entries(metrics: Mapping[str, float], step: int) -> list[Metric]:
    """Metrics as MLflow takes them, stamped with the current time."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    return [Metric(name, float(value), now, step) for name, value in metrics.items()]


def _collected(machine: SystemMetricsMonitor) -> dict[str, float]:
    """Averages since the last call."""
    machine.collect_metrics()
    sampled = {f"system/{name}": value for name, value in machine.aggregate_metrics().items()}
    for monitor in machine.monitors:
        monitor.clear_metrics()
    return sampled
