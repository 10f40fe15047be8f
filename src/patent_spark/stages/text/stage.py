"""Stage text: TOKENS, VOCABULARY, VECTORS and KEYED_VECTORS/vectors.kv."""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from pyspark.sql import functions as F

from patent_spark.config import Config, digest
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.key_ranges import KeyRange, key_ranges
from patent_spark.core.metadata import SplitMetadata, TextMetadata
from patent_spark.core.schemas import is_test
from patent_spark.core.shuffle import read_shuffled, write_shuffled
from patent_spark.core.store import parquet_size
from patent_spark.core.tokenization import claims_per_patent
from patent_spark.stages.text.fit import write_vectors
from patent_spark.stages.text.skipgram import CorpusFile, write_corpus
from patent_spark.stages.text.token_blocks import write_tokens
from patent_spark.stages.text.tokens import keep_training_texts, vocabulary, with_relatives

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def run(context: StageContext) -> None:
    """Fit the vocabulary and word vectors; raises DataError when no word is frequent enough."""
    text, path = context.config.text, context.draft.path
    ranges = key_ranges(context.read("PATENTS"))
    training = _training_texts(context, ranges)
    context.write(vocabulary(training, text), "VOCABULARY", files=1)
    words = pq.read_table(path("VOCABULARY")).sort_by("id")
    if not words.num_rows:
        raise _empty_vocabulary(text.min_count)
    # The corpus of all patents takes about 7 GB, often more than the system's temporary directory has.
    corpus = context.draft.directory / "corpus"
    files, texts = _write_shuffled_corpus(context, ranges, training, corpus)
    fitted = write_vectors(context, files, words)
    shutil.rmtree(corpus)
    metadata = TextMetadata(
        vocabulary_size=words.num_rows,
        vocabulary_digest=digest(words["word"].to_pylist()),
        training_texts=texts,
        training_words=sum(file.words for file in files),
        **fitted,
    )
    context.record_metadata(metadata)


def _empty_vocabulary(min_count: int) -> DataError:
    return DataError(
        f"VOCABULARY is empty: no word occurs {min_count} times in the training texts; "
        "lower text.min_count, or inspect TOKENS and SPLITS",
        table="VOCABULARY",
        setting="text.min_count",
        min_count=min_count,
    )


def _write_shuffled_corpus(
    context: StageContext, ranges: Sequence[KeyRange], training: DataFrame, corpus: Path
) -> tuple[list[CorpusFile], int]:
    """Write the texts to a new folder in a seeded order; returns the files and the number of texts."""
    corpus.mkdir()
    shuffled = corpus / "shuffled"
    rows = parquet_size(context.draft.path("TOKENS"))["rows"]
    texts = training.select("patent_key", "tokens")
    parts = (keys.of(texts) for keys in ranges)
    write_shuffled(parts, shuffled, rows=rows, seed=context.config.text.seed)
    written = write_corpus(corpus, read_shuffled(shuffled))
    shutil.rmtree(shuffled)
    return written


def _training_texts(context: StageContext, ranges: Sequence[KeyRange]) -> DataFrame:
    """Write TOKENS; returns the rows of the texts that vocabulary and vectors are fitted on."""
    text, patents = context.config.text, context.read("PATENTS")
    further = [further_text(context, name) for name in text.fields if name != "title"]
    write_tokens(context, ranges, patents, further)
    written = context.read_back("TOKENS")
    if text.fit_on == "train":
        return keep_training_texts(written, held_out(context), patents, first_test_day(context.config))
    return written


def further_text(context: StageContext, field: str) -> DataFrame:
    """One row per patent that has the field: patent_key and the field."""
    if field == "claims":
        return claims_per_patent(context.read("CLAIMS"), context.config.text.claims)
    return context.read("ABSTRACTS").select("patent_key", field)


def held_out(context: StageContext) -> DataFrame:
    """Patents in a test split of any task and, with split.group_by_family, all members of their families."""
    splits = {split for sizes in context.store.metadata(SplitMetadata).splits.values() for split in sizes}
    is_tested = F.col("split").isin(sorted(filter(is_test, splits)))
    tested = context.read("SPLITS").where(is_tested).select("patent_key")
    if context.config.split.group_by_family:
        return tested.transform(with_relatives, context.read("FAMILIES"))
    return tested


def first_test_day(config: Config) -> datetime.date | None:
    """The first day of the test years if a task is split by year; training texts were granted before it."""
    if any(config.task(name).protocol == "temporal" for name in config.task_names):
        return datetime.date(min(config.split.test_years), 1, 1)
    return None
