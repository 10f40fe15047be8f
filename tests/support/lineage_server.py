"""A server on loopback that takes OpenLineage events as Marquez does, and keeps them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LineageServer:
    """Use as a context manager. status: what it answers."""

    def __init__(self, status: int = 201) -> None:
        self.events: list[dict[str, Any]] = []
        self.paths: set[str] = set()
        self.status = status

    def __enter__(self) -> LineageServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.paths.add(self.path)
                server.events.append(json.loads(body))
                self.send_response(server.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """For OPENLINEAGE_URL."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def of(self, stage: str) -> list[dict[str, Any]]:
        """The events of a stage, in the order in which they came."""
        return [event for event in self.events if event["job"]["name"].endswith(f".{stage}")]
