"""Skip-gram vectors with negative sampling (Mikolov et al. 2013) from text files. The only file that imports gensim."""

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
    from gensim.models import KeyedVectors

_FILE_WORDS = 2_000_000  # some six seconds of two cores, so that the bar moves
_RATES = 0.025, 0.0001  # gensim's own learning rates, first and last


@dataclass(frozen=True)
class CorpusFile:
    """A text a line, words parted by spaces: what gensim calls LineSentence."""

    path: Path
    words: int


def write_corpus(
    directory: Path, tables: Iterable[pa.Table], file_words: int = _FILE_WORDS
) -> tuple[list[CorpusFile], int]:
    """Write column `tokens` of the tables, in order, as files of about `file_words` words; returns them and the number of texts.

    Several files, because gensim reports progress, and its threads share one learning rate, only from file to file.
    It cuts lines after 10,000 words by itself.
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
                file.write(
                    "\n".join(lines.to_pylist()).encode() + b"\n"
                )  # without the last newline gensim can lose a line
            files[-1] = CorpusFile(files[-1].path, files[-1].words + len(tokens.flatten()))
    return files, texts


def skip_gram(files: Sequence[CorpusFile], counts: Mapping[str, int], text: Text) -> KeyedVectors:
    """Vectors of the words in `counts`, in that order; other words of the files are passed over.

    With text.workers = 1 the same files give the same vectors, bit for bit.
    """
    from gensim.models import Word2Vec

    workers = text.workers or len(os.sched_getaffinity(0))
    model = Word2Vec(
        sg=1, hs=0, negative=text.negative, vector_size=text.dimensions, window=text.window, sample=text.subsample,
        seed=text.seed, workers=workers, min_count=1, sorted_vocab=0,
    )  # fmt: skip
    model.build_vocab_from_freq(dict(counts))
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
                bar.update(
                    file.words,
                    f"epoch {epoch + 1} of {text.epochs}, {done / (time.monotonic() - started):,.0f} words/s",
                )
    return model.wv
