"""Inflating a zip's member: the bytes of the standard library, however they are read, and its errors."""

import io
import random
import zipfile

import pytest

from patent_spark.stages.ingest.inflate import open_stream

LINES = "".join(f"{i}\t{random.Random(i).random()}\n" for i in range(100_000)).encode()


def zipped(content, packing=zipfile.ZIP_DEFLATED, level=6):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing, compresslevel=level) as archive:
        archive.writestr("g_patent.tsv", content)
    return file


def read(file, size):
    with zipfile.ZipFile(file) as archive, open_stream(archive, archive.infolist()[0]) as stream:
        parts = [stream.read(size)]
        while parts[-1]:
            parts.append(stream.read(size))
        return parts


@pytest.mark.parametrize("size", [1 << 12, 333_333, len(LINES), 1 << 24, -1])
@pytest.mark.parametrize("level", [1, 9])
def test_reads_are_full_up_to_the_end(size, level):
    parts = read(zipped(LINES, level=level), size)
    assert b"".join(parts) == LINES
    assert all(len(part) == size for part in parts[:-2])


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2])
def test_other_packings(packing):
    assert b"".join(read(zipped(LINES, packing), 1 << 20)) == LINES


def test_a_wrong_checksum():
    file = zipped(LINES)
    content = bytearray(file.getvalue())
    content[content.index(b"PK\x01\x02") + 16] ^= 1
    with pytest.raises(zipfile.BadZipFile, match=r"CRC-32.*g_patent\.tsv"):
        read(io.BytesIO(content), 1 << 20)


def test_compressed_data_that_stops_early():
    file = zipped(LINES)
    content = bytearray(file.getvalue())
    place = content.index(b"PK\x01\x02") + 20  # the compressed size
    content[place : place + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(zipfile.BadZipFile, match=r"g_patent\.tsv"):
        read(io.BytesIO(content), 1 << 20)
