"""An S3 server on loopback that goes wrong when told to: moto, behind a layer of faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

import boto3
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "patents"
KEYS = {"AWS_ACCESS_KEY_ID": "test-key", "AWS_SECRET_ACCESS_KEY": "test-secret"}

Environ = dict[str, Any]


@dataclass
class ObjectServer:
    """One server; tests add faults to it, which stay until they are cleared."""

    address: str = ""
    requests: list[str] = field(default_factory=list)
    """Method and path of each request."""
    refusals: list[tuple[Callable[[str, str], bool], int, str]] = field(default_factory=list)
    """Whether a request (method, path) is refused, with which status and code."""
    cuts: list[tuple[str, int]] = field(default_factory=list)
    """End of the path, and how many more answers to it are cut in the middle."""
    ignored_headers: set[str] = field(default_factory=set)
    """Of requests; a server without conditional writes ignores HTTP_IF_MATCH and HTTP_IF_NONE_MATCH."""

    def refuse(self, method: str, part: str, status: int = 400, code: str = "InternalError") -> None:
        """Refuse requests of a method whose path has this part; after 500 clients would ask again."""
        self.refusals.append((lambda its, path: its == method and part in path, status, code))

    def clear(self) -> None:
        """Answer well again."""
        self.refusals.clear()
        self.cuts.clear()
        self.ignored_headers.clear()
        self.requests.clear()

    def client(self) -> Any:
        """A client of its own, to look at and to change what is stored."""
        return boto3.client(
            "s3",
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="other",
            aws_secret_access_key="other",
        )

    def stored(self, address: str) -> list[str]:
        """All keys below s3://bucket/prefix, relative to it."""
        prefix = address.removeprefix(f"s3://{BUCKET}/") + "/"
        listed = self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"].removeprefix(prefix) for each in listed.get("Contents", [])]


class _Faults:
    def __init__(self, server: ObjectServer) -> None:
        self._server, self._moto = server, DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: Environ, start: Callable[..., Any]) -> Any:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self._server.requests.append(f"{method} {path}")
        for refused, status, code in self._server.refusals:
            if refused(method, path):
                start(f"{status} {code}", [("Content-Type", "application/xml")])
                return [f"<Error><Code>{escape(code)}</Code><Message>no</Message></Error>".encode()]
        for header in self._server.ignored_headers:
            environ.pop(header, None)
        body = self._moto(environ, start)
        for index, (end, times) in enumerate(self._server.cuts):
            if method == "GET" and path.endswith(end) and times:
                self._server.cuts[index] = (end, times - 1)
                whole = b"".join(body)
                return [whole[: len(whole) // 2]]
        return body


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None:
        """Nothing on stderr."""


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """A server with an empty bucket, on a free port of loopback."""
    server = ObjectServer()
    http = make_server("127.0.0.1", 0, _Faults(server), threaded=True, request_handler=_Quiet)
    server.address = f"http://127.0.0.1:{http.server_port}"
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        server.client().create_bucket(Bucket=BUCKET)
        yield server
    finally:
        http.shutdown()
