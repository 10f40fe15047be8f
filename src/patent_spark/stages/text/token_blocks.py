"""TOKENS in blocks of patent keys: only blocks with a new or changed text are tokenised.

Hashing a text takes a tenth of the time of tokenising it.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from patent_spark.core import key_ranges, tokenization
from patent_spark.core.code_version import code_digest
from patent_spark.core.key_ranges import KeyRange, key_block
from patent_spark.core.progress import Progress
from patent_spark.core.schemas import TOKENS
from patent_spark.core.store import location
from patent_spark.core.tokenization import texts_of, tokens

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from patent_spark.core.context import StageContext

_BLOCK = "block"
_LOW = 0xFFFFFFFF


def write_tokens(
    context: StageContext, ranges: Sequence[KeyRange], patents: DataFrame, others: Sequence[DataFrame]
) -> None:
    """Write TOKENS: blocks whose texts an earlier version had are taken over from it.

    ranges: of the keys of `patents`. others: a frame for each of text.fields but the title, with patent_key
    (unique) and that field.
    """
    with Progress("tokens", sum(keys.rows for keys in ranges), "patents") as bar:
        for keys in ranges:
            _write_range(context, keys.of(patents), [keys.of(other) for other in others])
            bar.update(keys.rows)
    if not any(context.draft.path(TOKENS.name).iterdir()):
        context.write(tokens(patents, context.config.text.fields, others), TOKENS.name)


def _write_range(context: StageContext, patents: DataFrame, others: Sequence[DataFrame]) -> None:
    fields = context.config.text.fields
    code, digests = code_digest(tokenization.__name__), text_digests(texts_of(patents, others), fields)
    keys = {block: [code, fields, key_ranges.BLOCK_BITS, block, digest] for block, digest in digests.items()}
    new = [block for block, key in keys.items() if context.parts.reuse(TOKENS.name, key) is None]
    if new:
        only = new if len(new) < len(keys) else None
        written = _written(context, patents, others, only)
        for block in new:
            context.parts.add(TOKENS.name, keys[block], written[block])


def text_digests(texts: DataFrame, fields: Sequence[str]) -> dict[int, list[int]]:
    """Digest of the texts of each block, whatever their order: their number, and two sums of their hashes."""
    hashed = F.xxhash64("patent_key", "patent_id", F.concat_ws(" ", *fields))
    sums = texts.groupBy(key_block().alias(_BLOCK)).agg(
        F.count("*").alias("patents"),
        # In halves, so that no sum overflows.
        F.sum(hashed.bitwiseAND(F.lit(_LOW))).alias("low"),
        F.sum(F.shiftright(hashed, 32)).alias("high"),
    )
    return {row[_BLOCK]: [row["patents"], row["low"], row["high"]] for row in sums.collect()}


def _written(
    context: StageContext, patents: DataFrame, others: Sequence[DataFrame], only: Iterable[int] | None
) -> dict[int, list[Path]]:
    """Tokenise the patents of some blocks (None: of all); returns the files of each block."""

    def chosen(frame: DataFrame) -> DataFrame:
        return frame if only is None else frame.where(key_block().isin(list(only)))

    folder = context.draft.directory / "token-blocks"
    words = tokens(chosen(patents), context.config.text.fields, [chosen(other) for other in others])
    by_block = words.withColumn(_BLOCK, key_block()).repartition(_BLOCK)
    by_block.write.partitionBy(_BLOCK).parquet(location(folder))
    files = defaultdict[int, list[Path]](list)
    for block, file in _files_of_blocks(folder):
        target = context.draft.path(TOKENS.name) / f"block-{block}-{len(files[block])}.parquet"
        files[block].append(file.rename(target))
    shutil.rmtree(folder, ignore_errors=True)
    return files


def _files_of_blocks(folder: Path) -> Iterator[tuple[int, Path]]:
    for file in sorted(folder.glob(f"{_BLOCK}=*/*.parquet")):
        yield int(file.parent.name.partition("=")[2]), file
