"""The parts of the simulator: planted words, attainable figures, hashes, the calendar, and the stage's care for folders."""

import datetime
import json
import re
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from patent_spark.cli import main
from patent_spark.stages.simulate import bayes_rates
from patent_spark.stages.simulate.calibration import CLASSES
from patent_spark.stages.simulate.forward_counts import Forward
from patent_spark.stages.simulate.hashing import ragged, uniforms
from patent_spark.stages.simulate.lexicon import COMPANIONS, KEYWORDS, LEVEL_WORDS, SIDES, Lexicon
from patent_spark.stages.simulate.population import Calendar, Population, add_months, normal_quantiles
from patent_spark.stages.simulate.stage import put
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


def test_pairs_are_neighbours_in_size_and_hold_the_share_asked_for(population):
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
    own = set(words[lexicon.first_keyword + one * KEYWORDS : lexicon.first_keyword + (one + 1) * KEYWORDS])
    others = set(words[lexicon.first_keyword : lexicon.first_level_word]) - own
    titles, abstracts = written(texts, one, 2)
    for title, abstract in zip(titles, abstracts, strict=True):
        assert set(title[:12]) & own and len(sides_in_order(title[:12])) == 2
        assert not (set(title) | set(abstract)) & others
    found = [sum(word in own for word in abstract) for abstract in abstracts]
    assert min(found) >= 3 and 0.12 < sum(found) / sum(map(len, abstracts)) < 0.2
    markers = [len(sides_in_order(abstract)) for abstract in abstracts]
    assert set(markers) <= {2, 4, 6, 8, 10} and np.mean(
        [sides_in_order(title)[0] for title in titles]
    ) == pytest.approx(0.5, abs=0.1)


def test_synonyms_are_words_that_carry_a_signal_in_groups_that_share_none(lexicon):
    groups = lexicon.synonyms
    words = [word for group in groups for word in group]
    assert len(set(words)) == len(words) and set(words) <= set(lexicon.words[lexicon.first_keyword :])
    assert Counter(map(len, groups)) == {
        KEYWORDS: len(set(lexicon.group.tolist())),
        LEVEL_WORDS: 4,
        len(SIDES[0]): 4,
    }
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
        cut = [
            sides_in_order((title + abstract)[:100])
            for title, abstract in zip(titles, abstracts, strict=True)
        ]
        assert np.mean([sum(sides) * 2 == len(sides) for sides in cut]) > 0.97, (
            "a text cut at 100 words keeps as many of both sides"
        )


def test_each_level_has_its_words_early_in_the_abstract(texts, lexicon):
    for level in range(4):
        first = lexicon.first_level_word + level * LEVEL_WORDS
        own = set(lexicon.words[first : first + LEVEL_WORDS])
        all_levels = set(lexicon.words[lexicon.first_level_word : lexicon.first_marker])
        titles, abstracts = written(texts, 0, level)
        for abstract in abstracts:
            assert not set(abstract) & (all_levels - own)
            assert (
                2 <= sum(word in own for word in abstract[:105]) == sum(word in own for word in abstract) <= 8
            )
        assert np.mean([bool(set(title) & own) for title in titles]) == pytest.approx(0.3, abs=0.06)


def test_with_drift_words_of_the_levels_give_way_to_new_ones(population, lexicon):
    """A twentieth a year: half of a level's words in ten years, all of them in twenty, none of which comes back."""
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


def test_class_codes_are_the_papers():
    codes = [each.code for each in CLASSES]
    assert codes == sorted(codes) and len(codes) == 125
    assert [codes[k] for k in (0, 12, 104, 109, 118, 121, 122)] == [
        "A01",
        "A61",
        "G01",
        "G06",
        "H01",
        "H04",
        "H05",
    ]
    assert sum(each.patents for each in CLASSES) == 5_762_700  # the support under Appendix B
    assert Population(1, 1000, 3).classes == [codes.index(code) for code in ("G06", "H01", "H04")]


def test_attainable_accuracy_of_the_class_by_hand():
    population = Population(seed=1, size=1000, class_count=4)  # A61, G06, H01, H04
    shares = population.shares
    lexicon = Lexicon(population, 0.6)
    assert lexicon.pairs == [(1, 3)]  # G06 and H04: about 0.55
    figures = bayes_rates.technology(population, lexicon, 0.2)
    # The own class is told in 80 %, and by chance in 20 % of its share.
    assert figures["accuracy"] == pytest.approx(0.8 + 0.2 * sum(share**2 for share in shares))
    pair = shares[1] + shares[3]
    lost = shares[1] * (0.8 + 0.2 * pair)  # of the pair, H04 is guessed
    assert figures["bag_of_words_accuracy"] == pytest.approx(
        sum(share * (0.8 + 0.2 * share) for share in shares[[0, 2]]) + pair * 0.8 + 0.2 * pair**2 - lost
    )
    assert bayes_rates.technology(population, lexicon, 0.0)["accuracy"] == pytest.approx(1)
    assert bayes_rates.technology(population, lexicon, 1.0)["accuracy"] == pytest.approx(shares.max())


def test_average_precision_by_hand():
    # Ranked first: 3 of 4 positive, then 2 of 8, then 0 of 5; recall grows by 0.6 at precision 3/4, by 0.4 at 5/12.
    chances = np.array([0.25, 0.0, 0.75])
    assert bayes_rates.average_precision(np.array([2, 0, 3]), np.array([8, 5, 4]), chances) == pytest.approx(
        0.6 * 0.75 + 0.4 * 5 / 12
    )
    assert bayes_rates.average_precision(np.array([0, 0]), np.array([8, 5]), chances[:2]) == 0


def test_small_pools_make_more_of_the_top_attainable():
    """Two classes, two years alike, nothing told by the signal: of a pool of 4 one is top1, of a pool of 40 one as well."""
    levels = bayes_rates.Levels(Population(seed=1, size=1000, class_count=4), datetime.date(2025, 9, 30))
    for year in (0, 1):
        rows = np.array(
            [[year, cpc, cpc, 2, 1 + at] for cpc, size in ((0, 4), (1, 40)) for at in range(size)]
        )
        levels.add(np.full(len(rows), 52 * year), rows)
    found = levels.attainable()
    for figures in (found, *found["by_year"].values()):
        # Ranked first: the small pool, 1 of 4; then the large one, 1 more of 40.
        assert figures["top1_average_precision"] == pytest.approx(0.5 * 1 / 4 + 0.5 * 2 / 44)
        # Neither pool has more patents of another level than of btm90: 3 of 4 and 36 of 40.
        assert figures["accuracy"] == pytest.approx((3 + 36) / 44)
    assert len(found["by_year"]) == 2 and found["patents"] == 88


def test_what_a_year_shows_of_itself_is_not_attainable():
    """A signal whose patents are top1 in one year and never in the others tells nobody which year it is."""
    levels = bayes_rates.Levels(Population(seed=1, size=1000, class_count=4), datetime.date(2025, 9, 30))
    for year, lucky, other in ((0, 1, 3), (1, 3, 1)):
        rows = [[year, 0, 0, lucky, 50], [year, 0, 0, other, 1], *([year, 0, 0, 2, 1] for _ in range(8))]
        levels.add(np.full(10, 52 * year), np.array(rows))
    assert levels.attainable()["top1_average_precision"] == pytest.approx(0.1)


def test_where_nobody_is_alike_all_others_are_the_guide():
    """A signal of one year alone: there it is guessed btm90, as most are."""
    levels = bayes_rates.Levels(Population(seed=1, size=1000, class_count=4), datetime.date(2025, 9, 30))
    for year, signal in ((0, 2), (1, 3)):
        levels.add(
            np.full(10, 52 * year),
            np.array([[year, 0, 0, signal, 50], *([year, 0, 0, signal, 1] for _ in range(9))]),
        )
    assert levels.attainable()["accuracy"] == pytest.approx(0.9)


def test_grant_days_and_windows():
    days = np.array(["2000-02-29", "2003-11-30", "2020-01-31", "2015-08-31"], "datetime64[D]")
    assert add_months(days, 60).astype(str).tolist() == [
        "2005-02-28",
        "2008-11-30",
        "2025-01-31",
        "2020-08-31",
    ]
    calendar = Calendar.of_size(100_000)
    week = int(np.searchsorted(calendar.days, np.datetime64("2000-02-29")))
    assert calendar.days[week] == np.datetime64("2000-02-29")
    behind = int(np.searchsorted(calendar.starts, calendar.window_end[week]))
    assert calendar.days[behind - 1] == np.datetime64("2005-02-22") and calendar.days[
        behind
    ] == np.datetime64("2005-03-01")
    assert calendar.until(datetime.date(2025, 9, 30)) == 100_000
    assert calendar.until(datetime.date(2025, 9, 29)) == calendar.starts[calendar.week(np.array([99_999]))[0]]


def test_forward_counts_and_levels_follow_the_rank(population):
    forward = Forward(population)
    rank = np.linspace(0, 1, 100_000, endpoint=False)
    year, cpc = np.full(len(rank), 34), np.full(len(rank), 7)
    counts, levels = forward.counts(rank, year, cpc), forward.levels(rank, year, cpc)
    assert (np.diff(counts) >= 0).all() and (np.diff(levels) <= 0).all()
    shares = np.bincount(levels, minlength=4) / len(levels)
    assert shares[0] == pytest.approx(0.01, abs=0.001) and shares[0] + shares[1] == pytest.approx(
        0.1, abs=0.03
    )
    assert shares[3] == pytest.approx((counts == 0).mean())
    assert 15 < counts[99_000] < 60 and counts[-1] > 200


def test_hashes_do_not_depend_on_the_company_they_keep():
    index = np.arange(10_000)
    values = uniforms(7, "some stream", index)
    assert (values[5000:] == uniforms(7, "some stream", index[5000:])).all()
    assert values.min() >= 0 and values.max() < 1 and values.mean() == pytest.approx(0.5, abs=0.01)
    assert abs(np.corrcoef(values, uniforms(7, "another stream", index))[0, 1]) < 0.03
    assert abs(np.corrcoef(values, uniforms(8, "some stream", index))[0, 1]) < 0.03
    assert abs(np.corrcoef(values[1:], values[:-1])[0, 1]) < 0.03
    owner, place = ragged(np.array([2, 0, 3]))
    assert owner.tolist() == [0, 0, 2, 2, 2] and place.tolist() == [0, 1, 0, 1, 2]
    assert normal_quantiles(np.array([0.001, 0.025, 0.5, 0.8, 0.99])) == pytest.approx(
        [-3.090232, -1.959964, 0, 0.841621, 2.326348], abs=1e-6
    )


def simulate(tmp_path, *settings):
    sets = [f"warehouse.root={tmp_path}/w", "simulate.patents=1000", "simulate.classes=8", *settings]
    return main(["simulate", *[part for each in sets for part in ("--set", each)]])


def test_the_release_is_put_at_source_path_too(tmp_path, capsys):
    target = tmp_path / "somewhere" / "release"
    assert simulate(tmp_path, f"source.path={target}") == 0
    about = json.loads((target / "release.json").read_text())
    version = (tmp_path / "w" / "simulate" / "CURRENT").read_text().strip()
    inside = tmp_path / "w" / "simulate" / version / "RELEASE"
    assert {path.name: path.read_bytes() for path in inside.iterdir()} == {
        path.name: path.read_bytes() for path in target.iterdir()
    }
    facts = json.loads((inside.parent / "manifest.json").read_text())["metadata"]
    assert facts["release_id"] == about["release_id"] and facts["attainable"] == about["bayes_rates"]
    assert simulate(tmp_path, f"source.path={target}", "simulate.seed=2") == 0
    assert json.loads((target / "release.json").read_text())["settings"]["seed"] == 2
    assert [path.name for path in target.parent.iterdir()] == ["release"], "nothing is left beside it"
    assert f"the release is in {target}" in capsys.readouterr().err


def test_a_release_that_cannot_be_replaced_stands_again(tmp_path, monkeypatch):
    target, new = tmp_path / "shared" / "release", tmp_path / "new"
    for folder in (target, new):
        folder.mkdir(parents=True)
        (folder / "release.json").write_text(folder.name)
    rename = Path.rename

    def fails(path, to):
        if (path / "release.json").read_text() == "new":
            raise PermissionError(to)
        return rename(path, to)

    with monkeypatch.context() as broken, pytest.raises(PermissionError):
        broken.setattr(Path, "rename", fails)
        put(new, target)
    assert [(path.name, (path / "release.json").read_text()) for path in target.parent.iterdir()] == [
        ("release", "release")
    ]
    put(new, target)
    assert [(path.name, (path / "release.json").read_text()) for path in target.parent.iterdir()] == [
        ("release", "new")
    ]


@pytest.mark.parametrize("content", ["a file of mine", '{"source": "real"}', "[]"])
def test_a_folder_with_other_files_is_left_alone(tmp_path, capsys, content):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "release.json").write_text(content)
    assert simulate(tmp_path, f"source.path={target}") == 3
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"patent-spark: source.path = {target} holds files that are not a simulated release, and they would be replaced; "
        "name another folder, or set source.kind=folder to read them"
    )
    assert [path.read_text() for path in target.iterdir()] == [content]
    assert not list((tmp_path / "w" / "simulate").glob("*/RELEASE")), "refused before any work"


def test_settings_out_of_range_are_named(tmp_path, capsys):
    for setting, said in (
        ("simulate.broken_fraction=1", "input should be less than 1"),
        ("simulate.classes=126", "input should be less than or equal to 125"),
        (
            "simulate.data_to_date=1999-02-30",
            "--set simulate.data_to_date=1999-02-30: the value is not YAML: day is out of range for month",
        ),
        ("simulate.data_to_date=2026-01-01", "input should be less than or equal to 2025-09-30"),
        ("simulate.data_to_date=1975-12-31", "input should be greater than or equal to 1976-01-06"),
    ):
        assert simulate(tmp_path, setting) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "setting",
    [
        "citation_scale=0",
        "order_share=0",
        "order_share=1",
        "technology_noise=1",
        "level_noise=1",
        "abstract_words=1",
        "classes=2",
    ],
)
def test_extreme_settings_still_make_a_release(tmp_path, setting):
    assert simulate(tmp_path, f"simulate.{setting}", f"source.path={tmp_path}/release") == 0
    about = json.loads((tmp_path / "release" / "release.json").read_text())
    with zipfile.ZipFile(tmp_path / "release" / "g_us_patent_citation.tsv.zip") as archive:
        rows = archive.read("g_us_patent_citation.tsv").count(b"\n") - 1
    assert rows == about["rows"]["g_us_patent_citation.tsv.zip"]
    assert (rows == 0) == (setting == "citation_scale=0")


def test_a_weighted_quantile_is_numpys_of_the_values_spelled_out():
    random = np.random.default_rng(5)
    for _ in range(50):
        values, weights = random.permutation(40)[:7], random.integers(1, 6, 7)
        for share in (0.0, 0.5, 0.9, 0.99, 1.0):
            assert bayes_rates.weighted_quantile(values, weights, share) == pytest.approx(
                np.quantile(np.repeat(values, weights), share)
            )
