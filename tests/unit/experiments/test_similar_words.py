"""`patent-spark neighbors`: the nearest words, by hand, of a published table of vectors."""

import pytest

from patent_spark.cli import main
from patent_spark.config import ConfigError, load_config
from patent_spark.core.store import Store
from patent_spark.experiments.similar_words import similar_words
from tests.support.errors import raises
from tests.support.factories import publish

WORDS = [
    {"word": "hand", "count": 1234567, "vector": [2.0, 0.0]},
    {"word": "handheld", "count": 1000, "vector": [3.0, 4.0]},
    {"word": "opposite", "count": 90, "vector": [-5.0, 0.0]},
    {"word": "grip", "count": 8, "vector": [4.0, 3.0]},
    {"word": "zero", "count": 7, "vector": [0.0, 0.0]},
]


@pytest.fixture
def neighbors(tmp_path, capsys):
    def run(*arguments):
        code = main(["neighbors", *arguments, "--set", f"warehouse.root={tmp_path}"])
        return code, *capsys.readouterr()

    return run


def test_the_nearest_words_with_cosine_and_count(neighbors, tmp_path):
    publish(Store(tmp_path), "text", {"VECTORS": WORDS})
    code, out, err = neighbors("Hand")
    title, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert "hand" in title and "1,234,567" in title
    assert [row.split() for row in rows] == [
        ["grip", "0.800", "8"],
        ["handheld", "0.600", "1,000"],
        ["zero", "0.000", "7"],
        ["opposite", "-1.000", "90"],
    ]
    assert neighbors("hand", "--top", "2") == (0, "\n".join([title, *rows[:2]]) + "\n", "")


def test_an_unknown_word_is_exit_2_and_names_words_spelt_alike(neighbors, tmp_path):
    publish(Store(tmp_path), "text", {"VECTORS": WORDS})
    config = load_config(sets=[f"warehouse.root={tmp_path}"])[0]
    with raises(ConfigError, word="hnad", words=5) as error:
        similar_words(config, "hnad", 10)
    assert "alike: hand" in str(error.value)
    with raises(ConfigError, word="xylophone", words=5) as error:
        similar_words(config, "xylophone", 10)
    assert "alike" not in str(error.value)
    with raises(ConfigError, top=0):
        similar_words(config, "hand", 0)
    code, out, err = neighbors("hnad")
    assert (code, out) == (2, "") and "hnad" in err


def test_before_the_text_stage_the_stage_to_run_is_named(neighbors, tmp_path):
    code, out, err = neighbors("hand")
    assert (code, out) == (3, "")
    assert all(words in err for words in ("VECTORS", str(tmp_path), "`patent-spark text`"))
