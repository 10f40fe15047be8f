"""POST /v1/similar."""

from __future__ import annotations

from pathlib import PurePath

from fastapi import APIRouter, Response

from patent_spark.config import Service
from patent_spark.core.errors import DataError
from patent_spark.inference.similar.filters import Filters
from patent_spark.inference.similar.records import SimilarPatentsAnswer
from patent_spark.inference.similar.similar_patents import SimilarPatents
from patent_spark.service.answers import ERRORS, ErrorAnswer
from patent_spark.service.live_models import LiveModels
from patent_spark.service.refusal import Refusal
from patent_spark.service.requests import SimilarRequest
from patent_spark.service.work_queue import WorkQueue

_ERRORS = {
    **ERRORS,
    404: {"model": ErrorAnswer, "description": "No index, or no such patent"},
}


def similar_router(limits: Service, live: LiveModels, queue: WorkQueue) -> APIRouter:
    """The route of nearest patents."""
    router = APIRouter()

    @router.post(
        "/v1/similar", response_model=SimilarPatentsAnswer, responses=_ERRORS, summary="The nearest patents"
    )
    async def similar(request: SimilarRequest) -> Response:
        """The patents of the index that are nearest to a text, or to one of them."""
        request.check(limits)
        index = live.current.similar.by_kind.get(request.vectors)
        if index is None:
            raise Refusal(404, "there is no index of such vectors for the models that answer", "no_index")
        if not set(request.classes) <= set(index.about.classes):
            raise Refusal(422, "classes has a class that no patent of the index has", "invalid")
        return Response(await queue.run(_as_json, index, request), media_type="application/json")

    return router


def _as_json(index: SimilarPatents, request: SimilarRequest) -> str:
    filters = Filters(request.granted_before, tuple(request.classes), request.include_family)
    text = f"{request.title} {request.abstract}"
    try:
        answer = index.answer(request.patent_id or None, text, request.top, filters)
    except DataError:
        if request.patent_id:
            raise Refusal(404, "the index has no patent with this patent_id", "no_patent") from None
        raise Refusal(422, "the text has no word that the vectors know", "empty") from None
    return answer.model_copy(update={"model": _public(answer.model)}).model_dump_json()


def _public(model: str) -> str:
    """A model's address; of a folder only the name."""
    return model if model.startswith("models:") else PurePath(model).name
