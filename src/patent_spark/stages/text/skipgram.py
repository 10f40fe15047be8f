"""Skip-gram vectors with negative sampling (Mikolov et al. 2013) from text files.

The only file that fits vectors with gensim; core/word_vectors.py looks them up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from patent_spark.config import Text
from patent_spark.core.progress import Progress

if TYPE_CHECKING:
    from gensim.models import KeyedVectors, Word2Vec

# About six seconds on two cores, so that the progress bar moves.
_FILE_WORDS = 2_000_000
# The first and the last learning rate: gensim's defaults.
_RATES = 0.025, 0.0001


@dataclass(frozen=True)
class CorpusFile:
    """One text a line, words separated by spaces: gensim's LineSentence."""

    path: Path
    words: int


def write_corpus(
    directory: Path, tables: Iterable[pa.Table], file_words: int = _FILE_WORDS
) -> tuple[list[CorpusFile], int]:
    """Write column `tokens` of the tables, in order, as files of about `file_words` words.

    Returns the files and the number of texts. There are several files because gensim reports progress, and
    synchronises the learning rate of its threads, only between files. gensim splits lines after 10,000 words.
    """
    files: list[CorpusFile] = []
    texts = 0
    for table in tables:
        texts += table.num_rows
        for batch in table.select(["tokens"]).to_batches(max_chunksize=max(1, file_words // 1000)):
            tokens = batch.column(0)
            if not files or files[-1].words >= file_words:
                files.append(CorpusFile(directory / f"texts-{len(files):05d}.txt", 0))
            lines = pc.binary_join(tokens, " ")
            with files[-1].path.open("ab") as file:
                # Without the last newline gensim can lose a line.
                file.write("\n".join(lines.to_pylist()).encode() + b"\n")
            files[-1] = CorpusFile(files[-1].path, files[-1].words + len(tokens.flatten()))
    return files, texts


def _untrained(counts: Mapping[str, int], text: Text, workers: int) -> Word2Vec:
    """A skip-gram model with the vocabulary `counts`."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        sg=1,
        hs=0,
        negative=text.negative,
        vector_size=text.dimensions,
        window=text.window,
        sample=text.subsample,
        seed=text.seed,
        workers=workers,
        min_count=1,
        sorted_vocab=0,
    )
    model.build_vocab_from_freq(dict(counts))
    return model


def skip_gram(files: Sequence[CorpusFile], counts: Mapping[str, int], text: Text) -> KeyedVectors:
    """Vectors of the words in `counts`, in that order; other words of the files are ignored.

    With text.workers = 1 the same files give the same vectors, bit for bit.
    """
    workers = text.workers or len(os.sched_getaffinity(0))
    model = _untrained(counts, text, workers)
    total = text.epochs * sum(file.words for file in files)
    done, started = 0, time.monotonic()

    def rate(words: int) -> float:
        first, last = _RATES
        return first - (first - last) * words / total

    with Progress(f"skip-gram, {workers} threads", total, "words") as bar:
        for epoch in range(text.epochs):
            for file in files:
                alphas = {"start_alpha": rate(done), "end_alpha": rate(done + file.words)}
                model.train(corpus_file=str(file.path), total_words=file.words, epochs=1, **alphas)
                done += file.words
                speed = done / (time.monotonic() - started)
                bar.update(file.words, f"epoch {epoch + 1} of {text.epochs}, {speed:,.0f} words/s")
    return model.wv
