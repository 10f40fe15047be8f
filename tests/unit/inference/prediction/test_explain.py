"""Occlusion, with a model whose probabilities are known by hand."""

import pytest

from patent_spark.inference.prediction.explain import word_effects
from tests.support.fake_models import CLASSES, fake_models


@pytest.fixture
def packed(tmp_path):
    return fake_models(tmp_path)["technology"].packed


def test_each_word_is_left_out_wherever_it_stands(packed):
    found = word_effects(packed, "A network, a packet of the network and a drug", CLASSES.index("H04"))
    # votes: network 2, packet 1, drug 1; H04 has 4 of 8. Without network 2 of 6, packet 3 of 7, drug 4 of 7.
    assert [(each.word, each.effect, each.occurrences) for each in found] == [
        ("network", 0.1667, 2),
        ("packet", 0.0714, 1),
        ("drug", -0.0714, 1),
        ("a", 0.0, 3),
        ("of", 0.0, 1),
        ("the", 0.0, 1),
    ]


def test_all_variants_are_one_batch(packed):
    word_effects(packed, "A network, a packet of the network and a drug", 0)
    assert packed.batches == [7]  # the whole text, and without each of six words


def test_words_that_are_not_read_have_no_effect(tmp_path):
    packed = fake_models(tmp_path, max_tokens=2)["technology"].packed
    assert [each.word for each in word_effects(packed, "network packet pump", 3)] == ["network", "packet"]


def test_a_text_without_a_known_word(packed):
    assert word_effects(packed, "lorem ipsum", 0) == ()
