"""One zipped TSV file as a stream of bytes; whatever is wrong with the zip is one clear DataError."""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.inflate import Stream, open_stream

_ENCRYPTED = 0x1
_HEADER_BYTES = 1 << 16


class Member(io.RawIOBase):
    """The single member of a zip, inflated as it is read; pyarrow's reader calls `read` on a thread of its own."""

    def __init__(
        self, path: Path, member: zipfile.ZipInfo, stream: Stream, on_read: Callable[[int], None]
    ) -> None:
        self.path, self.size = path, member.file_size
        self._stream, self._on_read = stream, on_read

    def readable(self) -> bool:
        """Always: it is read once, from its beginning."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the TSV; raises DataError where the zip is damaged (the checksum is checked at its end)."""
        with _named_errors(self.path):
            data = self._stream.read(size)
        self._on_read(len(data))
        return data


@contextmanager
def open_member(path: Path, on_read: Callable[[int], None] = lambda size: None) -> Iterator[Member]:
    """The TSV file in a zip; `on_read` is told the number of bytes of each read.

    Raises DataError for what is not a whole zip with one unencrypted member that has content.
    """
    with ExitStack() as stack:
        with _named_errors(path):  # not around the yield: what goes wrong there is not the zip's fault
            archive = stack.enter_context(zipfile.ZipFile(path))
            member = _only_member(path, archive)
            stream = stack.enter_context(open_stream(archive, member))
        yield Member(path, member, stream, on_read)


def size_of(path: Path) -> int:
    """Bytes of the TSV file in a zip, from the zip's directory."""
    with _named_errors(path), zipfile.ZipFile(path) as archive:
        return _only_member(path, archive).file_size


def header_of(path: Path) -> list[str]:
    """The column names in the first line of the TSV file in a zip; raises DataError."""
    with open_member(path) as member:
        line = member.read(_HEADER_BYTES).partition(b"\n")[0]
    try:
        names = line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: the header is not UTF-8 (byte {error.start})") from error
    return next(csv.reader([names], delimiter="\t"), [])


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:5])
        raise DataError(
            f"{path} holds {len(members)} files{f' ({names})' if names else ''}; one TSV file is expected"
        )
    member = members[0]
    if member.flag_bits & _ENCRYPTED:
        raise DataError(f"{path}: {member.filename} is encrypted; a release's files have no password")
    if not member.file_size:
        raise DataError(f"{path}: {member.filename} is empty (0 bytes)")
    return member


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise DataError(f"{path} {_what_is_wrong(path, error)}; download it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _what_is_wrong(path: Path, error: Exception) -> str:
    if isinstance(error, NotImplementedError):
        return "is packed in a way that is not supported"
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        return "is empty (0 bytes)"
    if not start.startswith(b"PK"):
        return "is not a zip file"
    if "not a zip file" in str(error) or isinstance(error, EOFError):
        return "is a truncated zip file"
    return f"is a corrupt zip file ({error})"
