import numpy as np
import pytest

from patent_spark.stages.text.synonym_recall import synonyms_found

WORDS = ["car", "auto", "train", "tram", "rail", "and"]
ANGLES = [0, 10, 90, 100, 135, 30]
VECTORS = np.array(
    [
        [length * np.cos(angle), length * np.sin(angle)]
        for length, angle in zip((1, 2, 3, 4, 5, 9), np.radians(ANGLES), strict=True)
    ]
)


@pytest.mark.parametrize(
    ("synonyms", "share"),
    [
        ([["car", "auto"]], 1.0),
        ([["car", "and"]], 0.0),  # auto is nearer to both
        ([["train", "tram", "rail"]], 1.0),  # two looked at for each word
        ([["train", "tram", "and"]], (1 / 2 + 1 / 2 + 0) / 3),
        ([["car", "auto"], ["tram", "rail"]], (1 + 1 + 0 + 1) / 4),
        (
            [["car", "auto", "unheard"], ["and", "unseen"]],
            1.0,
        ),  # those that are not in the vocabulary do not count
        ([["car"], ["unheard", "unseen"]], None),
        ([], None),
    ],
)
def test_by_hand(synonyms, share):
    assert synonyms_found(WORDS, VECTORS, synonyms) == (None if share is None else pytest.approx(share))


def test_of_more_than_ten_synonyms_ten_are_asked_for_and_many_words_go_in_parts():
    directions = np.random.default_rng(1).normal(size=(40, 16))
    vectors = np.repeat(directions, 15, axis=0) + 0.01 * np.random.default_rng(2).normal(size=(600, 16))
    words = [f"w{i}" for i in range(600)]
    groups = [words[start : start + 15] for start in range(0, 600, 15)]
    assert synonyms_found(words, vectors, groups) == 1.0
    assert synonyms_found(words, np.random.default_rng(3).normal(size=(600, 16)), groups) < 0.06
