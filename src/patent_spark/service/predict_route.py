"""POST /v1/predict."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Response

from patent_spark.config import Service
from patent_spark.inference.prediction.documents import Document
from patent_spark.service.answers import ERRORS, PredictAnswer
from patent_spark.service.live_models import LiveModels, LoadedModels
from patent_spark.service.refusal import Refusal
from patent_spark.service.requests import PredictRequest
from patent_spark.service.service_metrics import ServiceMetrics
from patent_spark.service.work_queue import WorkQueue

_PIECE, _EXPLAINED = 32, 1
"""Documents that a thread takes at a time, so that a long request does not hold up short ones; those with
explanations cost a hundred times as much."""


def predict_router(limits: Service, live: LiveModels, queue: WorkQueue, metrics: ServiceMetrics) -> APIRouter:
    """The route of predictions."""
    router = APIRouter()

    @router.post(
        "/v1/predict",
        response_model=PredictAnswer,
        responses={**ERRORS},
        summary="Classes and citation levels",
    )
    async def predict(request: PredictRequest) -> Response:
        """Answer one document, or several."""
        models = live.current
        documents = request.checked(limits)
        _check_classes(request.limit_to, models)
        answered: list[str] = []
        size = _EXPLAINED if request.explain else _PIECE
        for first in range(0, len(documents), size):
            piece = documents[first : first + size]
            answered += await queue.run(_as_json, models, piece, first, request)
        metrics.documents.inc(len(documents))
        return Response(f'{{"predictions":[{",".join(answered)}]}}', media_type="application/json")

    return router


def _as_json(
    models: LoadedModels, documents: Sequence[Document], first: int, request: PredictRequest
) -> list[str]:
    answers = models.predictor.predict(documents, request.top, request.limit_to, request.explain, first + 1)
    return [answer.model_dump_json() for answer in answers]


def _check_classes(classes: Sequence[str], models: LoadedModels) -> None:
    if not classes:
        return
    technology = models.versions.get("technology")
    if technology is None:
        raise Refusal(422, "limit_to needs a model of technology, and there is none", "invalid")
    if not {each.strip().upper() for each in classes} <= set(technology.classes):
        raise Refusal(422, "limit_to has a class that the model does not know", "invalid")
