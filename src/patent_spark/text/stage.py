"""Stage text: TOKENS, VOCABULARY, VECTORS and KEYED_VECTORS/vectors.kv."""

from __future__ import annotations

import datetime
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import functions as F

from patent_spark.checks import DataError
from patent_spark.config import Config, digest
from patent_spark.schemas import TOKENS, is_test
from patent_spark.shuffle import read_shuffled, write_shuffled
from patent_spark.store import arrow_schema, location, parquet_size
from patent_spark.text.synonyms import synonyms_found
from patent_spark.text.vectors import skip_gram, write_corpus
from patent_spark.text.words import claims_per_patent, keep_training_texts, tokens, vocabulary, with_relatives
from patent_spark.work import Work

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def run(work: Work) -> None:
    """Learn words and their vectors; raises DataError when no word is frequent enough."""
    text, path = work.config.text, work.draft.path
    patents = work.read("PATENTS")
    work.write(tokens(patents, text.fields, [further_text(work, name) for name in text.fields if name != "title"]), "TOKENS")
    training = work.session.read.schema(TOKENS.schema).parquet(location(path("TOKENS")))
    if text.trained_on == "train_side":
        training = keep_training_texts(training, held_out(work), patents, first_test_day(work.config))
    work.write(vocabulary(training, text.min_count), "VOCABULARY", files=1)
    words = pq.read_table(path("VOCABULARY")).sort_by("id")
    if not words.num_rows:
        raise DataError(
            f"VOCABULARY is empty: no word stands {text.min_count} times in the training texts; lower text.min_count, or look into TOKENS and SPLITS"
        )
    counts = dict(zip(words["word"].to_pylist(), words["count"].to_pylist(), strict=True))
    corpus = work.draft.directory / "corpus"  # some 7 GB for all patents: the system's place for temporary files is often smaller
    corpus.mkdir()
    write_shuffled(training.select("patent_key", "tokens"), corpus / "shuffled", rows=parquet_size(path("TOKENS"))["rows"], seed=text.seed)
    files, texts = write_corpus(corpus, read_shuffled(corpus / "shuffled"))
    shutil.rmtree(corpus / "shuffled")
    vectors = skip_gram(files, counts, text)
    shutil.rmtree(corpus)
    vectors.save(str(path("KEYED_VECTORS") / "vectors.kv"))
    with work.draft.writer("VECTORS") as writer:
        writer.write_table(vectors_table(words, vectors.vectors))
    work.learn(
        vocabulary_size=words.num_rows,
        vocabulary_digest=digest(words["word"].to_pylist()),
        training_texts=texts,
        training_words=sum(file.words for file in files),
        synonyms_found=synonyms_found(words["word"].to_pylist(), vectors.vectors, work.store.facts("ingest").get("synonyms") or []),
    )


def further_text(work: Work, field: str) -> DataFrame:
    """One row per patent that has the field: patent_key and the field."""
    if field == "claims":
        return claims_per_patent(work.read("CLAIMS"), work.config.text.claims)
    return work.read("ABSTRACTS").select("patent_key", field)


def held_out(work: Work) -> DataFrame:
    """Patents of any task's test splits and, with split.group, all of their families, whatever their own split or class."""
    found = {split for sizes in work.store.facts("split")["splits"].values() for split in sizes}
    tested = work.read("SPLITS").where(F.col("split").isin(sorted(filter(is_test, found)))).select("patent_key")
    return tested.transform(with_relatives, work.read("FAMILIES")) if work.config.split.group else tested


def first_test_day(config: Config) -> datetime.date | None:
    """The day before which all training text was granted, when a task of this run is tested on later years."""
    if any(config.task(name).protocol == "temporal" for name in config.task_names):
        return datetime.date(min(config.split.test_years), 1, 1)
    return None


def vectors_table(words: pa.Table, vectors: np.ndarray) -> pa.Table:
    """VECTORS from VOCABULARY in the order of its ids and a matrix [words, dimensions]."""
    rows, dimensions = vectors.shape
    lists = pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32) * dimensions, vectors.astype(np.float32, copy=False).ravel())
    return words.select(["word", "count"]).append_column("vector", lists).cast(arrow_schema("VECTORS"))
