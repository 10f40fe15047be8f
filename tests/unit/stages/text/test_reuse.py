"""The stage text on a second release: tokens of unchanged texts and vectors of an unchanged corpus are taken
over; vectors go on from those before by a setting."""

import datetime

import numpy as np
import pytest

from patent_spark.config import load_config
from patent_spark.core.metadata import TextMetadata
from patent_spark.core.reuse import Reused
from patent_spark.core.store import Store
from patent_spark.pipeline import run_stage
from tests.support.factories import publish
from tests.support.table_hash import table_digest

DESIGN, GRANTED = 48 * 10**12, datetime.date(1990, 1, 2)
OLD = {key: (f"red green word{key % 3}", f"blue text {key}") for key in (*range(1, 13), DESIGN + 1)}
"""Title and abstract by patent key; in the tests a block has eight keys."""
CONTINUED = ("text.continue_vectors=true", "text.continued_epochs=1")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("patent_spark.core.key_ranges.BLOCK_BITS", 3)
    monkeypatch.setattr("patent_spark.core.key_ranges._ROWS", 6)


@pytest.fixture
def text(tmp_path, engine):
    def run(texts, *sets, root="w", withdrawn=(), tested=(), candidate=False):
        """Run the stage on a release of these texts; returns the store."""
        store = Store(tmp_path / root)
        patents = [
            {"patent_key": key, "title": title, "withdrawn": key in withdrawn, "grant_date": GRANTED}
            for key, (title, _) in texts.items()
        ]
        abstracts = [{"patent_key": key, "abstract": abstract} for key, (_, abstract) in texts.items()]
        publish(store, "ingest", {"PATENTS": patents, "ABSTRACTS": abstracts})
        splits = [{"patent_key": key, "task": "technology", "split": "test"} for key in tested]
        families = {"SPLITS": splits, "FAMILIES": []}
        publish(store, "split", families, {"splits": {"technology": {"test": len(tested)}}})
        fixed = ("text.dimensions=4", "text.min_count=1", "text.workers=1", f"engine.name={engine.name}")
        config = load_config(sets=[f"warehouse.root={store.root}", *fixed, *sets])[0]
        run_stage("text", config, candidate=candidate)
        return Store(store.root, candidate=candidate)

    return run


def reused(store):
    return store.manifest("text").reused


def content(store):
    tables = {name: table_digest(store.directory(name)) for name in ("TOKENS", "VOCABULARY", "VECTORS")}
    return tables, store.metadata(TextMetadata)


CHANGES = {
    # change of the texts, patents withdrawn, blocks whose tokens are reused and all blocks
    "new": (lambda texts: texts | {13: ("new", "words"), 70: ("newer", None)}, (), (2, 4)),
    "changed": (lambda texts: texts | {9: (texts[9][0], "corrected")}, (), (2, 3)),
    "gone": (lambda texts: {key: text for key, text in texts.items() if key != 2}, (), (2, 3)),
    "withdrawn": (lambda texts: texts, (DESIGN + 1,), (2, 2)),
    "moved within the text": (lambda texts: texts | {9: ("red", "green word0 blue text 9")}, (), (3, 3)),
    "words swapped between patents": (lambda texts: texts | {9: texts[12], 12: texts[9]}, (), (2, 3)),
}


@pytest.mark.engine
@pytest.mark.parametrize("case", CHANGES)
def test_only_blocks_with_a_change_are_tokenised_and_the_result_is_that_of_a_full_run(text, case):
    change, withdrawn, (same, blocks) = CHANGES[case]
    text(OLD)
    second = text(change(OLD), withdrawn=withdrawn)
    assert reused(second).get("TOKENS") == Reused(parts=same, of=blocks)
    assert content(second) == content(text(change(OLD), withdrawn=withdrawn, root="anew"))


def test_other_fields_are_other_texts(text):
    text(OLD)
    second = text(OLD, "text.fields=[title]")
    assert reused(second) == {}
    assert content(second) == content(text(OLD, "text.fields=[title]", root="anew"))


@pytest.mark.parametrize(("module", "left"), [("token_blocks", {"VECTORS"}), ("fit", {"TOKENS"})])
def test_what_other_code_made_is_made_anew(text, monkeypatch, module, left):
    text(OLD)
    monkeypatch.setattr(f"patent_spark.stages.text.{module}.code_digest", lambda _: "other code")
    assert set(reused(text(OLD))) == left


@pytest.mark.engine
def test_texts_without_any_word(text):
    nothing = {1: (None, "..."), 9: ("", None)}
    assert text(OLD | nothing).read_arrow("TOKENS").num_rows == len(OLD) - 2
    store = text(OLD | nothing | {20: ("---", None)})
    assert store.read_arrow("TOKENS").num_rows == len(OLD) - 2
    assert reused(store)["TOKENS"] == Reused(parts=3, of=4)


def test_vectors_of_the_same_training_texts_are_taken_over(text):
    """The new patent is a test patent, so nothing is learned from it."""
    first = content(text(OLD))
    second = text(OLD | {13: ("unheard of", "words")}, tested=[13])
    assert reused(second)["VECTORS"] == Reused(parts=1, of=1)
    assert content(second)[0]["VECTORS"] == first[0]["VECTORS"]
    assert second.read_arrow("TOKENS").num_rows == len(OLD) + 1


@pytest.mark.parametrize(
    "change",
    [
        "text.window=3",
        "text.epochs=6",
        "text.min_training_words=9999",
        "text.seed=5",
        "text.min_count=2",
        "text.center=true",
        "text.subwords=true",
    ],
)
def test_vectors_with_other_settings_are_fitted_anew(text, change):
    text(OLD)
    assert "VECTORS" not in reused(text(OLD, change))


NEWER = OLD | {14: ("unheard red green", "blue text")}


def vectors(store):
    rows = store.read_arrow("VECTORS").to_pylist()
    return {row["word"]: np.array(row["vector"]) for row in rows}


@pytest.mark.parametrize("subwords", ["false", "true"])
def test_vectors_go_on_from_those_that_readers_see(text, subwords):
    """With another seed, vectors from nothing begin elsewhere."""
    settings = (*CONTINUED, f"text.subwords={subwords}")
    first = text(OLD, *settings)
    version, before = first.manifest("text").version, vectors(first)
    assert first.metadata(TextMetadata).continued_from is None
    text(OLD | {15: ("a candidate", "")}, *settings, "text.seed=9", candidate=True)
    second = text(NEWER, *settings, "text.seed=9", candidate=True)
    assert second.metadata(TextMetadata).continued_from == version
    after, anew = vectors(second), vectors(text(NEWER, *settings, "text.seed=9", root="anew"))
    assert "unheard" in after and "unheard" not in before
    moved = {word: np.linalg.norm(after[word] - before[word]) for word in before}
    apart = {word: np.linalg.norm(anew[word] - before[word]) for word in before}
    assert 0 < max(moved.values()) < 0.1 * min(apart.values())


def test_without_the_setting_they_begin_from_nothing(text):
    text(OLD)
    second = text(NEWER)
    assert second.metadata(TextMetadata).continued_from is None
    assert content(second) == content(text(NEWER, root="anew"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), CONTINUED),
        (CONTINUED, (*CONTINUED, "text.dimensions=5")),
        (CONTINUED, (*CONTINUED, "text.subwords=true")),
        ((*CONTINUED, "text.subwords=true"), CONTINUED),
    ],
)
def test_vectors_that_cannot_be_continued_begin_from_nothing(text, first, second):
    text(OLD, *first)
    assert text(NEWER, *second).metadata(TextMetadata).continued_from is None


FURTHER = "text.further_vectors=[{window: 3, subsample: 0}, {dimensions: 6, subsample: 0}]"


def further(store):
    return [np.load(path) for path in sorted(store.directory("FURTHER_VECTORS").iterdir())]


def test_further_sets_have_their_own_settings_and_are_taken_over_one_by_one(text):
    store = text(OLD, FURTHER)
    (wide, long), words = further(store), store.read_arrow("VECTORS").num_rows
    assert (wide.shape, long.shape) == ((words, 4), (words, 6))
    assert reused(text(OLD, FURTHER))["FURTHER_VECTORS"] == Reused(parts=2, of=2)
    other = text(OLD, FURTHER.replace("window: 3", "window: 4"))
    assert reused(other)["VECTORS"] == Reused(parts=1, of=1)
    assert reused(other)["FURTHER_VECTORS"] == Reused(parts=1, of=2)
    assert not np.array_equal(further(other)[0], wide)
    assert np.array_equal(further(other)[1], long)


def test_further_sets_go_on_too(text):
    """With another seed, vectors from nothing begin elsewhere."""
    before = further(text(OLD, FURTHER, *CONTINUED))
    after = further(text(OLD, FURTHER, *CONTINUED, "text.seed=9"))
    anew = further(text(OLD, FURTHER, *CONTINUED, "text.seed=9", root="anew"))
    for one, on, other in zip(before, after, anew, strict=True):
        assert np.linalg.norm(on - one) < 0.5 * np.linalg.norm(other - one)
