"""`make bench-embed`: this project's skip-gram against plain gensim, Word2Vec over an iterator of
sentences, on the same files.

Each as a whole process, in three alternating runs after a warm-up, with the same settings and threads.
Words a second are those of the training alone (without imports, and for plain gensim without its pass that
counts words, which Spark does for ours).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from measure import alternate, machine, table

from patent_spark.config import Text
from patent_spark.stages.simulate.lexicon import Lexicon
from patent_spark.stages.simulate.population import Population
from patent_spark.stages.simulate.texts import Texts
from patent_spark.stages.text.skipgram import CorpusFile, skip_gram, write_corpus

OURS, PLAIN = "patent_spark, files", "gensim, iterator"
_TEXTS_AT_ONCE, _WORDS_A_TEXT = 10_000, 110


def main() -> None:
    """Write the texts, run both programs, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=float, default=10, help="millions of words (default 10)")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--window", type=int, default=Text().window, help="context words on each side")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--scratch", type=Path, default=Path("build/bench-embed"), help="where the texts are written"
    )
    parser.add_argument("--contestant", choices=[OURS, PLAIN], help=argparse.SUPPRESS)
    options = parser.parse_args()
    text = Text(epochs=options.epochs, window=options.window)
    if options.contestant:
        print(json.dumps(_train(options.contestant, options.scratch, text)))
        return
    words = _write_texts(options.scratch, int(options.words * 1e6), text.min_count)
    again = [
        sys.executable,
        __file__,
        "--scratch",
        str(options.scratch),
        "--epochs",
        str(options.epochs),
        "--window",
        str(options.window),
        "--contestant",
    ]
    outcomes = alternate({name: [*again, name] for name in (PLAIN, OURS)}, options.runs)
    shutil.rmtree(options.scratch)
    results = {name: [json.loads(each.stdout) for each in runs] for name, runs in outcomes.items()}
    assert len({each["vocabulary"] for runs in results.values() for each in runs}) == 1, (
        "the vocabularies differ"
    )
    print(
        f"\n{machine()}\n{words:,} words, {options.epochs} epochs, {text.dimensions} dimensions, "
        f"{_threads(text)} threads; make bench-embed\n"
    )
    print(table(outcomes, against=PLAIN))
    paces = {
        name: [
            statistics.median(words * options.epochs / each[clock] for each in runs)
            for clock in ("seconds", "cpu_seconds")
        ]
        for name, runs in results.items()
    }
    print("\n| training alone | words/s | ratio | words/CPU s | ratio |\n|---|---|---|---|---|")
    for name, (wall, cpu) in paces.items():
        print(
            f"| {name} | {wall:,.0f} | {wall / paces[PLAIN][0]:.2f} | {cpu:,.0f} | "
            f"{cpu / paces[PLAIN][1]:.2f} |"
        )


def _write_texts(folder: Path, words: int, min_count: int) -> int:
    """Abstracts of a simulated release as the text stage hands them to gensim, and the counts of frequent
    words; returns the number of words.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    counts: Counter[str] = Counter()

    def tables() -> Iterator[pa.Table]:
        population = Population(1, max(1000, words // _WORDS_A_TEXT), 125)
        texts = Texts(Lexicon(population, 0.3), 1, _WORDS_A_TEXT)
        for start in range(0, population.size, _TEXTS_AT_ONCE):
            patents = population.patents(np.arange(start, min(start + _TEXTS_AT_ONCE, population.size)))
            abstracts = texts.abstracts(
                patents.index, patents.cpc, patents.index % 4, np.ones(len(patents.index), bool)
            )
            plain = pc.utf8_trim_whitespace(
                pc.replace_substring_regex(pc.utf8_lower(abstracts), "[^a-z0-9]+", " ")
            )
            tokens = pc.split_pattern(plain, " ")
            counts.update(
                {each["values"]: each["counts"] for each in pc.value_counts(tokens.flatten()).to_pylist()}
            )
            yield pa.table({"tokens": tokens})

    files, _ = write_corpus(folder, tables())
    frequent = {word: count for word, count in counts.most_common() if count >= min_count}
    (folder / "corpus.json").write_text(
        json.dumps({"files": [[str(file.path), file.words] for file in files], "counts": frequent})
    )
    return sum(file.words for file in files)


def _train(contestant: str, folder: Path, text: Text) -> dict[str, float]:
    """Train once; returns the seconds, those of the processor, and the size of the vocabulary."""
    corpus = json.loads((folder / "corpus.json").read_text())
    files = [CorpusFile(Path(path), words) for path, words in corpus["files"]]
    if contestant == OURS:
        import gensim.models  # noqa: F401  # its import is not part of the training

        return _timed(lambda: len(skip_gram(files, corpus["counts"], text).keyed))
    from gensim.models import Word2Vec

    sentences = _Sentences([file.path for file in files])
    model = Word2Vec(
        sg=1, hs=0, negative=text.negative, vector_size=text.dimensions, window=text.window,
        sample=text.subsample,
        seed=text.seed, workers=_threads(text), min_count=text.min_count,
    )  # fmt: skip
    model.build_vocab(sentences)

    def train() -> int:
        model.train(sentences, total_examples=model.corpus_count, epochs=text.epochs)
        return len(model.wv)

    return _timed(train)


def _timed(train: Callable[[], int]) -> dict[str, float]:
    started, busy = time.monotonic(), time.process_time()
    vocabulary = train()
    return {
        "seconds": time.monotonic() - started,
        "cpu_seconds": time.process_time() - busy,
        "vocabulary": vocabulary,
    }


def _threads(text: Text) -> int:
    return text.workers or len(os.sched_getaffinity(0))


class _Sentences:
    """The lines of some files; can be iterated several times."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths

    def __iter__(self) -> Iterator[list[str]]:
        for path in self._paths:
            with path.open() as lines:
                for line in lines:
                    yield line.split()


if __name__ == "__main__":
    main()
