"""One file from a source to this disk: it goes on where it was cut, and appears only when it is intact.

    <name>.part        what has arrived
    <name>.part.json   which file that is: its address and the ETag or date that the source gave

A cut connection is followed by a request for the rest. If-Range makes the source send the whole file when it
has changed meanwhile; then the download begins anew.
"""

from __future__ import annotations

import enum
import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

from requests import Response

from patent_spark.core.errors import DataError
from patent_spark.core.files import write_json
from patent_spark.core.progress import say
from patent_spark.sources.errors import SourceError
from patent_spark.sources.http import Body, Client, host, without_query
from patent_spark.sources.ledger import fsync_folder
from patent_spark.sources.release import ReleaseFile
from patent_spark.sources.verify import require_intact


class _End(enum.Enum):
    COMPLETE, CUT, CHANGED = range(3)


class Transfer:
    """The download of one file to `path`.

    charge: called before each request to the source's own address (see Ledger). advance: told the bytes that
    arrived; less than 0 when the download begins anew.
    """

    def __init__(
        self,
        client: Client,
        file: ReleaseFile,
        path: Path,
        charge: Callable[[], None],
        advance: Callable[[int], None],
    ) -> None:
        self._client, self._file, self._path = client, file, path
        self._charge, self._advance = charge, advance
        self._part, self._note = part_of(path), path.with_name(f"{path.name}.part.json")
        self._address, self._size, self._received = file.url, file.size, 0

    def run(self, resumes: int) -> None:
        """Fetch, check and publish the file.

        Goes on after at most `resumes` cuts, each of which must have brought some bytes. Raises SourceError,
        which keeps what has arrived for the next call, or DataError for a file that is not intact.
        """
        for left in range(resumes, -1, -1):
            end = self._attempt()
            if end is _End.COMPLETE:
                return self._finish()
            if end is _End.CUT and (not self._received or not left):
                break
            what = "changed at the source; it begins anew" if end is _End.CHANGED else "was cut; it goes on"
            say(f"  {self._file.name} {what} ({self._offset():,} bytes are here)")
        raise SourceError(
            f"{self._file.name}: the connection to {host(self._address)} ended early "
            f"{resumes - left + 1} times (source.resumes); run `patent-spark download` again "
            f"to go on at byte {self._offset():,}",
            file=self._file.name,
            host=host(self._address),
        )

    def _attempt(self) -> _End:
        """One request, from the first byte that is missing."""
        self._received, offset, validator = 0, self._offset(), self._validator()
        if offset and (validator is None or (self._size is not None and offset > self._size)):
            self._begin_anew()
            offset = 0
        if offset and offset == self._size:
            return _End.COMPLETE
        headers = {"Range": f"bytes={offset}-", "If-Range": validator or ""} if offset else {}
        direct = self._address != self._file.url
        try:
            with self._client.open(self._address, headers, (lambda: None) if direct else self._charge) as got:
                return self._receive(got, offset)
        except SourceError as error:
            if not (direct and error.facts.get("status") in (401, 403, 404, 410)):
                raise
        self._address = self._file.url  # the address that we were redirected to is no longer valid
        return self._attempt()

    def _receive(self, response: Response, offset: int) -> _End:
        if response.status_code == 416 or (response.status_code == 206 and not self._fits(response, offset)):
            self._begin_anew()
            return _End.CHANGED
        self._check_answer(response)
        if response.status_code == 200:
            self._begin_anew()
            write_json(self._note, {"url": without_query(self._file.url), **_identity(response)})
        if host(response.url) != host(self._file.url):
            self._address = response.url  # a cut goes on there, which costs nothing of the budget
        ended = self._write(response)
        return _End.COMPLETE if ended and self._size in (None, self._offset()) else _End.CUT

    def _check_answer(self, response: Response) -> None:
        """Raise before the body is read when it cannot be the file."""
        kind = response.headers.get("Content-Type", "")
        if kind.startswith(("text/html", "application/json")):
            raise SourceError(
                f"{self._file.name}: {host(response.url)} answered {kind} and no zip file; "
                "is a login page or a proxy in the way?",
                file=self._file.name,
                content_type=kind,
            )
        length = response.headers.get("Content-Length", "")
        if response.status_code == 200 and length.isdigit():
            if self._size is not None and int(length) != self._size:
                raise DataError(
                    f"{self._file.name}: {host(response.url)} sends {int(length):,} bytes, but its "
                    f"metadata says {self._size:,}; run `patent-spark download` later, when both agree",
                    file=self._file.name,
                    size=int(length),
                    expected=self._size,
                )
            self._size = int(length)

    def _write(self, response: Response) -> bool:
        """Append the body; returns whether it came to its end. Raises SourceError for a full disk."""
        body = Body(response)
        try:
            with self._part.open("ab") as part:
                for block in body:
                    part.write(block)
                    self._received += len(block)
                    self._advance(len(block))
                part.flush()
                os.fsync(part.fileno())
            return body.ended
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise SourceError(
                f"{self._part}: {error.strerror}; "
                + ("free some space or set source.downloads, then " if full else "")
                + f"run `patent-spark download` again to go on at byte {self._offset():,}",
                file=self._file.name,
                setting="source.downloads",
            ) from error

    def _fits(self, response: Response, offset: int) -> bool:
        """Whether a 206 is the rest of the same file."""
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
        if match is None or int(match[1]) != offset:
            return False
        if match[3] != "*":
            if self._size is not None and int(match[3]) != self._size:
                return False
            self._size = int(match[3])
        before, now = self._read_note(), _identity(response)
        return all(now[name] in ("", before.get(name)) for name in now)

    def _finish(self) -> None:
        try:
            require_intact(self._part, self._file)
        except DataError:
            self._begin_anew()
            raise
        self._part.replace(self._path)
        self._note.unlink(missing_ok=True)
        fsync_folder(self._path.parent)

    def _offset(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _validator(self) -> str | None:
        """What If-Range names: a strong ETag, else the date; None when a rest cannot be asked for safely."""
        note = self._read_note()
        if note.get("url") != without_query(self._file.url):
            return None
        etag = note.get("etag", "")
        return (etag if etag and not etag.startswith("W/") else note.get("last_modified")) or None

    def _read_note(self) -> dict[str, str]:
        try:
            values = json.loads(self._note.read_text())
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _begin_anew(self) -> None:
        self._advance(-self._offset())
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file's bytes are collected until they are complete."""
    return path.with_name(f"{path.name}.part")


def _identity(response: Response) -> dict[str, str]:
    return {
        "etag": response.headers.get("ETag", ""),
        "last_modified": response.headers.get("Last-Modified", ""),
    }
