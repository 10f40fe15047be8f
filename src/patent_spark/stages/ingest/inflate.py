"""A deflated member of a zip, inflated by ISA-L: three times as fast as the standard library's zlib."""

from __future__ import annotations

import copy
import zipfile
from contextlib import AbstractContextManager
from typing import Protocol

from isal import igzip_lib, isal_zlib

_CHUNK = 1 << 20


class Stream(Protocol):
    """A stream of bytes, read once from the start."""

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, or all the remaining ones; fewer only at the end."""


def open_stream(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> AbstractContextManager[Stream]:
    """The bytes of a member. The standard library reads members that are not deflated."""
    return Inflated(archive, member) if member.compress_type == zipfile.ZIP_DEFLATED else archive.open(member)


class Inflated:
    """The bytes of a deflated member, read once from the start.

    Raises BadZipFile or EOFError where the zip is damaged.
    """

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
        # The same place in the zip, as if the compressed bytes were the content.
        packed = copy.copy(member)
        packed.compress_type, packed.file_size = zipfile.ZIP_STORED, member.compress_size
        del packed.CRC
        self._packed = archive.open(packed)
        self._name, self._expected = member.filename, member.CRC
        self._inflater = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)
        self._sum = 0

    def read(self, size: int = -1) -> bytes:
        """See Stream; compares the checksum at the end."""
        parts = []
        while size and not self._inflater.eof:
            part = self._inflate(size)
            self._sum = isal_zlib.crc32(part, self._sum)
            size -= len(part)
            parts.append(part)
        if self._inflater.eof and self._sum != self._expected:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self._name!r}")
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def __enter__(self) -> Inflated:
        return self

    def __exit__(self, *_: object) -> None:
        self._packed.close()

    def _inflate(self, size: int) -> bytes:
        packed = self._packed.read(_CHUNK) if self._inflater.needs_input else b""
        if self._inflater.needs_input and not packed:
            raise zipfile.BadZipFile(f"the compressed data of {self._name!r} has no end")
        try:
            return self._inflater.decompress(packed, size)
        except igzip_lib.error as error:  # type: ignore[misc]  # its stub declares an instance
            raise zipfile.BadZipFile(str(error)) from error
