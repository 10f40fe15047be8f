"""A server on loopback that answers like the Open Data Portal, Zenodo and the storage that they redirect to.

It remembers each request, and does to the files of a release what networks and servers do.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

PRODUCTS = "/api/v1/datasets/products"
RECORDS = "/api/records"
_BLOCK = 1 << 16


@dataclass
class Request:
    """What a client sent."""

    host: str
    path: str
    headers: dict[str, str]


@dataclass
class Answer:
    """A fixed answer, instead of what was asked for."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Faults:
    """What happens to the requests for files. Counts go down with each request that they touch."""

    cut_after: int | None = None
    """Close the connection after so many bytes of a body."""
    pause: float = 0.0
    """Seconds between two blocks of 64 KiB."""
    answers: list[Answer] = field(default_factory=list)
    """Given to the next requests, one each."""
    redirect: str = ""
    """Send file requests to the storage at this host, such as localhost."""
    change_after: int | None = None
    """After so many requests for it, a file has another content and another ETag."""
    ignore_range: bool = False
    wrong_etag: bool = False
    """Answer a range of the changed file with 206, though If-Range names the old one."""
    no_validators: bool = False


class ReleaseServer:
    """Use as a context manager. files: content by name."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.faults = dict(files), Faults()
        self.changed: dict[str, bytes] = {}
        self.days = dict.fromkeys(files, "2025-09-30")
        self.released = dict.fromkeys(files, "2026-04-10 08:01:00")
        self.sizes: dict[str, int] = {}
        """Sizes that the metadata claims, where they are wrong."""
        self.checksums: dict[str, str] = {}
        """MD5 checksums that the metadata claims, where they are wrong."""
        self.metadata_answers: list[Answer] = []
        self.requests: list[Request] = []
        self._served: dict[str, int] = {}

    def __enter__(self) -> ReleaseServer:
        server = self

        class Handler(_Handler):
            owner = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def odp(self) -> str:
        """source.url for source.kind=odp."""
        return f"http://127.0.0.1:{self.port}{PRODUCTS}"

    @property
    def zenodo(self) -> str:
        """source.url for source.kind=zenodo."""
        return f"http://127.0.0.1:{self.port}{RECORDS}"

    def file_requests(self, name: str = "") -> list[Request]:
        """Requests for a file, or for any, wherever they were sent."""
        return [
            each
            for each in self.requests
            if ("/files/" in each.path or "/storage/" in each.path) and name in each.path
        ]

    def content(self, name: str) -> bytes:
        """What a file is now."""
        after = self.faults.change_after
        old = after is None or self._served.get(name, 0) <= after
        return self.files[name] if old else self.changed[name]


class _Handler(BaseHTTPRequestHandler):
    owner: ReleaseServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.owner.requests.append(Request(self.headers["Host"], self.path, dict(self.headers.items())))
        name = next((part for part in path.split("/") if part.endswith(".zip")), None)
        try:
            if name is None:
                self._metadata(path)
            else:
                self._file(name, "/storage/" in path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _metadata(self, path: str) -> None:
        if self.owner.metadata_answers:
            return self._answer(self.owner.metadata_answers.pop(0))
        if path.startswith(RECORDS):
            return self._json(self._zenodo())
        product = path.rpartition("/")[2]
        claims = product == "PVGPATTXT"
        files = [name for name in self.owner.files if ("claims" in name) == claims]
        return self._json(self._odp(product, files))

    def _odp(self, product: str, files: list[str]) -> dict[str, object]:
        described = [
            {
                "fileName": name,
                "fileSize": self.owner.sizes.get(name, len(self.owner.files[name])),
                "fileDataFromDate": "1976-01-01",
                "fileDataToDate": self.owner.days[name],
                "fileTypeText": "Data",
                "fileDownloadURI": f"https://data.uspto.gov/files/{product}/{name}",
                "fileReleaseDate": self.owner.released.get(name, "2026-04-10 08:01:00"),
            }
            for name in files
        ]
        bag = {"count": len(described), "fileDataBag": described}
        return {"count": 1, "bulkDataProductBag": [{"productIdentifier": product, "productFileBag": bag}]}

    def _zenodo(self) -> dict[str, object]:
        files = [
            {
                "id": name,
                "key": name,
                "size": self.owner.sizes.get(name, len(content)),
                "checksum": "md5:" + self.owner.checksums.get(name, hashlib.md5(content).hexdigest()),
            }
            for name, content in self.owner.files.items()
        ]
        return {"id": 15058362, "metadata": {"publication_date": "2025-03-20"}, "files": files}

    def _file(self, name: str, storage: bool) -> None:
        faults = self.owner.faults
        if faults.answers:
            return self._answer(faults.answers.pop(0))
        if faults.redirect and not storage:
            place = f"http://{faults.redirect}:{self.owner.port}/storage/{name}?signature=sesame"
            return self._answer(Answer(302, {"Location": place}))
        self.owner._served[name] = self.owner._served.get(name, 0) + 1
        content = self.owner.content(name)
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range") in (etag, _MODIFIED) or faults.wrong_etag
        start = int(match[1]) if match and same and not faults.ignore_range else 0
        if match and start >= len(content):
            return self._answer(Answer(416, {"Content-Range": f"bytes */{len(content)}"}))
        self._send_body(content, start, etag, partial=start > 0)
        return None

    def _send_body(self, content: bytes, start: int, etag: str, partial: bool) -> None:
        faults, body = self.owner.faults, content[start:]
        self.send_response(206 if partial else 200)
        self.send_header("Content-Type", "application/zip")
        self.send_header("Content-Length", str(len(body)))
        if not faults.no_validators:
            self.send_header("ETag", etag)
            self.send_header("Last-Modified", _MODIFIED)
        if partial:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        end = len(body) if faults.cut_after is None else faults.cut_after
        for place in range(0, min(end, len(body)), _BLOCK):
            self.wfile.write(body[place : min(place + _BLOCK, end)])
            if faults.pause:
                time.sleep(faults.pause)
        if end < len(body):
            self.close_connection = True

    def _json(self, values: object) -> None:
        self._answer(Answer(200, {"Content-Type": "application/json"}, json.dumps(values).encode()))

    def _answer(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


_MODIFIED = formatdate(1_775_000_000, usegmt=True)


def release_files(folder: Path) -> dict[str, bytes]:
    """The zip files of a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.zip"))}
