import datetime

import gensim.models
import pytest

from patent_spark.config import Text, digest, load_config
from patent_spark.core.errors import DataError
from patent_spark.core.metadata import TextMetadata
from patent_spark.core.schemas import TABLES
from patent_spark.core.store import Store
from patent_spark.core.tokenization import claims_per_patent, tokens
from patent_spark.pipeline import run_stage
from patent_spark.stages.text.stage import first_test_day
from patent_spark.stages.text.tokens import keep_training_texts, vocabulary
from tests.support.errors import raises
from tests.support.factories import publish, table_of
from tests.support.messages import line_with

pytestmark = pytest.mark.engine

TEXTS = [
    # (title, abstract, words); the patent's key is the place in this list
    (
        "Wi-Fi  RECEIVER",
        'A 3.5mm plug, and\nthe "jack".',
        ["wi", "fi", "receiver", "a", "3", "5mm", "plug", "and", "the", "jack"],
    ),
    (None, "an abstract alone", ["an", "abstract", "alone"]),
    ("title alone", None, ["title", "alone"]),
    ("", "\tpadded\r\n", ["padded"]),
    ("Café µ-wave Ωm²", "H2O—NaCl", ["caf", "wave", "m", "h2o", "nacl"]),
    ("same same", "same", ["same", "same", "same"]),
    (None, None, None),
    ("--- ...", "\n", None),
]
WITHDRAWN = len(TEXTS)


def frame(session, table, rows):
    return session.createDataFrame(table_of(table, rows).to_pylist(), TABLES[table].schema)


def test_words_of_titles_and_abstracts(session):
    patents = [
        {"patent_key": key, "title": title, "withdrawn": None if key else False}
        for key, (title, _, _) in enumerate(TEXTS)
    ]
    patents.append({"patent_key": WITHDRAWN, "title": "withdrawn", "withdrawn": True})
    abstracts = [
        {"patent_key": key, "abstract": abstract}
        for key, (_, abstract, _) in enumerate(TEXTS)
        if abstract is not None
    ]
    abstracts.append({"patent_key": 999, "abstract": "of no patent"})
    frames = (
        frame(session, "PATENTS", patents),
        ("title", "abstract"),
        [frame(session, "ABSTRACTS", abstracts).drop("patent_id")],
    )
    rows = tokens(*frames).collect()
    assert {row.patent_key: row.tokens for row in rows} == {
        key: words for key, (_, _, words) in enumerate(TEXTS) if words
    }
    assert {row.patent_id for row in rows} == {str(key) for key, (_, _, words) in enumerate(TEXTS) if words}


CLAIMS = [
    # (patent, sequence, text)
    (1, 2, "a third"),
    (1, 0, "The First,"),
    (1, 1, "a second"),
    (1, 0, "The First,"),
    (1, 3, None),
    (2, 7, "b only"),
    (2, 5, None),
    (3, 1, "c tie y"),
    (3, 1, "c tie x"),
    (3, 10, "c ten"),
    (3, 9, "c nine"),
    (4, 0, None),
]


def test_the_claims_of_a_patent_as_one_text(session):
    claims = frame(
        session,
        "CLAIMS",
        [{"patent_key": key, "claim_sequence": at, "claim_text": text} for key, at, text in CLAIMS],
    )
    chosen = {
        which: {row.patent_key: row.claims for row in claims_per_patent(claims, which).collect()}
        for which in ("first", "all")
    }
    assert chosen == {
        "first": {1: "The First,", 2: "b only", 3: "c tie x"},
        "all": {1: "The First, a second a third", 2: "b only", 3: "c tie x c tie y c nine c ten"},
    }


def test_the_text_is_the_fields_in_their_order(session):
    patents = frame(session, "PATENTS", [{"patent_key": key, "title": f"title{key}"} for key in (1, 2)])
    claims = session.createDataFrame([(1, "the claim")], "patent_key bigint, claims string")
    abstracts = session.createDataFrame([(1, "an abstract")], "patent_key bigint, abstract string")
    whole = tokens(patents, ("claims", "title", "abstract"), [claims, abstracts])
    assert {row.patent_key: " ".join(row.tokens) for row in whole.collect()} == {
        1: "the claim title1 an abstract",
        2: "title2",
    }
    alone = tokens(patents, ("claims",), [claims])
    assert {row.patent_key: " ".join(row.tokens) for row in alone.collect()} == {1: "the claim"}


def test_what_may_be_learned_from(session):
    day = datetime.date(2011, 1, 1)
    before, after = day - datetime.timedelta(1), day
    cases = [
        # (grant date, held out, kept at any time, kept before 2011)
        (before, False, True, True),
        (after, False, True, False),
        (None, False, True, False),
        (before, True, False, False),
        (after, True, False, False),
    ]
    texts = frame(
        session, "TOKENS", [{"patent_key": key, "tokens": [f"w{key}"]} for key in range(len(cases))]
    )
    patents = frame(
        session, "PATENTS", [{"patent_key": key, "grant_date": case[0]} for key, case in enumerate(cases)]
    )
    held_out = frame(
        session,
        "SPLITS",
        [{"patent_key": key} for key, case in enumerate(cases) if case[1] for _ in range(2)],
    ).select("patent_key")
    for until, column in ((None, 2), (day, 3)):
        kept = keep_training_texts(texts, held_out, patents, until)
        assert kept.columns == texts.columns
        expected = [(key, [f"w{key}"]) for key, case in enumerate(cases) if case[column]]
        assert sorted((row.patent_key, row.tokens) for row in kept.collect()) == expected


def words_of(texts, text):
    """Word, id and count of each row of VOCABULARY, by id."""
    rows = sorted(vocabulary(texts, text).collect(), key=lambda row: row.id)
    return [(row.word, row.id, row["count"]) for row in rows]


def test_vocabulary_is_ordered_by_frequency_then_alphabet(session):
    texts = frame(
        session,
        "TOKENS",
        [
            {"patent_key": 1, "tokens": ["b", "a", "c", "b", "rare"]},
            {"patent_key": 2, "tokens": ["b", "c", "a", "10"]},
            {"patent_key": 3, "tokens": ["10"]},
        ],
    )
    assert words_of(texts, Text(min_count=2)) == [("b", 1, 3), ("10", 2, 2), ("a", 3, 2), ("c", 4, 2)]


@pytest.mark.parametrize(
    ("min_vocabulary", "rarer"),
    [
        (0, []),
        (1, []),  # there are that many
        (3, [("10", 2, 2), ("a", 3, 2)]),
        (9, [("10", 2, 2), ("a", 3, 2), ("c", 4, 2), ("once", 5, 1)]),
    ],
)
def test_a_small_vocabulary_takes_rarer_words(session, min_vocabulary, rarer):
    texts = frame(session, "TOKENS", [{"patent_key": 1, "tokens": [*"bbb", *"aacc", "10", "10", "once"]}])
    assert words_of(texts, Text(min_count=3, min_vocabulary=min_vocabulary)) == [("b", 1, 3), *rarer]


def test_the_first_test_day_counts_for_the_tasks_of_this_run():
    days = [
        first_test_day(load_config(sets=[f"tasks={tasks}", "split.test_years=[2014, 2012]"])[0])
        for tasks in ("technology", "citation_level", "both")
    ]
    assert days == [None, datetime.date(2012, 1, 1), datetime.date(2012, 1, 1)]


HELD_OUT = [
    # (abstract, family, splits, held out by itself, held out with its family); keys from 11 on
    (None, None, ["test"], True, True),
    ("Held  aside", 7, ["test_2015", "train"], True, True),
    ("held ASIDE\n", 7, [], False, True),  # no class: only its text could be learned from
    (None, 7, ["train"], False, True),
    ("held aside too", 8, ["development"], False, False),
    (None, None, ["large_test"], True, True),
    (None, None, [], False, False),
    (" ", None, ["test"], True, True),
    ("", None, ["train"], False, False),
]


@pytest.fixture
def warehouse(tmp_path, engine):
    """Runs stage text with given settings on ten training texts of red green blue and those of HELD_OUT."""
    store = Store(tmp_path)
    day = datetime.date(2005, 1, 1)
    others = dict(enumerate(HELD_OUT, 11))
    publish(
        store,
        "ingest",
        {
            "PATENTS": [{"patent_key": key, "grant_date": day, "title": "red green"} for key in range(1, 11)]
            + [{"patent_key": key, "grant_date": day, "title": f"alone{key}"} for key in others],
            "ABSTRACTS": [
                {"patent_key": key, "abstract": "blue" if key > 3 else "green"} for key in range(1, 11)
            ]
            + [
                {"patent_key": key, "abstract": case[0]}
                for key, case in others.items()
                if case[0] is not None
            ],
            "CLAIMS": [
                {"patent_key": key, "claim_sequence": at, "claim_text": f"claimed{at}"}
                for key in range(1, 11)
                for at in (0, 1)
            ],
        },
        {"synonyms": [["red", "green", "blue"]]},  # all words of the vocabulary: whatever is nearest is right
    )
    splits = [
        {"patent_key": key, "task": f"task {i}", "split": split}
        for key, case in others.items()
        for i, split in enumerate(case[2])
    ]
    names = {
        task: {row["split"]: 1 for row in splits if row["task"] == task} for task in ("task 0", "task 1")
    }
    families = [{"patent_key": key, "family": case[1]} for key, case in others.items() if case[1]]
    publish(store, "split", {"SPLITS": splits, "FAMILIES": families}, {"splits": names})

    def run(*settings):
        sets = [
            f"warehouse.root={tmp_path}",
            f"engine.name={engine.name}",
            "text.dimensions=4",
            "text.min_count=2",
            "text.workers=1",
            *settings,
        ]
        run_stage("text", load_config(sets=sets)[0])
        return store

    return run


@pytest.mark.parametrize(("group", "column"), [("false", 3), ("true", 4)])
def test_a_text_like_that_of_a_test_patent_is_not_learned_from(warehouse, group, column):
    words = (
        warehouse("text.min_count=1", f"split.group_by_family={group}")
        .read_arrow("VOCABULARY")["word"]
        .to_pylist()
    )
    assert {word for word in words if word.startswith("alone")} == {
        f"alone{key}" for key, case in enumerate(HELD_OUT, 11) if not case[column]
    }


def test_the_stage_learns_words_and_vectors_from_training_texts(warehouse):
    store = warehouse()
    words = ["green", "red", "blue"]
    assert store.read_arrow("VOCABULARY").sort_by("id").to_pylist() == [
        {"word": word, "id": id_, "count": count}
        for id_, (word, count) in enumerate(zip(words, (13, 10, 7), strict=True), 1)
    ]
    assert store.metadata(TextMetadata).to_json() == {
        "vocabulary_size": 3,
        "vocabulary_digest": digest(words),
        "training_texts": 13,
        "training_words": 36,
        "synonyms_found": 1.0,
        "continued_from": None,
    }
    assert store.read_arrow("TOKENS").num_rows == 10 + len(HELD_OUT)
    vectors = store.read_arrow("VECTORS").to_pylist()
    keyed = gensim.models.KeyedVectors.load(str(store.directory("KEYED_VECTORS") / "vectors.kv"))
    assert [(row["word"], row["count"]) for row in vectors] == [("green", 13), ("red", 10), ("blue", 7)]
    assert keyed.index_to_key == words
    assert [row["vector"] for row in vectors] == keyed.vectors.tolist()
    assert not list(store.directory("TOKENS").parent.glob("corpus*"))


def test_the_papers_way_learns_from_all_texts(warehouse):
    metadata = warehouse("text.fit_on=all").metadata(TextMetadata)
    assert (metadata.training_texts, metadata.vocabulary_size) == (
        19,
        5,
    )  # "held" and "aside" stand in two texts that are held out


def test_claims_are_text_when_asked_for(warehouse):
    rows = warehouse("text.fields=[abstract, claims]", "text.claims=all").read_arrow("VOCABULARY").to_pylist()
    assert {row["word"]: row["count"] for row in rows} == {
        "green": 3,
        "blue": 7,
        "claimed0": 10,
        "claimed1": 10,
    }


def test_claims_that_were_not_ingested(warehouse, tmp_path):
    publish(Store(tmp_path), "ingest", {"PATENTS": [], "ABSTRACTS": []})
    with pytest.raises(DataError) as caught:
        warehouse("text.fields=[title, claims]")
    line_with(str(caught.value), "CLAIMS", "`patent-spark ingest`")


def test_no_word_is_frequent_enough(warehouse):
    with raises(DataError, table="VOCABULARY", setting="text.min_count", min_count=14):
        warehouse("text.min_count=14")
