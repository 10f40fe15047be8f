"""Averages of word vectors: weights of frequent words, unknown words, identity."""

import numpy as np
import pyarrow as pa

from patent_spark.inference.similar.word_average import SMOOTHING, WordAverage

WORDS, COUNTS = ["the", "pump", "valve"], [998, 1, 1]
VECTORS = np.array([[2, 0], [0, 3], [4, 0]], np.float32)


def average(folder, vectors=VECTORS, words=WORDS):
    folder.mkdir(exist_ok=True)
    WordAverage.write(folder, words, COUNTS, vectors)
    return WordAverage(folder)


def texts(*each):
    return pa.array(each, pa.list_(pa.string()))


def test_a_text_is_the_weighted_average_of_unit_vectors(tmp_path):
    vectors, known = average(tmp_path).vectors(texts(["the", "pump", "pump", "unheard"], ["valve"]))
    frequent, rare = SMOOTHING / (SMOOTHING + 0.998), SMOOTHING / (SMOOTHING + 0.001)
    np.testing.assert_allclose(vectors, [[frequent / 3, 2 * rare / 3], [rare, 0]], rtol=1e-6)
    assert known.tolist() == [3, 1]


def test_a_text_without_a_known_word_is_zero(tmp_path):
    vectors, known = average(tmp_path).vectors(texts(["unheard"], [], None, ["pump"]))
    assert known.tolist() == [0, 0, 0, 1]
    assert not vectors[:3].any() and vectors[3].any()


def test_a_slice_of_a_column_has_its_own_texts(tmp_path):
    column = texts(["pump"], ["the"], ["valve"], ["pump"])
    encoder = average(tmp_path)
    np.testing.assert_array_equal(
        encoder.vectors(column[2:])[0], encoder.vectors(texts(["valve"], ["pump"]))[0]
    )


def test_the_identity_is_that_of_words_and_vectors(tmp_path):
    same = average(tmp_path / "a").identity
    assert average(tmp_path / "b").identity == same
    assert average(tmp_path / "c", VECTORS + [[0, 0], [0, 0], [0, 1]]).identity != same
    assert average(tmp_path / "d", words=["the", "pump", "valves"]).identity != same
