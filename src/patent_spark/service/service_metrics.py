"""What the service measures about itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from patent_spark.service.live_models import ModelVersion
from patent_spark.service.work_queue import WorkQueue

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0)


class ServiceMetrics:
    """The metrics of one service, apart from those of any other in the same process."""

    def __init__(self, queue: WorkQueue) -> None:
        self._all = every = CollectorRegistry()
        ProcessCollector(registry=every)
        PlatformCollector(registry=every)
        self.requests = Counter(
            "patent_spark_requests", "Requests answered", ["route", "method", "status"], registry=every
        )
        self.seconds = Histogram(
            "patent_spark_request_seconds",
            "Seconds from the first byte of a request to the end of its answer",
            ["route"],
            buckets=_SECONDS,
            registry=every,
        )
        self.in_progress = Gauge("patent_spark_requests_in_progress", "Requests in progress", registry=every)
        self.rejected = Counter(
            "patent_spark_rejected_requests", "Requests refused, by reason", ["reason"], registry=every
        )
        self.documents = Counter("patent_spark_documents", "Documents that a model answered", registry=every)
        self._add_queue(queue)
        self._add_models()

    def _add_queue(self, queue: WorkQueue) -> None:
        queued = Gauge("patent_spark_queue_length", "Predictions waiting for a thread", registry=self._all)
        queued.set_function(lambda: queue.queued)
        running = Gauge(
            "patent_spark_predictions_in_progress", "Predictions being computed", registry=self._all
        )
        running.set_function(lambda: min(queue.pending, queue.workers))

    def _add_models(self) -> None:
        self._model = Gauge(
            "patent_spark_model_info",
            "1 for the version of a model that answers",
            ["task", "name", "version", "release"],
            registry=self._all,
        )
        self.reloads = Counter(
            "patent_spark_reloads", "New champions that took over", ["name"], registry=self._all
        )
        self.refused_reloads = Counter(
            "patent_spark_refused_reloads",
            "New champions that were refused, by reason",
            ["name", "reason"],
            registry=self._all,
        )
        self.registry_answers = Gauge(
            "patent_spark_registry_answers",
            "1 if the registry answered the last look, else 0",
            registry=self._all,
        )

    def text(self, versions: Iterable[ModelVersion]) -> bytes:
        """All of them in Prometheus' text format. versions: of the models that answer."""
        self._model.clear()
        for each in versions:
            self._model.labels(each.task, each.name, each.version, each.release_id).set(1)
        return generate_latest(self._all)
