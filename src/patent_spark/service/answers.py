"""What the service answers, as records: the OpenAPI description is made from them."""

from __future__ import annotations

from typing import Any

from patent_spark.core.metadata import Record
from patent_spark.inference.prediction.records import Prediction


class ErrorAnswer(Record):
    """Every error."""

    error: str
    """One sentence."""


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": about}
    for status, about in {
        400: "No valid JSON in UTF-8",
        401: "No token, or a wrong one",
        408: "The body took too long to arrive",
        413: "Too many bytes, documents or characters",
        415: "Another Content-Type",
        422: "A field is missing, unknown or of another type",
        503: "Too busy; Retry-After says when to try again",
    }.items()
}
"""Errors of every route that takes a body, as FastAPI describes them."""


class PredictAnswer(Record):
    """One prediction a document, in the order of the request."""

    predictions: list[Prediction]


class StateAnswer(Record):
    """Whether the service is there."""

    status: str


class ModelAnswer(Record):
    """The version of a model that answers for a task."""

    task: str
    name: str
    version: str
    release_id: str
    identity: str


class RefusedVersion(Record):
    """A new champion that did not take over."""

    name: str
    version: str
    reason: str
    at: str
    """UTC."""


class RegistryAnswer(Record):
    """What is known of the registry."""

    polled_s: float | None
    """Seconds between two looks; null: the models are fixed."""
    last_look: str | None
    """UTC; null before the first look."""
    answers: bool | None
    """Whether it answered the last look."""
    refused: list[RefusedVersion]
    """The newest champion of each model that was refused and is still the champion."""


class VersionAnswer(Record):
    """The service and its models."""

    service: str
    models: list[ModelAnswer]
    since: str
    """When these models took over (UTC)."""
    registry: RegistryAnswer


class FileAnswer(Record):
    """A CSV file that is scored."""

    id: str
    state: str
    """running, done or failed."""
    rows: int
    scored: int
    error: str | None
    """Of a failed one, in one sentence."""
