"""Stage text: TOKENS, VOCABULARY, VECTORS and KEYED_VECTORS/vectors.kv."""

from __future__ import annotations

import datetime
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions as F

from patent_spark.config import Config, digest
from patent_spark.core.context import StageContext
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import IngestMetadata, SplitMetadata, TextMetadata
from patent_spark.core.schemas import TOKENS, is_test
from patent_spark.core.shuffle import read_shuffled, write_shuffled
from patent_spark.core.store import arrow_schema, location, parquet_size
from patent_spark.core.tokenization import claims_per_patent, tokens
from patent_spark.stages.text.skipgram import skip_gram, write_corpus
from patent_spark.stages.text.synonym_recall import synonyms_found
from patent_spark.stages.text.tokens import keep_training_texts, vocabulary, with_relatives

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def run(context: StageContext) -> None:
    """Learn words and their vectors; raises DataError when no word is frequent enough."""
    text, path = context.config.text, context.draft.path
    patents = context.read("PATENTS")
    context.write(
        tokens(
            patents, text.fields, [further_text(context, name) for name in text.fields if name != "title"]
        ),
        "TOKENS",
    )
    training = context.session.read.schema(TOKENS.schema).parquet(location(path("TOKENS")))
    if text.fit_on == "train":
        training = keep_training_texts(training, held_out(context), patents, first_test_day(context.config))
    context.write(vocabulary(training, text.min_count), "VOCABULARY", files=1)
    words = pq.read_table(path("VOCABULARY")).sort_by("id")
    if not words.num_rows:
        raise DataError(
            f"VOCABULARY is empty: no word stands {text.min_count} times in the training texts; lower text.min_count, or look into TOKENS and SPLITS"
        )
    counts = dict(zip(words["word"].to_pylist(), words["count"].to_pylist(), strict=True))
    corpus = (
        context.draft.directory / "corpus"
    )  # some 7 GB for all patents: the system's place for temporary files is often smaller
    corpus.mkdir()
    write_shuffled(
        training.select("patent_key", "tokens"),
        corpus / "shuffled",
        rows=parquet_size(path("TOKENS"))["rows"],
        seed=text.seed,
    )
    files, texts = write_corpus(corpus, read_shuffled(corpus / "shuffled"))
    shutil.rmtree(corpus / "shuffled")
    vectors = skip_gram(files, counts, text)
    shutil.rmtree(corpus)
    vectors.save(str(path("KEYED_VECTORS") / "vectors.kv"))
    with context.draft.writer("VECTORS") as writer:
        writer.write_table(vectors_table(words, vectors.vectors))
    metadata = TextMetadata(
        vocabulary_size=words.num_rows,
        vocabulary_digest=digest(words["word"].to_pylist()),
        training_texts=texts,
        training_words=sum(file.words for file in files),
        synonyms_found=synonyms_found(
            words["word"].to_pylist(), vectors.vectors, context.store.metadata(IngestMetadata).synonyms or ()
        ),
    )
    context.record_metadata(metadata)


def further_text(context: StageContext, field: str) -> DataFrame:
    """One row per patent that has the field: patent_key and the field."""
    if field == "claims":
        return claims_per_patent(context.read("CLAIMS"), context.config.text.claims)
    return context.read("ABSTRACTS").select("patent_key", field)


def held_out(context: StageContext) -> DataFrame:
    """Patents of any task's test splits and, with split.group_by_family, all of their families, whatever their own split or class."""
    found = {split for sizes in context.store.metadata(SplitMetadata).splits.values() for split in sizes}
    tested = (
        context.read("SPLITS").where(F.col("split").isin(sorted(filter(is_test, found)))).select("patent_key")
    )
    return (
        tested.transform(with_relatives, context.read("FAMILIES"))
        if context.config.split.group_by_family
        else tested
    )


def first_test_day(config: Config) -> datetime.date | None:
    """The day before which all training text was granted, when a task of this run is tested on later years."""
    if any(config.task(name).protocol == "temporal" for name in config.task_names):
        return datetime.date(min(config.split.test_years), 1, 1)
    return None


def vectors_table(words: pa.Table, vectors: np.ndarray) -> pa.Table:
    """VECTORS from VOCABULARY in the order of its ids and a matrix [words, dimensions]."""
    rows, dimensions = vectors.shape
    lists = pa.ListArray.from_arrays(
        np.arange(rows + 1, dtype=np.int32) * dimensions, vectors.astype(np.float32, copy=False).ravel()
    )
    return words.select(["word", "count"]).append_column("vector", lists).cast(arrow_schema("VECTORS"))
