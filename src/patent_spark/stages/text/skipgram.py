"""Skip-gram vectors with negative sampling (Mikolov et al. 2013) from text files; with subwords, those of
fastText (Bojanowski et al. 2017).

The only file that fits vectors with gensim; core/word_vectors.py looks them up.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from patent_spark.config import Text
from patent_spark.core.progress import Progress

if TYPE_CHECKING:
    from gensim.models import KeyedVectors, Word2Vec
    from gensim.models.fasttext import FastTextKeyedVectors

# About six seconds on two cores, so that the progress bar moves.
_FILE_WORDS = 2_000_000
# The first and the last learning rate: gensim's defaults.
_RATES = 0.025, 0.0001
_MOST_PASSES = 100
_KEYED, _WEIGHTS = "vectors.kv", "weights.npz"
_CONTEXT_ALONE = "context.npy"  # of versions before there were subwords
# Vectors of groups of letters, which share them by hash: half of gensim's default, and half its memory.
_SUBWORDS = 1_000_000


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


@dataclass(frozen=True)
class SkipGram:
    """A fitted model."""

    keyed: KeyedVectors
    """The vectors of the words, in the order of the vocabulary."""
    weights: Mapping[str, NDArray[np.float32]]
    """What else a model goes on from, [rows, dimensions] each: `context`, a word's weights as the neighbour
    of others; with subwords also `words` and `subwords`, whose mean is a word's vector."""

    def save(self, folder: Path, with_weights: bool) -> None:
        """Save the vectors and, for a model that goes on from them, the other weights."""
        self.keyed.save(str(folder / _KEYED))
        if with_weights:
            np.savez(folder / _WEIGHTS, **self.weights)

    @staticmethod
    def load(folder: Path) -> SkipGram | None:
        """A saved model; None when it was saved without its other weights."""
        from gensim.models import KeyedVectors

        if (folder / _WEIGHTS).exists():
            with np.load(folder / _WEIGHTS) as saved:
                weights = dict(saved)
        elif (folder / _CONTEXT_ALONE).exists():
            weights = {"context": np.load(folder / _CONTEXT_ALONE)}
        else:
            return None
        return SkipGram(KeyedVectors.load(str(folder / _KEYED)), weights)

    def is_like(self, text: Text) -> bool:
        """Whether a model of these settings can go on from this one."""
        return self.keyed.vector_size == text.dimensions and ("subwords" in self.weights) == text.subwords


def skip_gram(
    files: Sequence[CorpusFile], counts: Mapping[str, int], text: Text, start: SkipGram | None = None
) -> SkipGram:
    """A model of the words in `counts`, in that order; other words of the files are ignored.

    start: a model to go on from, for text.continued_epochs; words that it lacks begin at random.
    With text.workers = 1 the same files and the same start give the same vectors, bit for bit.
    """
    model = _untrained(counts, text, workers=text.workers or len(os.sched_getaffinity(0)))
    if start is not None:
        _begin_with(model, start)
    words = sum(file.words for file in files)
    _train(model, files, passes(text, words) if start is None else text.continued_epochs)
    keyed, weights = model.wv, {"context": model.syn1neg}
    if text.subwords:
        keyed.adjust_vectors()
        weights |= {"words": keyed.vectors_vocab, "subwords": keyed.vectors_ngrams}
        keyed = _words_alone(keyed)
    if text.center:
        keyed.vectors -= keyed.vectors.mean(axis=0)
        keyed.fill_norms(force=True)
    return SkipGram(keyed, weights)


def _words_alone(with_subwords: FastTextKeyedVectors) -> KeyedVectors:
    """The vectors of the words, without copies of them and without those of groups of letters."""
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(with_subwords.vector_size)
    for name in ("index_to_key", "key_to_index", "vectors", "expandos"):
        setattr(keyed, name, getattr(with_subwords, name))
    return keyed


def passes(text: Text, words: int) -> int:
    """How often a corpus of so many words is read."""
    wanted = math.ceil(text.min_training_words / words) if words else 0
    return max(text.epochs, min(wanted, _MOST_PASSES))


def _begin_with(model: Word2Vec, start: SkipGram) -> None:
    places = model.wv.key_to_index
    known = [(place, places[word]) for place, word in enumerate(start.keyed.index_to_key) if word in places]
    before, now = np.array(known, np.int64).reshape(-1, 2).T
    model.syn1neg[now] = start.weights["context"][before]
    if "subwords" in start.weights:
        model.wv.vectors_vocab[now] = start.weights["words"][before]
        model.wv.vectors_ngrams[:] = start.weights["subwords"]
    else:
        model.wv.vectors[now] = start.keyed.vectors[before]


def _untrained(counts: Mapping[str, int], text: Text, workers: int) -> Word2Vec:
    """A skip-gram model with the vocabulary `counts`; with subwords, the caller computes its vectors."""
    from gensim.models import FastText, Word2Vec

    class SubwordModel(FastText):  # type: ignore[misc]
        def _clear_post_train(self) -> None:
            """Nothing: gensim would compute the vectors of all words after each file, in a slow loop."""

    kind, own = (SubwordModel, {"bucket": _SUBWORDS}) if text.subwords else (Word2Vec, {})
    model = kind(
        **own,
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


def _train(model: Word2Vec, files: Sequence[CorpusFile], epochs: int) -> None:
    total = epochs * sum(file.words for file in files)
    done, started = 0, time.monotonic()

    def rate(words: int) -> float:
        first, last = _RATES
        return first - (first - last) * words / total

    with Progress(f"skip-gram, {model.workers} threads", total, "words") as bar:
        for epoch in range(epochs):
            for file in files:
                alphas = {"start_alpha": rate(done), "end_alpha": rate(done + file.words)}
                model.train(corpus_file=str(file.path), total_words=file.words, epochs=1, **alphas)
                done += file.words
                speed = done / (time.monotonic() - started)
                bar.update(file.words, f"epoch {epoch + 1} of {epochs}, {speed:,.0f} words/s")
