"""What operators ask: /health, /ready, /version, /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Response

from patent_spark import __version__
from patent_spark.inference.prediction.documents import Document
from patent_spark.service.answers import (
    ErrorAnswer,
    ModelAnswer,
    RegistryAnswer,
    StateAnswer,
    VersionAnswer,
)
from patent_spark.service.live_models import LiveModels, LoadedModels
from patent_spark.service.refusal import Refusal
from patent_spark.service.service_metrics import CONTENT_TYPE, ServiceMetrics
from patent_spark.service.work_queue import WorkQueue

_READY_SECONDS = 5.0
_PROBE = Document("method and apparatus", "a method and an apparatus")


def operations_router(
    live: LiveModels, queue: WorkQueue, metrics: ServiceMetrics, registry: Callable[[], RegistryAnswer]
) -> APIRouter:
    """The routes of operators. registry: what the poller knows."""
    router = APIRouter()

    @router.get("/health", response_model=StateAnswer, summary="Alive")
    async def health() -> StateAnswer:
        """The process answers."""
        return StateAnswer(status="alive")

    @router.get(
        "/ready",
        response_model=StateAnswer,
        responses={503: {"model": ErrorAnswer, "description": "No model answers"}},
        summary="A model answers",
    )
    async def ready() -> StateAnswer:
        """A model answers a short text."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await queue.run(_probe, live.current)
        except Refusal:
            raise
        except Exception:
            raise Refusal(503, "no model answers", "unready", {"Retry-After": "5"}) from None
        return StateAnswer(status="ready")

    @router.get("/version", response_model=VersionAnswer, summary="Versions of the service and its models")
    async def version() -> VersionAnswer:
        """Which models answer, and which new champions were refused."""
        return version_answer(live.current, registry())

    @router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def all_metrics() -> Response:
        """Requests, latency, queue, refusals, versions, reloads."""
        return Response(metrics.text(live.current.versions.values()), media_type=CONTENT_TYPE)

    return router


def _probe(models: LoadedModels) -> None:
    models.predictor.predict([_PROBE])


def version_answer(models: LoadedModels, registry: RegistryAnswer) -> VersionAnswer:
    """What /version says."""
    answering = [
        ModelAnswer(
            task=each.task,
            name=each.name,
            version=each.version,
            release_id=each.release_id,
            identity=each.identity,
        )
        for each in models.versions.values()
    ]
    return VersionAnswer(service=__version__, models=answering, since=models.since, registry=registry)
