"""The application: routes, and the layers of limits around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from patent_spark import __version__
from patent_spark.config import Service
from patent_spark.service.access import Access, allowed_hosts
from patent_spark.service.answers import RegistryAnswer
from patent_spark.service.body_limits import BodyLimit, BodyLimits
from patent_spark.service.error_handlers import add_error_handlers
from patent_spark.service.file_jobs import FileJobs
from patent_spark.service.file_routes import file_router
from patent_spark.service.gate import Gate
from patent_spark.service.live_models import LiveModels
from patent_spark.service.operations import operations_router
from patent_spark.service.page import page_router
from patent_spark.service.predict_route import predict_router
from patent_spark.service.service_metrics import ServiceMetrics
from patent_spark.service.similar_route import similar_router
from patent_spark.service.work_queue import WorkQueue

_ABOUT = "Technology classes and citation levels of US patents, from title and abstract."


def fixed_models() -> RegistryAnswer:
    """What /version says of the registry when nobody looks into it."""
    return RegistryAnswer(polled_s=None, last_look=None, answers=None, refused=[])


class Application:
    """The parts of a service, and `asgi`, which answers."""

    def __init__(
        self,
        settings: Service,
        live: LiveModels,
        token: str = "",
        registry: Callable[[], RegistryAnswer] = fixed_models,
    ) -> None:
        self.live = live
        self.queue = WorkQueue(settings.workers, settings.queue)
        self.metrics = ServiceMetrics(self.queue)
        self.routes = self._routes(settings, registry, bool(token))
        limited = BodyLimits(self.routes, body_limits(settings), settings.receive_timeout_s)
        allowed = Access(limited, allowed_hosts(settings), token)
        self.asgi: ASGIApp = Gate(allowed, self.metrics, settings.concurrency)

    def _routes(
        self, settings: Service, registry: Callable[[], RegistryAnswer], needs_token: bool
    ) -> FastAPI:
        self.files = files = FileJobs(settings, self.live, self.queue, self.metrics)

        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            yield
            files.close()
            self.queue.close()

        app = FastAPI(
            title="patent_spark",
            version=__version__,
            description=_ABOUT,
            docs_url=None,
            redoc_url=None,
            lifespan=lifespan,
            redirect_slashes=False,
            telemetry={"tracing": False, "metrics": False, "logs": False},
        )
        add_error_handlers(app, self.metrics)
        app.include_router(predict_router(settings, self.live, self.queue, self.metrics))
        app.include_router(similar_router(settings, self.live, self.queue))
        app.include_router(file_router(settings, files, self.queue))
        app.include_router(operations_router(self.live, self.queue, self.metrics, registry))
        app.include_router(page_router(settings, app, needs_token))
        return app


def body_limits(settings: Service) -> dict[str, BodyLimit]:
    """Limits of the routes that take a body."""
    json = BodyLimit(("application/json",), settings.max_body_kb << 10, settings.concurrency)
    return {
        "/v1/predict": json,
        "/v1/similar": json,
        "/v1/files": BodyLimit(("text/csv",), settings.max_file_kb << 10, settings.max_files),
    }
