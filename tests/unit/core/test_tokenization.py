"""Words of texts as exports write them."""

import pytest

from patent_spark.core.token_ids import split_words
from patent_spark.core.tokenization import words_of

TEXTS = {
    "CO&lt;sub&gt;2 &amp; H&#8322;O": "co sub 2 h o",
    "&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;": "b bold b",
    "5 &#xB5;m or 5&micro;m": "5 m or 5 m",
    "R&D; AT&T; a&b c;": "r d at t a b c",
    "&quot;quoted&quot; &nbsp;text&hellip;": "quoted text",
    "black&white; ": "black white",
    "plain, text (12)": "plain text 12",
    "&; &&lt;": "",
}


@pytest.mark.engine
def test_entities_separate_words(session):
    frame = session.createDataFrame(list(enumerate(TEXTS)), "id int, text string")
    rows = frame.select("id", words_of("text").alias("words")).orderBy("id").collect()
    assert [" ".join(row["words"]) for row in rows] == list(TEXTS.values())


def test_so_they_do_where_no_engine_is():
    assert [" ".join(split_words(text)) for text in TEXTS] == list(TEXTS.values())
