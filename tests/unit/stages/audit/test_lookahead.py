"""The words that the audit expects in a vocabulary."""

import pandas as pd
import pytest

from patent_spark.config import Text
from patent_spark.stages.audit.checks.lookahead import _expected_words

COUNTS = pd.Series({"once": 1, "c": 2, "b": 3, "a": 2, "10": 2})


@pytest.mark.parametrize(
    ("min_vocabulary", "words"),
    [(0, ["b"]), (1, ["b"]), (3, ["b", "10", "a"]), (9, ["b", "10", "a", "c", "once"])],
)
def test_a_small_vocabulary_takes_rarer_words(min_vocabulary, words):
    expected = _expected_words(COUNTS, Text(min_count=3, min_vocabulary=min_vocabulary))
    assert expected.to_dict() == {word: COUNTS[word] for word in words}
