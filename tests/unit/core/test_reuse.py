"""Parts of a version that the next one takes over."""

import pytest

from patent_spark.core.reuse import PARTS, Reused
from patent_spark.core.store import Store

ABOUT = {"release_id": "r", "settings": {}, "inputs": {}, "seconds": 0, "code": "", "engine": ""}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path)


def version(store, work, *, publish=True, **options):
    """A version of the stage text that `work` makes with the draft and its parts; returns what was reused."""
    with store.draft("text") as draft:
        with draft.parts(**options) as parts:
            work(draft, parts)
        reused = parts.write()
        if publish:
            draft.publish(key="k", reused=reused, **ABOUT)
        return reused


def make(content, depends_on, facts=None):
    def work(draft, parts):
        file = draft.path("TOKENS") / f"{depends_on}.parquet"
        file.write_text(content)
        parts.add("TOKENS", depends_on, [file], facts)

    return work


def reusing(*wanted):
    """Work that reuses parts, and the facts of each that it was given."""
    given = {}

    def work(_, parts):
        given.update({depends_on: parts.reuse("TOKENS", depends_on) for depends_on in wanted})

    return work, given


@pytest.fixture(autouse=True)
def any_file_is_a_table(monkeypatch):
    monkeypatch.setattr("patent_spark.core.store.parquet_size", lambda path: {"rows": 0})


def test_a_part_with_the_same_key_is_taken_over_with_its_facts(store):
    assert version(store, make("of 1976", "a", {"rows": 3})) == {}
    work, given = reusing("a", "b")
    assert version(store, work) == {"TOKENS": Reused(parts=1, of=1)}
    assert given == {"a": {"rows": 3}, "b": None}
    assert (store.root / "text" / store.manifest("text").version / "TOKENS" / "a.parquet").read_text() == (
        "of 1976"
    )
    assert store.manifest("text").reused == {"TOKENS": Reused(parts=1, of=1)}


def test_a_part_survives_the_version_that_it_was_made_in(store):
    version(store, make("text", "a"))
    for _ in range(3):
        work, given = reusing("a")
        version(store, work)
        assert given == {"a": {}}
    assert [path.read_text() for path in store.root.glob("text/*/TOKENS/a.parquet")] == ["text"] * 2


def test_parts_of_another_table_are_others(store):
    version(store, make("text", "a"))
    version(store, lambda _, parts: None if parts.reuse("VECTORS", "a") is None else pytest.fail("reused"))


def test_how_much_was_reused_is_told_by_table(store):
    version(store, make("text", "a"))

    def work(draft, parts):
        make("new", "b")(draft, parts)
        parts.reuse("TOKENS", "a")
        parts.add("VECTORS", "a", [])

    assert version(store, work) == {"TOKENS": Reused(parts=1, of=2)}


@pytest.mark.parametrize("case", ["forced", "draft", "unreadable", "file gone"])
def test_nothing_is_reused(store, case):
    version(store, make("text", "a"), publish=case != "draft")
    for path in store.root.glob(f"text/*/{PARTS}"):
        if case == "unreadable":
            path.write_text('{"of": "another version"}')
        if case == "file gone":
            (path.parent / "TOKENS" / "a.parquet").unlink()
    work, given = reusing("a")
    assert version(store, work, anew=case == "forced") == {}
    assert given == {"a": None}


def test_what_is_reused_is_not_removed_meanwhile(store):
    version(store, make("text", "a"))
    with store.draft("text") as draft, draft.parts() as parts:
        for _ in range(3):
            version(Store(store.root, keep_versions=1), lambda *_: None)
        assert parts.reuse("TOKENS", "a") == {}


def test_where_files_cannot_be_linked_they_are_copied(store, monkeypatch):
    version(store, make("text", "a"))
    monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError))
    work, given = reusing("a")
    version(store, work)
    assert given == {"a": {}}
    assert {path.read_text() for path in store.root.glob("text/*/TOKENS/a.parquet")} == {"text"}
