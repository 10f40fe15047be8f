"""Which texts are unlike those of the reference, on words drawn with known frequencies."""

import numpy as np
import pytest

from patent_spark.inference.encoded_texts import EncodedTexts, Vocabulary
from patent_spark.inference.prediction.text_reference import fit_text_reference

VOCABULARY = Vocabulary([f"w{place}" for place in range(1, 1001)])
SHARES = 1 / np.arange(1, 1101)
"""Of words by Zipf's law; those beyond the vocabulary are unknown."""


def texts(count, seed, shortest=30, longest=150):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest, count)
    ids = [rng.choice(np.arange(1, 1101), size, p=SHARES / SHARES.sum()) for size in lengths]
    return [" ".join(f"w{word}" for word in text) for text in ids]


def encoded(words):
    return VOCABULARY.encode(words, 200)


@pytest.fixture(scope="module")
def reference():
    return fit_text_reference(encoded(texts(4000, seed=1)), len(VOCABULARY))


def share_unlike(reference, words):
    return reference.unlike(encoded(words), len(VOCABULARY)).mean()


def test_one_in_a_hundred_new_texts_is_unlike_whatever_its_length(reference):
    assert reference.texts == 4000
    for seed, lengths in ((2, (30, 150)), (3, (60, 61)), (4, (8, 12))):
        # of 4,000 texts with a chance of 1 % each: 40, give or take four standard deviations of 6.3
        assert 0.003 <= share_unlike(reference, texts(4000, seed, *lengths)) <= 0.0175


@pytest.mark.parametrize(
    "text",
    [
        " ".join(f"unknown{n}" for n in range(20)),
        " ".join(f"w{n} unknown{n}" for n in range(1, 30)),
        " ".join(f"w{n}" for n in range(800, 830)),
        "w700 " * 20,
        "w1 " * 20,
    ],
)
def test_unknown_rare_and_repeated_words_are_unlike(reference, text):
    assert share_unlike(reference, [text]) == 1


def test_a_text_without_a_word_is_not_judged(reference):
    assert share_unlike(reference, ["", "…"]) == 0


def test_rarity_by_hand():
    """Two words of places 1 and 4, one unknown of 8 places: (0 + 2 + log2 16) / 3 = 2."""
    vocabulary = Vocabulary([f"w{place}" for place in range(1, 9)])
    same = vocabulary.encode(["w1 w4 other"] * 100, 10)
    fitted = fit_text_reference(same, 8)
    assert fitted.mean == pytest.approx(2)
    assert fitted.within == pytest.approx((4 + 0 + 4) / 3)
    assert (fitted.between, fitted.shortest) == (0, 2)


def test_words_beyond_the_longest_text_count_as_those_before():
    vocabulary = Vocabulary([f"w{place}" for place in range(1, 9)])
    cut, whole = (vocabulary.encode(["w1 w4 other w1 w4 other"] * 100, longest) for longest in (2, 6))
    assert fit_text_reference(cut, 8).mean == pytest.approx(fit_text_reference(whole, 8).mean)


def test_how_short_texts_are():
    lengths = np.arange(1, 201)
    tokens = np.ones((200, 4), np.int32)
    tokens[:, 1] = np.arange(200) % 7 + 1
    fitted = fit_text_reference(EncodedTexts(tokens, lengths, lengths), 8)
    assert fitted.shortest == 2  # 1 + 1 % of 199, rounded down


def test_too_few_texts_tell_nothing():
    assert fit_text_reference(encoded(texts(99, seed=1)), len(VOCABULARY)) is None
    assert fit_text_reference(encoded(["w1 w1"] * 200), len(VOCABULARY)) is None
