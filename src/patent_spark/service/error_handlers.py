"""How errors of routes are answered: one sentence each, and nothing of what the client sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from patent_spark.service.gate import FAILED
from patent_spark.service.refusal import Refusal, error_body
from patent_spark.service.service_metrics import ServiceMetrics

_BY_STATUS = {
    400: "the body is not valid JSON in UTF-8",
    404: "there is nothing at this path; GET /docs lists the paths",
    405: "this path does not take this method",
}

_BY_TYPE = {
    "missing": "{} is missing",
    "string_type": "{} must be a string",
    "string_unicode": "{} must be valid Unicode",
    "int_type": "{} must be a whole number",
    "bool_type": "{} must be true or false",
    "list_type": "{} must be a list",
    "model_type": "{} must be an object",
    "model_attributes_type": "{} must be an object",
    "dict_type": "{} must be an object",
    "extra_forbidden": "{} has an unknown field",
    "string_too_long": "{} must have at most {max_length} characters",
    "too_short": "{} must have at least {min_length} element",
    "too_long": "{} must have at most {max_length} elements",
    "greater_than_equal": "{} must be at least {ge}",
    "less_than_equal": "{} must be at most {le}",
    "literal_error": "{} must be one of {expected}",
    "date_from_datetime_parsing": "{} must be a day, such as 2015-06-30",
    "date_parsing": "{} must be a day, such as 2015-06-30",
    "date_type": "{} must be a day, such as 2015-06-30",
    "value_error": "{error}",
}
"""Sentences for pydantic's error types; values come from our own constraints, never from the input."""


def add_error_handlers(app: FastAPI, metrics: ServiceMetrics) -> None:
    """Have an application answer its errors with sentences."""

    def refuse(refusal: Refusal) -> Response:
        metrics.rejected.labels(refusal.reason).inc()
        return Response(
            error_body(refusal.sentence), refusal.status, refusal.headers, media_type="application/json"
        )

    async def refused(_: Request, error: Exception) -> Response:
        return refuse(error if isinstance(error, Refusal) else Refusal(500, FAILED))

    async def misused(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        sentence = _BY_STATUS.get(error.status_code, "the request cannot be answered")
        return refuse(Refusal(error.status_code, sentence, "http", error.headers))

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return refuse(validation_refusal(error.errors()))

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(HTTPException, misused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, refused)


def validation_refusal(errors: Sequence[Any]) -> Refusal:
    """400 for what is no JSON, 422 or 413 with the first error of a body that does not fit."""
    first = errors[0]
    if first["type"] == "json_invalid":
        return Refusal(400, _BY_STATUS[400], "json")
    place = [part for part in first["loc"] if part != "body"]
    if first["type"] == "extra_forbidden":
        place = place[:-1]  # the name of the field is the client's
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    sentence = _BY_TYPE.get(first["type"], "{} is not valid")
    status = 413 if first["type"] == "too_long" else 422
    return Refusal(status, sentence.format(named or "the body", **first.get("ctx", {})), "invalid")
