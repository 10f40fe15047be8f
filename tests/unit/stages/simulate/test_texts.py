"""The words of simulated texts and the signals in them."""

import re
from collections import Counter

import numpy as np
import pytest

from patent_spark.stages.simulate.cpc_classes import CLASSES
from patent_spark.stages.simulate.lexicon import COMPANIONS, KEYWORDS, LEVEL_WORDS, SIDES, Lexicon
from patent_spark.stages.simulate.population import Population
from patent_spark.stages.simulate.texts import Texts

COUNT = 600


@pytest.fixture(scope="module")
def population():
    return Population(seed=3, size=5000, class_count=20)


@pytest.fixture(scope="module")
def lexicon(population):
    return Lexicon(population, order_share=0.3)


@pytest.fixture(scope="module")
def texts(lexicon):
    return Texts(lexicon, seed=3, mean_words=110)


def tokens(text):
    return re.sub("[^a-z0-9]+", " ", text.lower()).split()


def written(texts, text_class, level):
    origin = np.arange(COUNT)
    classes, levels = np.broadcast_to(text_class, COUNT), np.broadcast_to(level, COUNT)
    titles = texts.titles(origin, origin, classes, levels).to_pylist()
    abstracts = texts.abstracts(origin, classes, levels, np.ones(COUNT, bool)).to_pylist()
    return [tokens(title) for title in titles], [tokens(abstract) for abstract in abstracts]


def sides_in_order(words):
    return [0 if word in SIDES[0] else 1 for word in words if word in SIDES[0] + SIDES[1]]


def test_classes_of_a_pair_have_the_same_words_in_another_order(texts, lexicon):
    assert lexicon.pairs
    for one, two in lexicon.pairs:
        first, second = written(texts, one, 2), written(texts, two, 2)
        for part in range(2):
            assert [Counter(words) for words in first[part]] == [Counter(words) for words in second[part]]
            assert all(a != b for a, b in zip(first[part], second[part], strict=True))
            assert all(sorted(sides_in_order(words)) == sides_in_order(words) for words in first[part])
            assert all(sorted(sides_in_order(words)) == sides_in_order(words)[::-1] for words in second[part])


def test_pairs_are_neighbours_in_size_and_hold_the_requested_share(population):
    everything = Lexicon(population, 1.0)
    assert len(everything.pairs) == 10
    assert not Lexicon(population, 0.0).pairs
    shares = population.shares
    for share in (0.1, 0.3, 0.6):
        pairs = Lexicon(population, share).pairs
        assert sum(shares[one] + shares[two] for one, two in pairs) == pytest.approx(share, abs=0.06)
        assert set(pairs) <= set(everything.pairs)
    by_size = list(np.argsort(-shares))
    assert all(abs(by_size.index(one) - by_size.index(two)) == 1 for one, two in everything.pairs)


def test_other_classes_have_keywords_of_their_own_and_markers_in_any_order(texts, lexicon):
    paired = {each for pair in lexicon.pairs for each in pair}
    one = next(k for k in range(20) if k not in paired)
    words = lexicon.words
    start = lexicon.first_keyword + one * KEYWORDS
    own = set(words[start : start + KEYWORDS])
    others = set(words[lexicon.first_keyword : lexicon.first_level_word]) - own
    titles, abstracts = written(texts, one, 2)
    for title, abstract in zip(titles, abstracts, strict=True):
        assert set(title[:12]) & own and len(sides_in_order(title[:12])) == 2
        assert not (set(title) | set(abstract)) & others
    counts = [sum(word in own for word in abstract) for abstract in abstracts]
    assert min(counts) >= 3 and 0.12 < sum(counts) / sum(map(len, abstracts)) < 0.2
    markers = [len(sides_in_order(abstract)) for abstract in abstracts]
    assert set(markers) <= {2, 4, 6, 8, 10}
    assert np.mean([sides_in_order(title)[0] for title in titles]) == pytest.approx(0.5, abs=0.1)


def test_synonyms_are_disjoint_groups_of_signal_words(lexicon):
    groups = lexicon.synonyms
    words = [word for group in groups for word in group]
    assert len(set(words)) == len(words) and set(words) <= set(lexicon.words[lexicon.first_keyword :])
    sizes = {KEYWORDS: len(set(lexicon.group.tolist())), LEVEL_WORDS: 4, len(SIDES[0]): 4}
    assert Counter(map(len, groups)) == sizes
    assert ["brain", "eye", "hand"] in [group[:3] for group in groups]


def test_markers_of_one_side_come_before_all_of_the_other_each_beside_companions(texts, lexicon):
    for text_class in (*lexicon.pairs[0], next(k for k in range(20) if lexicon.order[k] < 0)):
        titles, abstracts = written(texts, text_class, 2)
        for title, abstract in zip(titles, abstracts, strict=True):
            assert sides_in_order(title) in ([0, 1], [1, 0])
            sides = sides_in_order(abstract)
            half = len(sides) // 2
            assert sides in ([0] * half + [1] * half, [1] * half + [0] * half)
            for words, before in ((title, False), (abstract, True)):
                for place in (k for k, word in enumerate(words) if word in SIDES[0] + SIDES[1]):
                    side = words[place] in SIDES[1]
                    assert words[place + 1] in COMPANIONS[side]
                    assert words[place - 1] in COMPANIONS[side] or not before
        both = zip(titles, abstracts, strict=True)
        cut = [sides_in_order((title + abstract)[:100]) for title, abstract in both]
        balanced = np.mean([sum(sides) * 2 == len(sides) for sides in cut])
        assert balanced > 0.97, "a text cut at 100 words keeps as many of both sides"


def test_each_level_has_its_words_early_in_the_abstract(texts, lexicon):
    for level in range(4):
        first = lexicon.first_level_word + level * LEVEL_WORDS
        own = set(lexicon.words[first : first + LEVEL_WORDS])
        all_levels = set(lexicon.words[lexicon.first_level_word : lexicon.first_marker])
        titles, abstracts = written(texts, 0, level)
        for abstract in abstracts:
            assert not set(abstract) & (all_levels - own)
            early, all_of_them = (sum(word in own for word in part) for part in (abstract[:105], abstract))
            assert 2 <= early == all_of_them <= 8
        assert np.mean([bool(set(title) & own) for title in titles]) == pytest.approx(0.3, abs=0.06)


def test_with_drift_new_words_replace_those_of_the_levels(population, lexicon):
    """5 % a year: half of a level's words in ten years, all of them in twenty. No word returns."""
    drifting = Lexicon(population, 0.3, drift=0.05)
    assert drifting.words[: len(lexicon.words)] == lexicon.words
    assert len(set(drifting.words)) == len(drifting.words)
    table = drifting.level_table.reshape(-1, 4, LEVEL_WORDS)
    assert (lexicon.level_table == lexicon.level_table[:4][np.arange(len(lexicon.level_table)) % 4]).all()
    assert (table[0] == lexicon.level_table[:4]).all()
    for level in range(4):
        known = [set(words) for words in table[:, level]]
        assert [len(known[0] & known[years]) for years in (2, 10, 20)] == [9, 5, 0]
        assert [len(known[29] & known[29 + years]) for years in (2, 10)] == [9, 5]
    years, levels = np.array([0, 30, 30]), np.array([3, 0, 2])
    assert (drifting.level_table[drifting.level_rows(years, levels)] == table[years, levels]).all()
    assert len(lexicon.words) < table.max() < len(drifting.words)
    assert [set(words) for words in drifting.level_words] == [
        {drifting.words[at] for at in table[:, level].ravel()} for level in range(4)
    ]


def test_words_are_distinct_and_the_papers_probes_among_them(population, lexicon):
    everything = Lexicon(Population(seed=1, size=5000, class_count=125), 0.3)
    for each in (lexicon, everything):
        assert len(set(each.words)) == len(each.words)
        assert each.words.index(SIDES[0][0]) == each.first_marker
    keywords = everything.words[everything.first_keyword : everything.first_level_word]
    assert {"hand", "clean", "space", "grass", "ocean", "brain", "eye", "vacuum", "network"} <= set(keywords)
    h04 = [CLASSES[k].code for k in everything.population.classes].index("H04")
    start = int(everything.group[h04]) * KEYWORDS
    assert "network" in keywords[start : start + KEYWORDS]
    frequencies = np.bincount(everything.background, minlength=2000) / len(everything.background)
    assert everything.words[int(frequencies.argmax())] == "the" and 0.05 < frequencies.max() < 0.15
