import dataclasses
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from patent_spark.config import Text
from patent_spark.config.sections.examples import VectorSet
from patent_spark.stages.text.skipgram import CorpusFile, SkipGram, passes, skip_gram, write_corpus
from tests.support.messages import line_with

SMALL = Text(dimensions=8, workers=1, epochs=2)


def test_texts_become_lines_in_several_files(tmp_path):
    tables = [
        pa.table({"tokens": [["a", "b"], ["c"]]}),
        pa.table({"tokens": [["d", "e", "f"]]}),
        pa.table({"tokens": [["g"]]}),
    ]
    files, texts = write_corpus(tmp_path, tables, file_words=4)
    assert texts == 4
    assert [(file.path.read_text(), file.words) for file in files] == [("a b\nc\nd e f\n", 6), ("g\n", 1)]
    assert write_corpus(tmp_path / "none", []) == ([], 0)


def corpus(path, lines):
    path.write_text("".join(line + "\n" for line in lines))
    return CorpusFile(path, sum(len(line.split()) for line in lines))


FRUIT_AND_ZEBRAS = {"apple": 400, "zebra": 200, "pear": 200}


def fruit_and_zebras(folder):
    return corpus(folder / "texts", ["zebra apple pear apple"] * 200)


def test_the_words_are_those_asked_for_in_their_order(tmp_path):
    file = corpus(tmp_path / "texts", ["zebra apple unknown apple"] * 50)
    vectors = skip_gram([file], {"zebra": 50, "apple": 100, "never": 50}, SMALL).keyed
    assert vectors.index_to_key == ["zebra", "apple", "never"]
    assert [vectors.get_vecattr(word, "count") for word in vectors.index_to_key] == [50, 100, 50]
    assert vectors.vectors.shape == (3, 8)


def test_words_that_stand_together_come_out_alike(tmp_path):
    rng = np.random.default_rng(3)
    topics = [[f"{topic}{i}" for i in range(10)] for topic in "ab"]
    lines = [" ".join(rng.choice(topics[i % 2], 12)) for i in range(2000)]
    files = [corpus(tmp_path / f"texts{part}", lines[part::2]) for part in range(2)]
    counts = {word: sum(line.split().count(word) for line in lines) for topic in topics for word in topic}
    vectors = skip_gram(files, counts, Text(dimensions=8, workers=2, epochs=5)).keyed
    assert all(
        neighbour[0] == word[0] for word in counts for neighbour, _ in vectors.most_similar(word, topn=5)
    )


def test_centred_vectors_have_no_common_part_and_are_otherwise_the_same(tmp_path):
    file = fruit_and_zebras(tmp_path)
    plain = skip_gram([file], FRUIT_AND_ZEBRAS, SMALL).keyed
    centred = skip_gram([file], FRUIT_AND_ZEBRAS, dataclasses.replace(SMALL, center=True)).keyed
    assert centred.vectors.sum(axis=0) == pytest.approx(np.zeros(8), abs=1e-6)
    assert plain.vectors - centred.vectors == pytest.approx(np.tile(plain.vectors.mean(axis=0), (3, 1)))
    a, b = centred.vectors[:2]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert centred.similarity("apple", "zebra") == pytest.approx(cosine, abs=1e-6)
    assert dict(centred.most_similar("apple"))["zebra"] == pytest.approx(cosine, abs=1e-6)


def test_lines_of_more_than_ten_thousand_words_are_learned_to_their_end(tmp_path):
    def late(lines):
        return skip_gram([corpus(tmp_path / "texts", lines)], {"early": 25_000, "late": 25}, SMALL).keyed[
            "late"
        ]

    untouched = late(["early"])
    assert (late(["early " * 15_000 + "late early " * 20]) != untouched).any()


def test_frequent_words_are_skipped_above_the_share_that_subsample_names(tmp_path):
    def vectors(line, subsample):
        return skip_gram(
            [corpus(tmp_path / "texts", [line] * 50)],
            {"often": 5000, "also": 5000},
            dataclasses.replace(SMALL, subsample=subsample),
        ).keyed.vectors

    untouched = vectors("unknown", 0.0)
    assert (vectors("often also " * 50, 0.0) != untouched).any()
    assert (vectors("often also " * 50, 1e-12) == untouched).all()


def test_rare_words_learn_from_words_that_are_spelt_alike(tmp_path):
    """Neither rare word is ever read. Each shares groups of letters with a word of one topic."""
    topics = [["heated", "flame"], ["cooled", "frost"]]
    rng = np.random.default_rng(3)
    file = corpus(tmp_path / "texts", [" ".join(rng.choice(topics[i % 2], 12)) for i in range(2000)])
    counts = dict.fromkeys(["heated", "flame", "cooled", "frost"], 6000) | {"reheated": 1, "supercooled": 1}

    def lead(subwords):
        """How much nearer the rare words are to their own topic than to the other."""
        settings = Text(dimensions=8, workers=1, subwords=subwords, center=True)
        near = skip_gram([file], counts, settings).keyed.similarity
        return min(
            near("reheated", "flame") - near("reheated", "frost"),
            near("supercooled", "frost") - near("supercooled", "flame"),
        )

    assert lead(subwords=False) < 0.2
    assert lead(subwords=True) > 0.5


@pytest.mark.parametrize("subwords", [False, True])
def test_a_saved_model_goes_on_with_all_its_weights(tmp_path, subwords):
    """Without a text nothing is learned, so what begins with a model is that model."""
    settings = dataclasses.replace(SMALL, subwords=subwords)
    first = skip_gram([fruit_and_zebras(tmp_path)], FRUIT_AND_ZEBRAS, settings)
    first.save(tmp_path, with_weights=True)
    second = skip_gram([], {"pear": 2, "new": 2, "apple": 2}, settings, SkipGram.load(tmp_path))
    for word in ("pear", "apple"):
        assert second.keyed[word] == pytest.approx(first.keyed[word])
        before, now = first.keyed.key_to_index[word], second.keyed.key_to_index[word]
        assert (second.weights["context"][now] == first.weights["context"][before]).all()
        assert first.weights["context"][before].any()


def test_models_from_before_subwords_go_on(tmp_path):
    first = skip_gram([fruit_and_zebras(tmp_path)], FRUIT_AND_ZEBRAS, SMALL)
    first.save(tmp_path, with_weights=False)
    assert SkipGram.load(tmp_path) is None
    np.save(tmp_path / "context.npy", first.weights["context"])
    loaded = SkipGram.load(tmp_path)
    assert (loaded.weights["context"] == first.weights["context"]).all()
    assert loaded.is_like(SMALL) and not loaded.is_like(dataclasses.replace(SMALL, subwords=True))


def test_a_further_set_has_subwords_of_its_own():
    sets = Text(subwords=True, further_vectors=(VectorSet(subwords=False), VectorSet())).vector_sets
    assert [each.subwords for each in sets] == [True, False, True]


PROGRAM = """
import sys
from pathlib import Path
from patent_spark.config import Text
from patent_spark.stages.text.skipgram import CorpusFile, skip_gram
subwords, *paths = sys.argv[1:]
files = [CorpusFile(Path(path), 5000) for path in paths]
counts = {f"w{i}": 200 for i in range(50)}
model = skip_gram(files, counts, Text(dimensions=8, workers=1, epochs=2, subwords=subwords == "True"))
sys.stdout.buffer.write(model.keyed.vectors.tobytes())
"""


@pytest.mark.parametrize("subwords", [False, True])
def test_one_worker_gives_the_same_bits_in_any_process(tmp_path, subwords):
    rng = np.random.default_rng(1)
    files = [
        corpus(
            tmp_path / f"texts{part}",
            [" ".join(f"w{i}" for i in rng.integers(0, 50, 10)) for _ in range(500)],
        )
        for part in range(2)
    ]
    paths = [str(file.path) for file in files]
    other = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(subwords), *paths],
        env={**os.environ, "PYTHONHASHSEED": "12345"},
        capture_output=True,
        check=True,
        timeout=300,
    )
    settings = dataclasses.replace(SMALL, subwords=subwords)
    here = skip_gram(files, {f"w{i}": 200 for i in range(50)}, settings).keyed.vectors.tobytes()
    assert len(here) == 50 * 8 * 4
    assert other.stdout == here


def test_progress_is_counted_in_words(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("patent_spark.core.progress._SECONDS_BETWEEN_LINES", 0.0)
    skip_gram([corpus(tmp_path / "texts", ["a b c"] * 10)], {"a": 10, "b": 10, "c": 10}, SMALL)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    line_with(lines[1], "1 threads", "60 words", "100%", "epoch 2 of 2", "words/s")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_corpus_of_one_word_does_not_hang(tmp_path, workers):
    model = skip_gram(
        [corpus(tmp_path / "texts", ["word"])], {"word": 1}, Text(dimensions=2, workers=workers)
    )
    assert np.isfinite(model.keyed.vectors).all()


def test_a_small_corpus_is_read_more_often(tmp_path):
    """Of 500 words; never more than a hundred times."""
    wanted = [passes(Text(epochs=3, min_training_words=words), 500) for words in (0, 1500, 1501, 5000, 10**9)]
    assert wanted == [3, 3, 4, 10, 100]
    assert passes(Text(epochs=3, min_training_words=10), 0) == 3
    (tmp_path / "texts").write_text("a b c d\n" * 50)
    files, counts = [CorpusFile(tmp_path / "texts", 200)], dict.fromkeys("abcd", 50)

    def vectors(**settings):
        return skip_gram(files, counts, Text(dimensions=4, workers=1, **settings)).keyed.vectors

    assert (vectors(epochs=1, min_training_words=600) == vectors(epochs=3)).all()
    assert (vectors(epochs=1) != vectors(epochs=3)).any()
