"""One zipped TSV file as a stream of bytes; a damaged or unexpected zip is a DataError with a `reason`."""

from __future__ import annotations

import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from patent_spark.core.errors import DataError
from patent_spark.stages.ingest.inflate import Stream, open_stream

_ENCRYPTED = 0x1
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_OTHER_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd"}


class Member(io.RawIOBase):
    """The single member of a zip, inflated while it is read, on a thread of pyarrow's reader."""

    def __init__(
        self, path: Path, member: zipfile.ZipInfo, stream: Stream, on_read: Callable[[int], None]
    ) -> None:
        self.path, self.size = path, member.file_size
        self._stream, self._on_read = stream, on_read

    def readable(self) -> bool:
        """True: it is read once, from the start."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the TSV; raises DataError where the zip is damaged.

        The checksum is checked at the end.
        """
        with _zip_errors(self.path):
            data = self._stream.read(size)
        self._on_read(len(data))
        return data


@contextmanager
def open_member(path: Path, on_read: Callable[[int], None] = lambda size: None) -> Iterator[Member]:
    """The TSV file in a zip; `on_read` is called with the number of bytes of each read.

    Raises DataError unless the file is a complete zip with one unencrypted member that is not empty.
    """
    with ExitStack() as stack:
        # Not around the yield: the caller's errors are not the zip's.
        with _zip_errors(path):
            archive = stack.enter_context(zipfile.ZipFile(path))
            member = _only_member(path, archive)
            stream = stack.enter_context(open_stream(archive, member))
        yield Member(path, member, stream, on_read)


def size_of(path: Path) -> int:
    """Bytes of the TSV file in a zip, from the zip's directory."""
    with _zip_errors(path), zipfile.ZipFile(path) as archive:
        return _only_member(path, archive).file_size


def crc_of(path: Path) -> int:
    """Checksum (CRC-32) of the TSV file in a zip, from the zip's directory."""
    with _zip_errors(path), zipfile.ZipFile(path) as archive:
        return _only_member(path, archive).CRC


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    member = _table_in(path, archive)
    if member.flag_bits & _ENCRYPTED:
        raise DataError(
            f"{path}: {member.filename} is encrypted; the files of a release have no password",
            file=path.name,
            reason="encrypted",
        )
    if not member.file_size:
        raise DataError(f"{path}: {member.filename} is empty (0 bytes)", file=path.name, reason="empty")
    if member.compress_type not in _METHODS:
        method = _OTHER_METHODS.get(member.compress_type, f"method {member.compress_type}")
        raise DataError(
            f"{path} is compressed with {method}, which cannot be read here; unpack it and zip it again with "
            "the method Deflate (7-Zip: -mm=Deflate)",
            file=path.name,
            reason=method,
        )
    return member


def _table_in(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The only file, or the only TSV file: some zips hold a licence or a description beside it."""
    members = [each for each in archive.infolist() if not (each.is_dir() or _is_hidden(each.filename))]
    tables = [each for each in members if each.filename.lower().endswith(".tsv")]
    if len(tables) == 1:
        return tables[0]
    if len(members) != 1:
        names = ", ".join(member.filename for member in members[:5])
        raise DataError(
            f"{path} holds {len(members)} files{f' ({names})' if names else ''}; one TSV file is expected",
            file=path.name,
            members=len(members),
        )
    return members[0]


def _is_hidden(name: str) -> bool:
    """What macOS and file managers add: __MACOSX/, .DS_Store, ._g_patent.tsv."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith(".")


@contextmanager
def _zip_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        reason, details = _diagnose(path, error)
        raise DataError(f"{path}: {reason}{details}", file=path.name, reason=reason) from error
    except OSError as error:
        why = error.strerror or str(error)
        if path.is_symlink() and not path.exists():
            why = f"it is a link to {path.readlink()}, which does not exist"
        raise DataError(f"{path} cannot be read: {why}", file=path.name) from error


def _diagnose(path: Path, error: Exception) -> tuple[str, str]:
    """The reason why a zip cannot be read, and details with what to do."""
    again = "; download it again"
    if isinstance(error, NotImplementedError):
        return "unsupported compression method", again
    with path.open("rb") as file:
        start = file.read(200)
    if not start:
        return "empty file", f" (0 bytes){again}"
    if not start.startswith(b"PK"):
        return "not a zip file", _what_it_is(start) or again
    if "not a zip file" in str(error) or isinstance(error, EOFError):
        return "truncated zip file", again
    return "corrupt zip file", f" ({error}){again}"


def _what_it_is(start: bytes) -> str:
    """What a file is instead of a zip; empty when its first bytes do not tell."""
    if start.startswith(b"\x1f\x8b"):
        return ", but a gzip file; unpack it and zip the TSV file"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return ", but a web page, such as a server's message; download the file again"
    if b"\t" in start and b"\0" not in start:
        return ", but a text file; zip it"
    return ""
