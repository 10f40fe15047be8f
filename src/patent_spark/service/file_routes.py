"""/v1/files: upload a CSV file, watch it being scored, get it back."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from patent_spark.config import Service
from patent_spark.service.answers import ERRORS, ErrorAnswer, FileAnswer
from patent_spark.service.file_columns import checked_csv
from patent_spark.service.file_jobs import DONE, FileJob, FileJobs
from patent_spark.service.refusal import Refusal
from patent_spark.service.work_queue import WorkQueue

_ABOUT_BODY = {
    "requestBody": {
        "required": True,
        "description": "CSV in UTF-8 with the columns title and abstract",
        "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorAnswer, "description": "No such file, or no longer"},
    "default": {"model": ErrorAnswer, "description": "Every other error"},
}


def file_router(limits: Service, jobs: FileJobs, queue: WorkQueue) -> APIRouter:
    """The routes of files."""
    router = APIRouter()

    @router.post(
        "/v1/files",
        status_code=202,
        response_model=FileAnswer,
        responses=ERRORS,
        openapi_extra=_ABOUT_BODY,
        summary="Score a CSV file",
    )
    async def upload(request: Request) -> FileAnswer:
        """Start to score the rows of a CSV file, the body of the request."""
        jobs.require_room()
        body = await request.body()
        file = await queue.run(checked_csv, body, limits.max_file_rows, limits.max_characters)
        return _answer(jobs.add(file))

    @router.get("/v1/files/{name}", response_model=FileAnswer, responses=_NOT_FOUND, summary="How far it is")
    async def state(name: str) -> FileAnswer:
        """How many rows of a file are scored."""
        return _answer(jobs.find(name))

    @router.get("/v1/files/{name}/result", responses=_NOT_FOUND, summary="The scored file")
    async def result(name: str) -> FileResponse:
        """The file with the added columns."""
        job = jobs.find(name)
        if job.state != DONE:
            raise Refusal(409, "this file is not scored yet", "unfinished")
        return FileResponse(job.result, media_type="text/csv; charset=utf-8", filename="scored.csv")

    @router.delete("/v1/files/{name}", status_code=204, responses=_NOT_FOUND, summary="Forget a file")
    async def forget(name: str) -> Response:
        """Stop scoring a file, and delete its result."""
        jobs.drop(name)
        return Response(status_code=204)

    return router


def _answer(job: FileJob) -> FileAnswer:
    return FileAnswer(id=job.id, state=job.state, rows=job.rows, scored=job.scored, error=job.error)
