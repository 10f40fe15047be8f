"""`patent-spark neighbors`: what a person reads, by hand, from a published table of vectors."""

import pytest

from patent_spark.cli import main
from patent_spark.core.store import Store
from tests.support.factories import publish

WORDS = [
    {"word": "hand", "count": 1234567, "vector": [2.0, 0.0]},
    {"word": "handheld", "count": 1000, "vector": [3.0, 4.0]},
    {"word": "opposite", "count": 90, "vector": [-5.0, 0.0]},
    {"word": "grip", "count": 8, "vector": [4.0, 3.0]},
    {"word": "zero", "count": 7, "vector": [0.0, 0.0]},
]


@pytest.fixture
def asked(tmp_path, capsys):
    def ask(*arguments):
        code = main(["neighbors", *arguments, "--set", f"warehouse.root={tmp_path}"])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


def test_the_nearest_words_with_cosine_and_count(asked, tmp_path):
    publish(Store(tmp_path), "text", {"VECTORS": WORDS})
    table = [
        "similar words to hand (1,234,567 times in the training text)",
        "grip       0.800            8",
        "handheld   0.600        1,000",
        "zero       0.000            7",
        "opposite  -1.000           90",
    ]
    assert asked("Hand") == (0, "\n".join(table) + "\n", "")
    assert asked("hand", "--top", "2") == (0, "\n".join(table[:3]) + "\n", "")


def test_an_unknown_word_is_exit_2_and_names_words_spelt_alike(asked, tmp_path):
    publish(Store(tmp_path), "text", {"VECTORS": WORDS})
    assert asked("hnad") == (
        2,
        "",
        "patent-spark: hnad is not among the 5 words of the vocabulary; spelt alike: hand\n",
    )
    assert asked("xylophone") == (
        2,
        "",
        "patent-spark: xylophone is not among the 5 words of the vocabulary\n",
    )
    assert asked("hand", "--top", "0") == (2, "", "patent-spark: --top 0: at least one word is needed\n")


def test_before_the_text_stage_it_says_what_to_run(asked, tmp_path):
    assert asked("hand") == (
        3,
        "",
        f"patent-spark: no VECTORS in {tmp_path}; run `patent-spark text` first\n",
    )
