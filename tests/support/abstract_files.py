"""A file of abstracts, written as it stands and read block by block."""

from patent_spark.stages.ingest.file_formats import CURRENT
from patent_spark.stages.ingest.tsv import read_blocks
from patent_spark.stages.ingest.zip_reader import open_member
from tests.support.releases import write_zip

ABSTRACTS = next(format_ for format_ in CURRENT if format_.table == "ABSTRACTS")
HEADER = '"patent_id"\t"patent_abstract"\n'


def read(folder, content, block_bytes=1 << 20):
    """(id, text) of the kept rows, the rejected ones with their numbers, and the number of lost rows.

    Content: characters up to U+00FF, each of which is written as one byte.
    """
    with open_member(write_zip(folder, "g_patent_abstract", content.encode("latin-1"))) as member:
        blocks = list(read_blocks(member, ABSTRACTS, block_bytes))
    kept = [
        row
        for block in blocks
        for row in zip(
            block.columns["patent_id"].to_pylist(), block.columns["abstract"].to_pylist(), strict=True
        )
    ]
    rejected = [(reject.row, reject.reason) for block in blocks for reject in block.malformed]
    return kept, rejected, sum(block.lost for block in blocks)


def rows(*texts, first=1):
    """A line for each text, which stands between quotes as it is; ids 4000001, 4000002, ..."""
    return "".join(f'"{4_000_000 + i}"\t"{text}"\n' for i, text in enumerate(texts, first))
