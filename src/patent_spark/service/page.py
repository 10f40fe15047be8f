"""The page for analysts, and the page that describes the API. Nothing is loaded from elsewhere."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from fastapi import APIRouter, FastAPI, Response

from patent_spark import __version__
from patent_spark.config import Service
from patent_spark.service.access import TOKEN

_CACHED = {"Cache-Control": "no-cache"}


def page_router(settings: Service, app: FastAPI, needs_token: bool) -> APIRouter:
    """The routes of pages and their files; they are made once."""
    router = APIRouter(include_in_schema=False)
    page = _rendered(
        "page.html",
        version=__version__,
        needs_token=needs_token,
        token_name=TOKEN,
        max_characters=settings.max_characters,
        max_file_mb=settings.max_file_kb // 1024,
        max_file_rows=settings.max_file_rows,
    )
    files = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
    contents = {name: _text(name).encode() for name in files}

    @router.get("/")
    async def start() -> Response:
        return Response(page, media_type="text/html", headers=_CACHED)

    def add_file(name: str, media_type: str) -> None:
        @router.get(f"/{name}")
        async def file() -> Response:
            return Response(contents[name], media_type=media_type, headers=_CACHED)

    for name, media_type in files.items():
        add_file(name, media_type)

    @router.get("/docs")
    async def docs() -> Response:
        return Response(docs_page(app), media_type="text/html")

    return router


def docs_page(app: FastAPI) -> str:
    """The routes of an application as HTML."""
    described = app.openapi()
    routes = [
        {"method": method.upper(), "path": path, "about": about, "schema": _body_schema(described, about)}
        for path, methods in described["paths"].items()
        for method, about in methods.items()
    ]
    return _rendered(
        "docs.html", version=__version__, routes=routes, schemas=described["components"]["schemas"]
    )


def _body_schema(described: dict[str, Any], about: dict[str, Any]) -> dict[str, Any] | None:
    """The record of a JSON body."""
    content = about.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    record: dict[str, Any] = described["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    return record


def _text(name: str) -> str:
    return (resources.files("patent_spark.service") / "templates" / name).read_text()


def _rendered(template: str, **content: Any) -> str:
    from jinja2 import DictLoader, Environment, StrictUndefined

    names = ("frame.html", "page.html", "docs.html")
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=DictLoader({name: _text(name) for name in names}),
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=1)
    return environment.get_template(template).render(**content)
